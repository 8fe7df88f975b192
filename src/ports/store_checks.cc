#include "ports/store_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::ports {

Result<void> check(const model::Burial& burial) {
  const auto at = [&burial] { return fmt::format("tile ({}, {})", burial.tile.x, burial.tile.y); };
  if (burial.budget < 1 || burial.budget > limits::budget_max) {
    return fail(Errc::invalid_argument,
                fmt::format("{}: budget is {}, but must be between 1 and {}", at(), burial.budget,
                            limits::budget_max),
                "budget");
  }
  if (burial.table.empty() || burial.table.size() > limits::name_bytes_max) {
    return fail(
        Errc::invalid_argument,
        fmt::format("{}: table must be a name of 1 to {} bytes", at(), limits::name_bytes_max),
        "table");
  }
  if (burial.key.size() > limits::burial_key_bytes_max) {
    return fail(Errc::too_large,
                fmt::format("{}: key has {} bytes, at most {} are allowed", at(), burial.key.size(),
                            limits::burial_key_bytes_max),
                "key");
  }
  if (burial.opens_us >= burial.closes_us) {
    return fail(Errc::invalid_argument,
                fmt::format("{}: it closes before it opens, so nobody could take it", at()),
                "closes");
  }
  return {};
}

Result<void> check_world_name(const std::string& name) {
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/';
  });
  const bool number =
      std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!name.empty() && name.size() <= limits::name_bytes_max && plain && !number) return {};
  return fail(Errc::invalid_argument,
              fmt::format("\"{}\" cannot name a world: a name has 1 to {} bytes, is not a number, "
                          "and holds no control characters and no '/'",
                          printable(name), limits::name_bytes_max),
              "name");
}

Result<void> check_count(std::string_view what, std::size_t count, std::size_t count_max) {
  if (count <= count_max) return {};
  return fail(Errc::too_large,
              fmt::format("{} {} in one call, at most {} are allowed; split the call", count, what,
                          count_max));
}

Result<bool> joins(const model::Hunt& kept, const model::Hunt& asked) {
  if (kept == asked || (asked.name.empty() && kept.id == asked.id)) return false;
  if (kept.name.empty()) return true;
  return fail(Errc::already_exists,
              fmt::format("the store belongs to the hunt \"{}\" already", kept.name), "hunt");
}

Result<void> check_next(std::uint64_t kept_seq, const model::RulesTimeline& next) {
  if (next.seq > kept_seq) return {};
  return fail(Errc::already_exists,
              fmt::format("the timeline of rules has change {} already, the new one {}", kept_seq,
                          next.seq));
}

Error no_files_of(const std::string& version) {
  return {Errc::not_found, fmt::format("the files of rules version {} are not here", version),
          "version"};
}

}  // namespace hunt::ports
