// RulesTables: the timeline of rules and its files, as they lie in the file.
//
// Not the fence (model/decision.h) and not a transaction of its own: what it wrote is true once the
// writer has committed. Thread: that of its connection.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "model/rules_timeline.h"

namespace hunt::sqlite {

class RulesTables {
 public:
  explicit RulesTables(Connection& connection);

  [[nodiscard]] Result<model::RulesTimeline> timeline();
  // What the fence needs of it: all but who and why, and what is stopped.
  [[nodiscard]] Result<model::RulesTimeline> fence();
  [[nodiscard]] Result<model::RulesFiles> files(const std::string& version);
  // RulesStore::set_rules_timeline().
  [[nodiscard]] Result<void> set(const model::RulesTimeline& next,
                                 const std::vector<model::RulesOf>& sets);

 private:
  [[nodiscard]] Result<std::uint64_t> seq();
  [[nodiscard]] Result<void> put_files(const std::vector<model::RulesOf>& sets);

  Connection& connection_;
  Statement seq_;
  Statement turns_;
  Statement fence_turns_;
  Statement stopped_;
  Statement files_;
  Statement set_seq_;
  Statement add_turn_;
  Statement add_stopped_;
  Statement add_file_;
  Statement missing_;
};

}  // namespace hunt::sqlite
