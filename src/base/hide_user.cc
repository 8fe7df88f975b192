#include "base/hide_user.h"

namespace hunt {

std::string hide_user(std::string_view text) {
  constexpr std::string_view mark = "://";
  std::string out;
  for (;;) {
    const std::size_t scheme = text.find(mark);
    if (scheme == std::string_view::npos) break;
    const std::size_t from = scheme + mark.size();
    const std::string_view word = text.substr(from, text.find_first_of(" \t\r\n", from) - from);
    const std::size_t at = word.rfind('@');
    const bool holds = at != std::string_view::npos && !word.substr(at).starts_with("@]");
    out += text.substr(0, from);
    if (holds) out += "...";
    text.remove_prefix(from + (holds ? at : 0));
  }
  out += text;
  return out;
}

}  // namespace hunt
