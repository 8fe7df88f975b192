#include "ports/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/text.h"

namespace hunt::ports {
namespace {

constexpr std::int64_t clock_warning_us = 500'000;
constexpr std::int64_t clock_failure_us = 1'000'000;
constexpr std::size_t round_trips_max = 20;
constexpr std::int64_t round_trips_ns_max = 2'000'000'000;
// Ten times what a busy network within one region takes. A guess.
constexpr std::int64_t round_trip_warning_ns = 5'000'000;

}  // namespace

std::string_view name_of(Severity severity) noexcept {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::failure:
      return "failure";
  }
  return "failure";
}

void Findings::ok(std::string found) {
  add(Severity::ok, std::move(found), {});
}
void Findings::warning(std::string found, std::string advice) {
  add(Severity::warning, std::move(found), std::move(advice));
}
void Findings::failure(std::string found, std::string advice) {
  add(Severity::failure, std::move(found), std::move(advice));
}

void Findings::failure(const Error& error) {
  const auto cut = error.message.rfind("; ");
  if (cut == std::string::npos) return failure(error.message, {});
  failure(error.message.substr(0, cut), error.message.substr(cut + 2));
}

void Findings::add(Severity severity, std::string found, std::string advice) {
  all_.push_back({severity, subject_, std::move(found), std::move(advice)});
}

std::string shown_ms(std::int64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  return ms < 10 ? fmt::format("{:.2f} ms", ms) : fmt::format("{:.0f} ms", ms);
}

std::string shown_bytes(std::uint64_t bytes) {
  constexpr std::array units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1'024 && unit + 1 < units.size(); ++unit) size /= 1'024;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", size, units[unit]);
}

void note_clock(Findings& findings, std::int64_t before_us, std::int64_t theirs_us,
                std::int64_t after_us) {
  const std::int64_t apart_us = theirs_us - (before_us + (after_us - before_us) / 2);
  const std::int64_t unsure_us = (after_us - before_us) / 2;
  const std::int64_t surely_us = std::max<std::int64_t>(0, std::abs(apart_us) - unsure_us);
  if (surely_us == 0) {
    return findings.ok(
        fmt::format("its clock agrees with ours to within {}", shown_ms(unsure_us * 1'000)));
  }
  const std::string found =
      fmt::format("its clock is {} {} ours (give or take {})", shown_ms(std::abs(apart_us) * 1'000),
                  apart_us > 0 ? "ahead of" : "behind", shown_ms(unsure_us * 1'000));
  const std::string advice =
      "synchronise the clocks of both machines (chrony, NTP): what opens and closes by time is "
      "right only while all clocks are right to a second";
  if (surely_us > clock_failure_us) return findings.failure(found, advice);
  if (surely_us > clock_warning_us) return findings.warning(found, advice);
  findings.ok(found);
}

std::vector<std::int64_t> time_round_trips(const Clock& clock, const std::function<bool()>& once) {
  std::vector<std::int64_t> took_ns;
  const std::int64_t began_ns = clock.now_ns();
  std::int64_t now_ns = began_ns;
  while (took_ns.size() < round_trips_max && now_ns - began_ns < round_trips_ns_max) {
    if (!once()) return {};
    const std::int64_t then_ns = std::exchange(now_ns, clock.now_ns());
    took_ns.push_back(now_ns - then_ns);
  }
  return took_ns;
}

void note_round_trips(Findings& findings, std::vector<std::int64_t> took_ns,
                      std::int64_t failure_ns) {
  if (took_ns.empty()) {
    return findings.failure("the connection broke while round trips were measured",
                            "look at the server and the network, and run this again");
  }
  std::sort(took_ns.begin(), took_ns.end());
  const std::int64_t median_ns = took_ns[took_ns.size() / 2];
  const std::string found =
      fmt::format("a round trip takes {} (median of {}), at worst {}", shown_ms(median_ns),
                  took_ns.size(), shown_ms(took_ns.back()));
  const std::string advice =
      "move it nearer, or look for what lies between (another region, a proxy, a pooler, a VPN): "
      "every call waits at least this long";
  if (median_ns > failure_ns) return findings.failure(found, advice);
  if (median_ns > round_trip_warning_ns) return findings.warning(found, advice);
  findings.ok(found);
}

std::string near_tables(std::string_view table, const std::vector<std::string>& known) {
  constexpr std::size_t tables_shown_max = 3;
  const std::vector<std::string_view> names(known.begin(), known.end());
  std::string near = did_you_mean(table, names);
  if (!near.empty() || known.empty()) return near;
  for (std::size_t i = 0; i < std::min(known.size(), tables_shown_max); ++i) {
    near += fmt::format("{}\"{}\"", i == 0 ? " (the rules have " : ", ", printable(known[i]));
  }
  if (known.size() > tables_shown_max) {
    near += fmt::format(" and {} more", known.size() - tables_shown_max);
  }
  return near + ")";
}

std::string tables_missing_text(const std::vector<model::TableCount>& missing,
                                const std::vector<std::string>& known) {
  constexpr std::size_t tables_named_max = 5;
  std::uint64_t spawns = 0;
  std::string tables;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    spawns += missing[i].spawns;
    if (i >= tables_named_max) continue;
    tables += fmt::format("{}\"{}\"{}", i == 0 ? "" : ", ", printable(missing[i].table),
                          near_tables(missing[i].table, known));
  }
  if (missing.size() > tables_named_max) {
    tables += fmt::format(" and {} more", missing.size() - tables_named_max);
  }
  return fmt::format(
      "{} open spawn{} no table in the rules: {}; what is dug there finds nothing until the rules "
      "have the table, or the tiles are buried again",
      spawns, spawns == 1 ? " has" : "s have", tables);
}

void note_tables(Findings& findings, const std::vector<model::TableCount>& open,
                 const std::vector<std::string>& known) {
  std::vector<model::TableCount> missing;
  std::uint64_t spawns = 0;
  for (const auto& one : open) {
    spawns += one.spawns;
    if (std::find(known.begin(), known.end(), one.table) == known.end()) missing.push_back(one);
  }
  if (missing.empty()) {
    return findings.ok(
        fmt::format("the rules have the table of each of its {} open spawns", spawns));
  }
  const std::string text = tables_missing_text(missing, known);
  const auto advice = text.rfind("; ");
  findings.warning(text.substr(0, advice), text.substr(advice + 2));
}

}  // namespace hunt::ports
