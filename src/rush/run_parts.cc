#include "rush/run_parts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "adapters/system/system_clock.h"
#include "base/text.h"
#include "codec/trace_file.h"
#include "model/limits.h"
#include "rules/load.h"
#include "rush/skipped_rows.h"

namespace hunt::rush {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t look_every_ns = 100'000'000;
constexpr std::int64_t overtime_ns = second_ns;

std::string progress_bar(double done) {
  constexpr std::size_t width = 20;
  const auto full = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * width);
  return fmt::format("[{}{}] {:3.0f} % ", std::string(full, '#'), std::string(width - full, '.'),
                     std::clamp(done, 0.0, 1.0) * 100);
}

// "6 d", "3 h": rounded, in the largest unit of which there are some.
std::string rough_time(std::int64_t time_us) {
  const double seconds = static_cast<double>(time_us) / 1e6;
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 36 * 3'600) return fmt::format("{:.0f} h", seconds / 3'600);
  return fmt::format("{:.0f} d", seconds / 86'400);
}

std::string status_line(const DriverBooks& now, const DriverBooks& before, double seconds) {
  return fmt::format(
      "{:>9.0f} positions/s  {:>6.0f} new grants/s  p99 {:.2f} ms  new grants {}  in flight {}  "
      "busy {}",
      static_cast<double>(now.answered - before.answered) / seconds,
      static_cast<double>(now.grants - before.grants) / seconds,
      static_cast<double>(now.recent_p99_ns) / 1e6, with_commas(now.grants),
      with_commas(now.sent - now.answered),
      with_commas(now.outcomes[static_cast<std::size_t>(model::Outcome::busy)]));
}

}  // namespace

Result<load::Walks> read_walks(const std::string& path, const std::string& on_error) {
  if (path.empty()) return load::Walks{};
  codec::TraceOptions options;
  if (on_error == "skip") options.on_bad = codec::OnBad::skip;
  HUNT_TRY(trace, codec::read_trace_file(path, options));
  print_skipped(trace.bad);
  return load::Walks(trace.rows);
}

std::vector<std::string> tables_of(const model::RuleSet& rules) {
  std::vector<std::string> names;
  for (const auto& table : rules.tables) names.push_back(table.name);
  return names;
}

Result<std::vector<std::string>> read_tables(const std::string& rules_path) {
  if (rules_path.empty()) return tables_of(rules::builtin_rules());
  const auto loaded = rules::load_rules(rules_path, system::SystemClock().wall_us());
  if (loaded) return tables_of(loaded->set);
  std::string message = "the rules are not valid";
  for (const auto& diagnostic : loaded.error()) message += "\n" + rules::format(diagnostic);
  return fail(Errc::invalid_argument, std::move(message));
}

std::vector<std::string> closed_events(const model::RuleSet& rules, std::int64_t now_us) {
  std::vector<std::string> sentences;
  for (const auto& event : rules.events) {
    if (!event.enabled) {
      sentences.push_back(
          fmt::format("event \"{}\" is switched off: nobody finds its loot", event.name));
    } else if (now_us < event.starts_us) {
      sentences.push_back(fmt::format(
          "event \"{}\" opens in {} ({}): until then nobody finds "
          "its loot",
          event.name, rough_time(event.starts_us - now_us), format_time_us(event.starts_us)));
    } else if (now_us >= event.ends_us) {
      sentences.push_back(fmt::format("event \"{}\" ended {} ago ({}): nobody finds its loot",
                                      event.name, rough_time(now_us - event.ends_us),
                                      format_time_us(event.ends_us)));
    } else if (!event.holds(now_us)) {
      const std::int64_t opens_us = model::next_edge_us(event.openings, now_us);
      const bool again = opens_us != model::time_us_max;
      sentences.push_back(
          again
              ? fmt::format("event \"{}\" is closed and opens in {} ({}): until then nobody finds "
                            "its loot",
                            event.name, rough_time(opens_us - now_us), format_time_us(opens_us))
              : fmt::format("event \"{}\" is closed and does not open again: nobody finds its "
                            "loot",
                            event.name));
    }
  }
  return sentences;
}

