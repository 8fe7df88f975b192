// Rules of one event in a line, for tests.
//
// Not for production code.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "rules/compile.h"

namespace hunt::rules {

// Fails the test where they are refused.
inline model::RuleSet compiled(const std::string& tables) {
  const RulesFile file{"f.yaml", "event: e\ntables:\n" + tables};
  auto result = compile_rules({&file, 1}, 0);
  EXPECT_TRUE(result.has_value()) << (result ? "" : format(result.error().at(0)));
  return result ? std::move(result->set) : model::RuleSet{};
}

}  // namespace hunt::rules
