// UTF-8: where a character ends, and whether text is of one line that people can read.
//
// Not a converter, and no table of characters.
#pragma once
#include <cstddef>
#include <string_view>

namespace hunt {

// The length of the UTF-8 sequence at the start of `text`, or 0 when there is none (overlong forms,
// surrogates and values above U+10FFFF included). Requires: text is not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

// UTF-8 without control characters: those of ASCII, DEL, U+0080 to U+009F, and the ends of lines
// and paragraphs U+2028 and U+2029.
[[nodiscard]] bool is_plain_line(std::string_view text) noexcept;

}  // namespace hunt
