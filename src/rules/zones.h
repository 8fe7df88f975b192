// Time zones: what a clock on the wall of a place means, by the machine's time zone data.
//
// Not a calendar: days and weekdays are std::chrono's. Zones are IANA names of places: an
// abbreviation or a fixed offset has no summer time, and is refused with a sentence that says so.
// Blocks on the disk the first time a zone is asked for; any thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace hunt::rules {

// Where a local time lies. Units: microseconds since 1970-01-01T00:00:00Z.
struct Instant {
  enum class Kind : std::uint8_t { once, skipped, twice };
  std::int64_t time_us = 0;
  Kind kind = Kind::once;
};

class Zone {
 public:
  // Errors: a sentence with what to write instead.
  [[nodiscard]] static tl::expected<Zone, std::string> find(std::string_view name);
  [[nodiscard]] static Zone utc();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // `local_us`: what the wall's clock shows, in microseconds since its 1970-01-01T00:00. A time
  // that spring skips is the first moment after the gap; one that autumn repeats is the first of
  // both.
  [[nodiscard]] Instant at_local(std::int64_t local_us) const;
  [[nodiscard]] std::int64_t local_us(std::int64_t time_us) const;
  // "2026-12-04T18:00:00+01:00"
  [[nodiscard]] std::string text_of(std::int64_t time_us) const;

 private:
  struct Data;
  Zone(std::string name, std::shared_ptr<const Data> data);
  std::string name_;
  std::shared_ptr<const Data> data_;
};

// The release of the machine's data, such as "2026f"; empty where it is not known.
[[nodiscard]] std::string zone_data_version();

}  // namespace hunt::rules
