// How much memory this process may use, and uses.
//
// Not a limit of its own: who runs the process sets that, on a control group or by a flag.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace hunt::system {

// Of this process' control group (version 1 or 2), or one above it, the least; nothing where none
// is set.
[[nodiscard]] std::optional<std::uint64_t> memory_limit_bytes();

// What this process has in memory and cannot drop: without the pages of files.
[[nodiscard]] std::uint64_t memory_used_bytes();

// The limit in a control group's file; nothing for "max", and for what version 1 writes then.
[[nodiscard]] std::optional<std::uint64_t> limit_of_memory_max(const std::string& text);

}  // namespace hunt::system
