// The report of a run: the figures of `hunt up` and `hunt rush` as text, as JSON and as a page.
//
// Not a measurement: it says what the driver's books and the serving side's figures hold. Field
// names are the contract's. What is not known is left out, never shown as zero.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "load/schedule.h"
#include "model/stats.h"
#include "model/why.h"
#include "rush/driver_books.h"

namespace hunt::rush {

// What held the slowest answers or claims up, as the serving side says.
struct Bottleneck {
  std::string verdict;
  std::string next;
  std::string stage;
  std::string resource;
  std::string cause;
  double share = 0;
  double tail_seconds = 0;
};
[[nodiscard]] Bottleneck bottleneck_of(const model::Why& why);

struct RunReport {
  DriverBooks books;
  std::optional<model::Stats> stats;  // of the serving process, since it started
  std::optional<Bottleneck> bottleneck;
  std::int64_t sending_ns = 0;  // how long batches were sent
  std::int64_t warmup_ns = 0;   // of it, at the beginning: not in the latencies and the rate
  std::optional<std::int64_t> serve_cpu_ns;  // the lanes' threads
  std::optional<std::int64_t> rest_cpu_ns;   // the store's and all other threads but the generator
  std::int64_t driver_cpu_ns = 0;            // the generator's thread
  std::uint64_t rate = 0;                    // asked for, at the peak; 0: as fast as possible
  std::uint64_t scheduled = 0;               // positions due in all; 0: as fast as possible
  double offered_per_second = 0;             // the schedule's mean after the warm-up
  std::uint64_t players = 0;                 // at the peak
  std::uint64_t changes = 0;                 // tiles buried again during the run
  // Of `rush` only.
  std::string scenario;
  std::string target;
  std::string command;
  std::string machine;
  std::int64_t started_us = 0;  // wall clock
};

enum class Limit : std::uint8_t {
  none,       // the target answered as fast as it was asked
  generator,  // batches left late: this machine could not send faster
  target,     // answers came slower than batches were sent
};
[[nodiscard]] std::string_view name_of(Limit limit) noexcept;
[[nodiscard]] Limit limit_of(const RunReport& report);
// Positions a second that were answered, after the warm-up and while batches were sent.
[[nodiscard]] double achieved_rate(const RunReport& report);
// What limited the rate, as a sentence with its evidence; empty when nothing did.
[[nodiscard]] std::string limit_text(const RunReport& report);
// Positions that were never answered and claims that were never told.
[[nodiscard]] std::uint64_t lost(const RunReport& report);

[[nodiscard]] std::string report_json(const RunReport& report);
[[nodiscard]] std::string report_text(const RunReport& report);

}  // namespace hunt::rush
