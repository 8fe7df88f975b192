#include "adapters/http/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace hunt::http {

namespace {

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string spaced(text);
  if (plus_is_space) std::replace(spaced.begin(), spaced.end(), '+', ' ');
  std::string out;
  const std::size_t wrong = percent_decode(spaced, out);
  if (wrong != std::string_view::npos) {
    return fail(Errc::invalid_argument,
                fmt::format("the address holds \"{}\", which is no %XX escape",
                            printable(text.substr(wrong, 3))));
  }
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(out.begin(), out.end(), is_control)) {
    return fail(Errc::invalid_argument, "the address holds a control character");
  }
  return out;
}

}  // namespace

Result<Target> Target::parse(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    return fail(Errc::invalid_argument,
                fmt::format("the address must start with \"/\", found \"{}\"", printable(target)));
  }
  Target out;
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  HUNT_TRY(decoded, decode(path, false));
  out.path_ = std::move(decoded);
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    HUNT_TRY(segment, decode(path.substr(0, end), false));
    out.segments_.push_back(std::move(segment));
    path.remove_prefix(end);
  }
  std::string_view query =
      question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    HUNT_TRY(name, decode(pair.substr(0, equals), true));
    HUNT_TRY(value, decode(pair.substr(std::min(equals + 1, pair.size())), true));
    if (out.find(name) != nullptr) {
      return fail(Errc::invalid_argument,
                  fmt::format("the query parameter {} is given twice; keep one", printable(name)),
                  printable(name));
    }
    out.params_.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

Result<void> Target::check_known(std::span<const std::string_view> known) const {
  for (const auto& [name, value] : params_) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string list =
        known.empty() ? "this route takes none" : fmt::format("known: {}", fmt::join(known, ", "));
    return fail(Errc::invalid_argument,
                fmt::format("{} is not a known query parameter{}; {}", printable(name),
                            did_you_mean(name, known), list),
                printable(name));
  }
  return {};
}

const std::string* Target::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : params_) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<std::uint64_t> Target::number(std::string_view name, std::uint64_t otherwise,
                                     std::uint64_t low, std::uint64_t high) const {
  const auto* text = find(name);
  if (text == nullptr) return otherwise;
  const auto value = parse_u64(*text);
  if (value && *value >= low && *value <= high) return *value;
  return fail(Errc::invalid_argument,
              fmt::format("{} must be a whole number from {} to {}, found \"{}\"", name, low, high,
                          printable(*text)),
              std::string(name));
}

Result<std::int32_t> Target::coordinate(std::string_view name, std::int32_t otherwise) const {
  constexpr std::int64_t low = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t high = std::numeric_limits<std::int32_t>::max();
  const auto* text = find(name);
  if (text == nullptr) return otherwise;
  const auto value = parse_i64(*text);
  if (value && *value >= low && *value <= high) return static_cast<std::int32_t>(*value);
  return fail(Errc::invalid_argument,
              fmt::format("{} must be a whole number from {} to {}, found \"{}\"", name, low, high,
                          printable(*text)),
              std::string(name));
}

}  // namespace hunt::http
