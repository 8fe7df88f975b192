// gzip() and gunzip(): a text as it travels.
//
// Not files (line_reader.h, output_file.h). All of it is in memory.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::codec {

[[nodiscard]] std::string gzip(std::string_view text);
// Errors: corrupt; too_large (more than `bytes_max` when unpacked).
[[nodiscard]] Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max);

}  // namespace hunt::codec
