// RulesSource: the rules in force now.
//
// Not the engine's copy (each lane has its own pointer): for those who check names against them,
// such as burying loot over HTTP. Thread: any.
// Implementations: service/rules_book.h.
#pragma once
#include <memory>
#include <string_view>

#include "model/rule_set.h"

namespace hunt::ports {

class RulesSource {
 public:
  virtual ~RulesSource() = default;
  [[nodiscard]] virtual std::shared_ptr<const model::RuleSet> current() const = 0;
  // Those in force now or not long ago; nullptr: not known (any more).
  [[nodiscard]] virtual std::shared_ptr<const model::RuleSet> of_version(
      std::string_view version) const {
    auto now = current();
    return now != nullptr && now->version == version ? now : nullptr;
  }
};

}  // namespace hunt::ports
