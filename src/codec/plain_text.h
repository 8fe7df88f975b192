// has_control_bytes(): whether a name or key has what no store and no terminal should be given.
//
// Not a check of UTF-8 (the parsers do that). For this folder's .cc files alone. A pure function.
#pragma once
#include <algorithm>
#include <string_view>

namespace hunt::codec {

// ASCII's: NUL, which PostgreSQL's text cannot hold, up to the unit separator, and DEL.
[[nodiscard]] inline bool has_control_bytes(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace hunt::codec
