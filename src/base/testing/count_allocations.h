// allocation_count(): how often operator new was called, for tests that promise none.
//
// Not for production: only a program that links hunt_count_allocations has it.
#pragma once
#include <cstdint>

namespace hunt {

[[nodiscard]] std::uint64_t allocation_count() noexcept;

}  // namespace hunt
