#include "model/hunt_owner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace hunt::model {

namespace {

constexpr std::size_t id_digits = 32;
constexpr std::size_t stores_bytes_max = 200;

}  // namespace

std::string HuntOwner::text() const {
  return fmt::format("{} {}", id, printable(stores, stores_bytes_max));
}

HuntOwner HuntOwner::read(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const std::string_view id = text.substr(0, text.find(' '));
  if (id.size() != id_digits || !std::all_of(id.begin(), id.end(), is_digit)) return {};
  text.remove_prefix(std::min(text.size(), id_digits + 1));
  return {std::string(id), printable(text, stores_bytes_max)};
}

Error other_hunt(std::string_view where, const HuntName& name, const HuntOwner& owner,
                 std::string_view when_over) {
  return {Errc::already_exists,
          fmt::format("{} is used by another hunt called \"{}\" (its store is {}, its id {}): the "
                      "two would mix; give this one another name, --hunt OTHER, or, when that hunt "
                      "is over, {}",
                      where, name.text(), owner.stores.empty() ? "unknown" : owner.stores,
                      owner.short_id(), when_over),
          {}};
}

}  // namespace hunt::model
