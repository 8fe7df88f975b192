// Base64 as JSON has blobs (RFC 4648, 4): padded, without line breaks.
//
// Not base64url. Pure functions; thread: any.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace hunt::data_api {

void append_base64(std::string& out, std::string_view bytes);
// Nothing where it is anything but padded base64 with zeros in its unused bits.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace hunt::data_api