Result<void> bury_all(const std::vector<model::Burial>& burials, const Bury& bury, FILE* out) {
  const bool tty = isatty(fileno(out)) != 0;
  for (std::size_t at = 0; at < burials.size(); at += limits::tiles_per_request_max) {
    const auto first = burials.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(burials.size() - at, limits::tiles_per_request_max);
    HUNT_CHECK(bury({first, first + static_cast<std::ptrdiff_t>(count)}));
    if (!tty) continue;
    std::fprintf(out, "\rburying treasure: %3zu %%", (at + count) * 100 / burials.size());
    std::fflush(out);
  }
  if (tty) std::fprintf(out, "\r%30s\r", "");
  return {};
}

void watch(const Driver& driver, const system::StopSignals& signals, const ports::Clock& clock,
           const WatchOptions& options) {
  FILE* out = options.out;
  const bool tty = isatty(fileno(out)) != 0;
  const std::int64_t every_ns = tty ? second_ns : 5 * second_ns;
  const std::int64_t begun_ns = clock.now_ns();
  const std::int64_t run_ns_max = options.schedule == nullptr
                                      ? options.run_ns_max
                                      : options.schedule->duration_ns() + overtime_ns;
  const std::int64_t end_ns = run_ns_max > 0 ? begun_ns + run_ns_max : INT64_MAX;
  DriverBooks before;
  std::int64_t shown_ns = begun_ns;
  std::int64_t looked_ns = begun_ns;
  for (bool over = false; !over;) {
    over = signals.wait(std::clamp<std::int64_t>(end_ns - clock.now_ns(), 0, look_every_ns));
    const std::int64_t now_ns = clock.now_ns();
    over = over || driver.sent_all() || now_ns >= end_ns;
    if (options.each_look && (over || now_ns - looked_ns >= second_ns)) {
      options.each_look();
      looked_ns = now_ns;
    }
    if (now_ns - shown_ns < every_ns) continue;
    const DriverBooks books = driver.books();
    const std::string bar =
        options.schedule == nullptr || options.schedule->duration_ns() == load::Phase::flat_ns_max
            ? ""
            : progress_bar(static_cast<double>(now_ns - begun_ns) /
                           static_cast<double>(options.schedule->duration_ns()));
    const double elapsed = static_cast<double>(now_ns - shown_ns) / 1e9;
    std::fprintf(out, "%s%s%s%s", tty ? "\r" : "", bar.c_str(),
                 status_line(books, before, elapsed).c_str(), tty ? "\x1b[K" : "\n");
    std::fflush(out);
    before = books;
    shown_ns = now_ns;
  }
  if (tty) std::fprintf(out, "\n");
}

RunReport report_of(Driver& driver, const DriverOptions& options) {
  RunReport report;
  report.books = driver.books();
  report.sending_ns = driver.sending_ns();
  report.warmup_ns = options.warmup_ns;
  report.driver_cpu_ns = driver.cpu_ns();
  if (!options.schedule) return report;
  const load::Schedule& schedule = *options.schedule;
  // What was due until the end, or until somebody stopped it.
  const std::int64_t end_ns = std::min(report.sending_ns, schedule.duration_ns());
  report.scheduled = schedule.due_before(end_ns);
  report.players = schedule.players_max();
  const std::int64_t measured_ns = end_ns - options.warmup_ns;
  if (measured_ns > 0) {
    const std::uint64_t due = report.scheduled - schedule.due_before(options.warmup_ns);
    report.offered_per_second = static_cast<double>(due) * 1e9 / static_cast<double>(measured_ns);
  }
  return report;
}

}  // namespace hunt::rush
