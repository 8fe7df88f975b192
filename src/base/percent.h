// Percent-encoding of parts of a URL (RFC 3986).
//
// Not whole URLs: their own signs (/ ? & =) are escaped, too. The way back is percent_decode
// (text.h).
#pragma once
#include <string>
#include <string_view>

namespace hunt {

// Appends `text` with every byte as %XX but letters, digits, - . _ ~ and those of `kept`.
void append_percent_encoded(std::string& out, std::string_view text, std::string_view kept = {});
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace hunt
