// StackSampler: interrupts each thread of this process after every so many milliseconds of its CPU
// time, and keeps its registers and the top of its stack for somebody else to read.
//
// Not an unwinder (unwinder.h): the signal handler only copies. It calls nothing that is not
// async-signal-safe, and allocates, locks and waits for nothing. One at a time in a process.
#pragma once
#include <signal.h>
#include <sys/types.h>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "base/result.h"

namespace hunt::profile {

// The registers that an unwinder needs, by their DWARF numbers on x86-64; 16 is the return address.
using Registers = std::array<std::uint64_t, 17>;
inline constexpr std::size_t register_frame = 6;  // rbp
inline constexpr std::size_t register_stack = 7;  // rsp
inline constexpr std::size_t register_code = 16;  // rip

// What a signal saw.
struct StackSample {
  pid_t thread = 0;
  Registers registers{};
  std::span<const std::byte> stack;  // from rsp upwards
};

class StackSampler {
 public:
  static constexpr std::size_t stack_bytes_max = 16 * 1'024;
  static constexpr std::size_t slots_max = 128;  // 2 MiB; read 50 times a second

  // Errors: overloaded (another one is running), unsupported (this machine or container lets no
  // process do it).
  [[nodiscard]] static Result<std::unique_ptr<StackSampler>> start();
  ~StackSampler();
  StackSampler(const StackSampler&) = delete;
  StackSampler& operator=(const StackSampler&) = delete;

  // Gives what has come since the last call, and begins with threads that are new. The stack of a
  // sample is valid during the call.
  void read(const std::function<void(const StackSample&)>& each);
  // Samples that found no room.
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  struct Slots;

  explicit StackSampler(std::unique_ptr<Slots> slots);
  static void on_signal(int number, siginfo_t* info, void* context);
  void watch_threads();

  static std::atomic<Slots*> active;
  static std::atomic<int> handlers;  // that may look at it

  std::unique_ptr<Slots> slots_;
  std::map<pid_t, timer_t> timers_;  // by thread
};

}  // namespace hunt::profile
