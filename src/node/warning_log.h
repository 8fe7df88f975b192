// WarningLog: the lines of the log about what is not as it should be: when it begins, each minute
// while it lasts, and when it is over.
//
// Not the warnings themselves (service/observer.h). What comes and goes many times a second is one
// line in ten seconds. Pure; thread: one.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "service/observer.h"

namespace hunt::node {

class WarningLog {
 public:
  // What is to be written now.
  [[nodiscard]] std::vector<LogEvent> look(const std::vector<service::Warning>& now,
                                           std::int64_t now_ns);

 private:
  struct Known {
    std::int64_t said_ns = INT64_MIN;
    std::int64_t seen_ns = 0;
    bool on = false;  // said, and not over
  };
  std::map<std::string, Known> known_;  // by key
};

}  // namespace hunt::node
