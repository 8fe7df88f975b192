// Any text as a JSON string.
//
// Not a JSON writer. Thread: any.
#pragma once
#include <string>
#include <string_view>

namespace hunt {

// `text` as a JSON string with its quotes. Bytes that are no valid UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace hunt
