// Secrets: tokens and seeds that a process reads from files.
//
// Not kept here, and never shown. Errors name the file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace hunt::node {

// A secret from a file: its first line, without surrounding white space. Errors: io,
// invalid_argument.
[[nodiscard]] Result<std::string> read_secret(const std::string& path);

// 32 bytes from a file of 64 hexadecimal digits. Errors: those of read_whole_file(), and
// invalid_argument.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_event_seed(const std::string& path);

// Says so in the log where everybody may read the file. Nothing for an empty path.
void warn_of_others(const std::string& path);

}  // namespace hunt::node
