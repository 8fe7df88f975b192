// Profile: how much of something (CPU time, memory, a request's time) each stack took.
//
// Not a sample of a thread (adapters/profile/stack_sampler.h). Plain values; functions by name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::model {

// CPU time that one sample stands for: 99 Hz, no round number, so that nothing beats with it.
inline constexpr std::int64_t profile_period_ns = 1'000'000'000 / 99;

enum class ProfileKind : std::uint8_t { cpu, heap, wall };

struct ProfileKindFacts {
  std::string_view name;
  std::string_view what;  // as files of it begin
};

inline constexpr ProfileKindFacts profile_kinds[] = {
    {"cpu", "CPU time"},           // by samples of profile_period_ns
    {"heap", "memory in use"},     // in bytes
    {"wall", "time of requests"},  // in microseconds: not stacks of code, but stages
};
[[nodiscard]] constexpr const ProfileKindFacts& facts_of(ProfileKind kind) noexcept {
  return profile_kinds[static_cast<std::size_t>(kind)];
}

// A function, or as much as is known of it.
struct ProfileFrame {
  std::string name;           // demangled; "[libpq.so.5]" where the library tells no name
  std::string module;         // the file that it is in; empty: of a thread or of none
  std::uint64_t address = 0;  // one of those that were seen in it
};

// What else is known of a stack of the heap. Estimates, since the process began.
struct HeapCounts {
  std::int64_t allocated_objects = 0;
  std::int64_t allocated_bytes = 0;
  std::int64_t used_objects = 0;
};

struct ProfileStack {
  std::vector<std::uint32_t> frames;  // of Profile::frames, root first
  std::int64_t samples = 0;           // in the unit of the profile's kind
  HeapCounts heap = {};               // of ProfileKind::heap alone; folded stacks do not have it
};

struct Profile {
  ProfileKind kind = ProfileKind::cpu;
  std::vector<ProfileFrame> frames;
  std::vector<ProfileStack> stacks;
  std::int64_t began_us = 0;     // wall clock
  std::int64_t duration_ns = 0;  // for so long it was sampled; 0: since the process began
  std::int64_t period_ns = 0;    // profile_period_ns; 0: not known
  std::uint64_t lost = 0;        // samples that found no room
  std::uint64_t cut = 0;         // stacks whose end is missing
  std::string build_id;          // of the program, in hex; empty: it has none
  std::string program;           // its file, as in ProfileFrame::module; empty: not known
};

}  // namespace hunt::model
