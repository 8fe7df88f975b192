#include "model/hunt_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/hunt.h"
#include "model/limits.h"

namespace hunt::model {

Result<HuntName> HuntName::parse(std::string_view text) {
  if (!is_hunt_name(text)) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no name of a hunt; expected 1 to {} of a-z, 0-9, '_' and "
                            "'-', such as summer-26",
                            printable(text, 64), limits::hunt_name_bytes_max),
                "hunt");
  }
  HuntName name;
  name.text_ = text;
  return name;
}

std::string HuntName::under(std::string_view part, std::string_view last) const {
  return fmt::format("{}.{}{}", text_, part, last);
}

std::string HuntName::stream(std::string_view end) const {
  std::string name = text_;
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name.append(end);
}

std::string HuntName::consumer(std::string_view shard) const {
  return fmt::format("{}-{}", text_, shard);
}

std::string HuntName::chunk_key(ChunkKey key) const {
  return fmt::format("{}:{{{}:{}}}:c", text_, key.world, key.chunk);
}

bool is_hunt_subject(std::string_view subject) noexcept {
  if (subject.starts_with("hunt.")) return true;
  const auto dot = subject.find('.');
  if (dot == std::string_view::npos || !is_hunt_name(subject.substr(0, dot))) return false;
  subject.remove_prefix(dot + 1);
  if (subject == "dlq" || subject == "map" || subject == "here") return true;
  const auto next = subject.find('.');
  if (next == std::string_view::npos || subject.find('.', next + 1) != std::string_view::npos) {
    return false;
  }
  constexpr std::string_view parts[] = {"ask", "pos", "inval", "claims"};
  return std::find(std::begin(parts), std::end(parts), subject.substr(0, next)) != std::end(parts);
}

}  // namespace hunt::model
