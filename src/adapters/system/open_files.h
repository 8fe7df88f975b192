// Open files: how many descriptors this process may have, and has. Each connection is one.
//
// Not an account of who has them open. Thread: any; raise_open_files() at the start.
#pragma once
#include <cstdint>

namespace hunt::system {

// Raises the soft limit to `wanted` where the hard one lets it, and never lowers it. Returns what
// is allowed now.
[[nodiscard]] std::uint64_t raise_open_files(std::uint64_t wanted);

// How many are open now; 0 where the kernel does not tell.
[[nodiscard]] std::uint64_t open_files();

}  // namespace hunt::system
