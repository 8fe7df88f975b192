// Findings: what a check-up saw of one part, how bad it is, and what to do about it.
//
// Not errors of calls (base/result.h) and not figures of a running process (monitor.h). The texts
// are for people and hold no passwords. The thresholds that all parts share are here; a check-up
// looks and changes nothing.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/spawn.h"
#include "ports/clock.h"

namespace hunt::ports {

enum class Severity : std::uint8_t { ok, warning, failure };
[[nodiscard]] std::string_view name_of(Severity severity) noexcept;

struct Finding {
  Severity severity = Severity::ok;
  std::string subject;  // the part
  std::string found;
  std::string advice;  // empty where there is nothing to do
};

// Those of one part, in the order they were made.
class Findings {
 public:
  explicit Findings(std::string subject) : subject_(std::move(subject)) {}

  void ok(std::string found);
  void warning(std::string found, std::string advice);
  void failure(std::string found, std::string advice);
  // Our errors say what to do after their last semicolon.
  void failure(const Error& error);

  [[nodiscard]] const std::vector<Finding>& all() const noexcept { return all_; }

 private:
  void add(Severity severity, std::string found, std::string advice);

  std::string subject_;
  std::vector<Finding> all_;
};

// "0.31 ms", "495 ms".
[[nodiscard]] std::string shown_ms(std::int64_t ns);
// "5.0 GiB".
[[nodiscard]] std::string shown_bytes(std::uint64_t bytes);

// The part's clock, read between two looks at ours. What is decided by time depends on clocks right
// to a second: half of that is a warning, all of it a failure.
void note_clock(Findings& findings, std::int64_t before_us, std::int64_t theirs_us,
                std::int64_t after_us);

// How long `once` takes, again and again: 20 times, or as often as fits into two seconds; none when
// it fails. Units: nanoseconds.
[[nodiscard]] std::vector<std::int64_t> time_round_trips(const Clock& clock,
                                                         const std::function<bool()>& once);
// Median and worst. Above 5 ms at the median is a warning, above `failure_ns` a failure.
void note_round_trips(Findings& findings, std::vector<std::int64_t> took_ns,
                      std::int64_t failure_ns);

// The table that may have been meant, or those there are: " (did you mean \"starlight\"?)".
[[nodiscard]] std::string near_tables(std::string_view table,
                                      const std::vector<std::string>& known);
// Loot whose table no rule has: a sentence with the tables and those that may have been meant.
// `known`: the names of the rules' tables.
[[nodiscard]] std::string tables_missing_text(const std::vector<model::TableCount>& missing,
                                              const std::vector<std::string>& known);
// Of the open spawns of a store.
void note_tables(Findings& findings, const std::vector<model::TableCount>& open,
                 const std::vector<std::string>& known);

}  // namespace hunt::ports
