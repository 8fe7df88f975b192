#include "rules/event_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::rules {

namespace {

constexpr std::string_view day_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                          "friday", "saturday", "sunday"};

std::string never_opens(const SourceOpenings& source, std::string_view what) {
  const auto& all = source.recurring;
  const bool one_day = std::all_of(all.begin(), all.end(), [&all](const Recurring& one) {
    return one.days == all.front().days && std::popcount(one.days) == 1;
  });
  const std::string missing =
      one_day ? fmt::format("no {} lies", day_names[std::countr_zero(all.front().days)])
              : "no opening begins";
  return fmt::format("{} between starts and ends; {} would never open", missing, what);
}

// "2027-03-28 02:30"
std::string local_text(std::int64_t local_us) {
  std::string text = format_time_us(local_us).substr(0, 16);
  text[10] = ' ';
  return text;
}

model::Openings resolve(const SourceEvent& event, const SourceOpenings& source,
                        std::string_view key, std::string_view what, Diagnostics& out) {
  if (source.recurring.empty() || !event.times_are_right) return {};
  const model::TimeWindow window{event.starts_us, event.ends_us};
  auto found = resolve_openings(source.recurring, event.zone, window, limits::openings_max);
  if (!found) {
    const std::uint64_t count =
        std::max<std::uint64_t>(opening_count(source.recurring, window), limits::openings_max + 1);
    out.error(event.file, source.at,
              fmt::format("{}: about {} openings until ends, more than {}; shorten the event or "
                          "make it several",
                          key, with_commas(count), with_commas(limits::openings_max)));
    return {};
  }
  if (found->count == 0) {
    out.error(event.file, source.at, fmt::format("{}: {}", key, never_opens(source, what)));
    return {};
  }
  std::vector<bool> told(source.recurring.size(), false);
  for (const auto& moved : found->skipped) {
    if (told[moved.which]) continue;
    told[moved.which] = true;
    out.warning(event.file, source.from_at[moved.which],
                fmt::format("{}: {} does not exist in {}, where the clocks go forward; that "
                            "opening is at {}",
                            key, local_text(moved.local_us), event.zone.name(),
                            event.zone.text_of(moved.opens_us).substr(11, 5)));
  }
  return std::move(found->openings);
}

void check_window(const SourceEvent& event, std::int64_t now_us, Diagnostics& out) {
  if (event.ends_us <= event.starts_us) {
    out.error(event.file, event.ends_at,
              fmt::format("ends: {} is not after starts, {}; the event would never open",
                          format_time_us(event.ends_us), format_time_us(event.starts_us)));
  } else if (event.ends_us <= now_us) {
    out.warning(event.file, event.ends_at,
                fmt::format("the event \"{}\" was over at {}; nothing can be found in it",
                            event.name.text, format_time_us(event.ends_us)));
  }
}

}  // namespace

EventTimes resolve_times(const SourceEvent& event, std::int64_t now_us, Diagnostics& out) {
  EventTimes resolved;
  check_window(event, now_us, out);
  const bool window_is_right = event.ends_us > event.starts_us;
  if (window_is_right) resolved.open = resolve(event, event.open, "open", "the event", out);
  for (const auto& time : event.times) {
    model::Openings openings;
    if (window_is_right) {
      openings = resolve(event, time.openings, time.name.text, "it", out);
    }
    if (!openings.empty() && !resolved.open.empty() && !overlap(openings, resolved.open)) {
      out.warning(event.file, time.name.at,
                  fmt::format("{} never overlaps with open; what is drawn during it is never drawn",
                              time.name.text));
    }
    resolved.times.push_back(std::move(openings));
  }
  return resolved;
}

}  // namespace hunt::rules
