// Profile: how much of something (CPU time) each stack of this process took.
//
// Not a sample of a thread (adapters/profile/stack_sampler.h). Plain values; functions by name.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hunt::model {

// CPU time that one sample stands for: 99 Hz, no round number, so that nothing beats with it.
inline constexpr std::int64_t profile_period_ns = 1'000'000'000 / 99;

// A function, or as much as is known of it.
struct ProfileFrame {
  std::string name;           // demangled; "[libpq.so.5]" where the library tells no name
  std::string module;         // the file that it is in; empty: of a thread or of none
  std::uint64_t address = 0;  // one of those that were seen in it
};

struct ProfileStack {
  std::vector<std::uint32_t> frames;  // of Profile::frames, root first
  std::int64_t samples = 0;
};

struct Profile {
  std::vector<ProfileFrame> frames;
  std::vector<ProfileStack> stacks;
  std::int64_t began_us = 0;     // wall clock
  std::int64_t duration_ns = 0;  // for so long it was sampled
  std::int64_t period_ns = 0;    // profile_period_ns; 0: not known
  std::uint64_t lost = 0;        // samples that found no room
  std::uint64_t cut = 0;         // stacks whose end is missing
  std::string build_id;          // of the program, in hex; empty: it has none
};

}  // namespace hunt::model
