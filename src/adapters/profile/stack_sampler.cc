#include "adapters/profile/stack_sampler.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <string_view>
#include <vector>

#include "model/profile.h"

namespace hunt::profile {

namespace {

// A slot is written by one signal and then read by one reader.
enum class State : int { free, writing, ready };

struct Slot {
  std::atomic<State> state{State::free};
  pid_t thread = 0;
  Registers registers{};
  std::size_t stack_bytes = 0;
  std::array<std::byte, StackSampler::stack_bytes_max> stack;
};

// The clock of a thread's CPU time, as pthread_getcpuclockid() makes it of a thread's id.
clockid_t cpu_clock_of(pid_t thread) {
  constexpr unsigned per_thread_schedule = 6;
  return static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | per_thread_schedule);
}

std::vector<pid_t> threads_of_process() {
  std::vector<pid_t> threads;
  DIR* folder = ::opendir("/proc/self/task");
  if (folder == nullptr) return threads;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    pid_t thread = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), thread).ec == std::errc())
      threads.push_back(thread);
  }
  ::closedir(folder);
  return threads;
}

}  // namespace

struct StackSampler::Slots {
  std::array<Slot, slots_max> all;
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> lost{0};
};

std::atomic<StackSampler::Slots*> StackSampler::active{nullptr};
std::atomic<int> StackSampler::handlers{0};

// Async-signal-safe: atomics that are lock-free, memcpy, and two system calls.
void StackSampler::on_signal(int /*number*/, siginfo_t* info, void* context) {
  static_assert(std::atomic<Slots*>::is_always_lock_free);
  const int saved_errno = errno;
  handlers.fetch_add(1);  // before it is looked whether there are slots: until then they stay
  Slots* const slots = active.load();
  // Else a SIGPROF that is none of ours, or of a run that is over.
  if (slots != nullptr && info->si_code == SI_TIMER && info->si_value.sival_ptr == slots) {
    Slot& slot = slots->all[slots->next.fetch_add(1) % slots_max];
    State expected = State::free;
    if (slot.state.compare_exchange_strong(expected, State::writing)) {
      const greg_t* from = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
      static constexpr std::array<int, 17> order = {
          REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
          REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
      for (std::size_t i = 0; i < order.size(); ++i)
        slot.registers[i] = static_cast<std::uint64_t>(from[order[i]]);
      slot.thread = static_cast<pid_t>(::syscall(SYS_gettid));
      // Reads what is there, and stops at the end of the stack without a fault.
      const iovec into{slot.stack.data(), slot.stack.size()};
      // NOLINTNEXTLINE(performance-no-int-to-ptr): a register is no pointer yet
      const iovec of{reinterpret_cast<void*>(slot.registers[register_stack]), slot.stack.size()};
      const long got = ::syscall(SYS_process_vm_readv, ::getpid(), &into, 1UL, &of, 1UL, 0UL);
      slot.stack_bytes = got > 0 ? static_cast<std::size_t>(got) : 0;
      slot.state.store(State::ready);
    } else {
      slots->lost.fetch_add(1);
    }
  }
  handlers.fetch_sub(1);
  errno = saved_errno;
}

Result<std::unique_ptr<StackSampler>> StackSampler::start() {
  auto slots = std::make_unique<Slots>();
  // Docker's and older kernels' rules may forbid it; better told than a picture without stacks.
  std::uint64_t seen = 0;
  const std::uint64_t there = 1;
  const iovec into{&seen, sizeof seen};
  const iovec of{const_cast<std::uint64_t*>(&there), sizeof there};
  if (::process_vm_readv(::getpid(), &into, 1, &of, 1, 0) != sizeof seen) {
    return fail(
        Errc::unsupported,
        fmt::format("no process may read its own stack here ({}): allow process_vm_readv in "
                    "the container's seccomp profile",
                    std::strerror(errno)));
  }
  Slots* none = nullptr;
  if (!active.compare_exchange_strong(none, slots.get())) {
    return fail(Errc::overloaded, "another profile is being taken; wait until it is over");
  }
  // Stays installed: a signal that is still under way when a run ends would end the process.
  struct sigaction action {};
  action.sa_sigaction = &StackSampler::on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigfillset(&action.sa_mask);
  if (::sigaction(SIGPROF, &action, nullptr) != 0) {
    active.store(nullptr);
    return fail(Errc::unsupported, fmt::format("no handler for SIGPROF: {}", std::strerror(errno)));
  }
  std::unique_ptr<StackSampler> sampler(new StackSampler(std::move(slots)));
  sampler->watch_threads();
  if (sampler->timers_.empty()) {
    return fail(Errc::unsupported,
                fmt::format("no timer for the CPU time of a thread: {}", std::strerror(errno)));
  }
  return sampler;
}

StackSampler::StackSampler(std::unique_ptr<Slots> slots) : slots_(std::move(slots)) {}

StackSampler::~StackSampler() {
  for (const auto& [thread, timer] : timers_) ::timer_delete(timer);
  active.store(nullptr);
  while (handlers.load() != 0) ::sched_yield();
}

void StackSampler::watch_threads() {
  std::set<pid_t> alive;
  for (const pid_t thread : threads_of_process()) {
    alive.insert(thread);
    if (timers_.contains(thread)) continue;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGPROF;
    event.sigev_value.sival_ptr = slots_.get();
    event._sigev_un._tid = thread;
    timer_t timer{};
    if (::timer_create(cpu_clock_of(thread), &event, &timer) != 0) continue;  // it has ended
    const timespec period{0, model::profile_period_ns};
    const itimerspec times{period, period};
    ::timer_settime(timer, 0, &times, nullptr);
    timers_.emplace(thread, timer);
  }
  std::erase_if(timers_, [&alive](const auto& one) {
    if (alive.contains(one.first)) return false;
    ::timer_delete(one.second);
    return true;
  });
}

void StackSampler::read(const std::function<void(const StackSample&)>& each) {
  for (Slot& slot : slots_->all) {
    if (slot.state.load() != State::ready) continue;
    each({slot.thread, slot.registers, {slot.stack.data(), slot.stack_bytes}});
    slot.state.store(State::free);
  }
  watch_threads();
}

std::uint64_t StackSampler::lost() const noexcept {
  return slots_->lost.load();
}

}  // namespace hunt::profile
