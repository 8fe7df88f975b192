#include "rules/zones.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "base/text.h"

namespace hunt::rules {

struct Zone::Data {
  cctz::time_zone zone;
};

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::size_t zone_bytes_max = 64;

std::string zone_folder() {
  const char* set = std::getenv("TZDIR");  // as the reader of the zones does
  return set != nullptr && *set != '\0' ? set : "/usr/share/zoneinfo";
}

// The names and the release of the machine's data. Without tzdata.zi both are empty.
struct Catalogue {
  std::string version;
  std::vector<std::string> names;
};

Catalogue read_catalogue() {
  Catalogue out;
  std::ifstream file(zone_folder() + "/tzdata.zi");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# version ")) out.version = line.substr(10);
    const bool is_link = line.starts_with("L ");
    if (!is_link && !line.starts_with("Z ")) continue;
    const std::size_t begin = is_link ? line.find(' ', 2) + 1 : 2;
    out.names.push_back(line.substr(begin, line.find(' ', begin) - begin));
  }
  std::sort(out.names.begin(), out.names.end());
  return out;
}

const Catalogue& catalogue() {
  static const Catalogue once = read_catalogue();
  return once;
}

bool is_zone_text(std::string_view name) {
  return !name.empty() && name.size() <= zone_bytes_max && name.front() != '/' &&
         name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '+' || c == '-' || c == '/';
         });
}

bool is_fixed_offset(std::string_view name) {
  if (name.starts_with("Etc/")) return name != "Etc/UTC" && name != "Etc/UCT";
  return name.find_first_of("+0123456789:") != std::string_view::npos &&
         name.find('/') == std::string_view::npos;
}

bool is_abbreviation(std::string_view name) {
  return name != "UTC" && name.find('/') == std::string_view::npos &&
         std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string unknown_zone(std::string_view name) {
  std::vector<std::string_view> known(catalogue().names.begin(), catalogue().names.end());
  return fmt::format("there is no time zone \"{}\"{}", printable(name), did_you_mean(name, known));
}

cctz::time_point<cctz::seconds> seconds_of(std::int64_t time_us) {
  using std::chrono::floor;
  using std::chrono::microseconds;
  return cctz::time_point<cctz::seconds>(floor<cctz::seconds>(microseconds(time_us)));
}

}  // namespace

Zone::Zone(std::string name, std::shared_ptr<const Data> data)
    : name_(std::move(name)), data_(std::move(data)) {}

Zone Zone::utc() {
  return {"UTC", std::make_shared<const Data>(Data{cctz::utc_time_zone()})};
}

tl::expected<Zone, std::string> Zone::find(std::string_view name) {
  if (name == "UTC") return utc();
  constexpr std::string_view place = "write a place such as Europe/Berlin, which knows summer time";
  if (is_fixed_offset(name)) {
    return tl::unexpected(fmt::format("\"{}\" is a fixed offset; {}", printable(name), place));
  }
  if (is_abbreviation(name)) {
    return tl::unexpected(fmt::format("\"{}\" is an abbreviation; {}", printable(name), place));
  }
  const auto& names = catalogue().names;
  const bool listed = names.empty() || std::binary_search(names.begin(), names.end(), name);
  if (!is_zone_text(name) || !listed) return tl::unexpected(unknown_zone(name));
  Data data;
  if (!cctz::load_time_zone(std::string(name), &data.zone)) {
    cctz::time_zone probe;
    if (cctz::load_time_zone("Europe/Berlin", &probe)) return tl::unexpected(unknown_zone(name));
    return tl::unexpected(
        fmt::format("this machine has no time zone data in {}; install tzdata", zone_folder()));
  }
  return Zone(std::string(name), std::make_shared<const Data>(data));
}

Instant Zone::at_local(std::int64_t local_us) const {
  const std::int64_t seconds = seconds_of(local_us).time_since_epoch().count();
  const std::int64_t rest_us = local_us - seconds * second_us;
  const auto found = data_->zone.lookup(cctz::civil_second(1970, 1, 1) + seconds);
  const bool skipped = found.kind == cctz::time_zone::civil_lookup::SKIPPED;
  const bool twice = found.kind == cctz::time_zone::civil_lookup::REPEATED;
  const std::int64_t at = (skipped ? found.trans : found.pre).time_since_epoch().count();
  return {at * second_us + (skipped ? 0 : rest_us), skipped ? Instant::Kind::skipped
                                                    : twice ? Instant::Kind::twice
                                                            : Instant::Kind::once};
}

std::int64_t Zone::local_us(std::int64_t time_us) const {
  return time_us + data_->zone.lookup(seconds_of(time_us)).offset * second_us;
}

std::string Zone::text_of(std::int64_t time_us) const {
  const std::int64_t minutes = (local_us(time_us) - time_us) / (60 * second_us);
  const std::int64_t size = std::abs(minutes);
  return fmt::format("{}{}{:02}:{:02}", format_time_us(local_us(time_us)).substr(0, 19),
                     minutes < 0 ? '-' : '+', size / 60, size % 60);
}

std::string zone_data_version() {
  return catalogue().version;
}

}  // namespace hunt::rules
