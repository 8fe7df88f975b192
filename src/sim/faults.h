// Faults: what can go wrong in a simulated run, how often, and the book of what did.
//
// Not the wrong itself: the network, the stores, the cache and the stream do it, and ask here
// whether to. Each kind has a generator of its own, so that leaving one out does not move the
// others. Places say what was going on: together they are the cells of the coverage ledger.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/prng.h"
#include "base/result.h"

namespace hunt::sim {

enum class FaultKind : std::uint8_t {
  message_lost,
  message_twice,
  message_late,  // also later than its successors, and than its sender waits
  partition,
  one_way,
  crash,
  pause,
  rolling_restart,
  store_error,      // refused before anything happened
  deadlock,         // the victim of one: rolled back, to be repeated
  unknown_outcome,  // committed, but the caller is not told so
  store_failover,   // the newest commits are lost unless they were secured
  slot_lost,
  range_move,  // a range is frozen for a move, which is then called off
  cache_error,
  cache_flush,
  cache_eviction,
  cache_failover,  // the newest writes are lost
  cache_late,      // a queued command runs long after its sender gave up
  redelivery,
  poison,
  clock_jump,
  rules_push,
  reburial,
  closing,
  memory_pressure,  // lanes remember less than is asked for
  overload,
  bus_error,       // a told or published message is refused, or its acceptance not heard of
  rules_older,     // the files of a pod are older ones again
  rules_rollback,  // somebody goes back to rules of before
  rules_stop,      // somebody stops an event, and starts it later
  rules_rivals,    // two want different rules at the same moment
};
inline constexpr std::size_t fault_kind_count = 32;

// What was going on where a fault struck; also the callers of the ports.
enum class Place : std::uint8_t {
  ask,
  load,
  grant,
  look,  // other reads of a store
  edit,  // burials and closings
  feed,
  secure,
  confirm,
  cache_read,
  cache_fill,
  cache_update,
  invalidation,
  tell,
  publish,
  deliver,
  ack,
  idle,
};
inline constexpr std::size_t place_count = 17;

inline constexpr std::size_t errc_count = static_cast<std::size_t>(Errc::internal) + 1;

[[nodiscard]] std::string_view name_of(FaultKind kind) noexcept;
[[nodiscard]] std::string_view name_of(Place place) noexcept;

class Faults {
 public:
  explicit Faults(std::uint64_t seed);

  // How often a kind strikes where it is asked about. Zero until set, and after quiet().
  void set_rate(FaultKind kind, Ratio rate) noexcept { kinds_[at(kind)].rate = rate; }
  [[nodiscard]] Ratio rate(FaultKind kind) const noexcept { return kinds_[at(kind)].rate; }
  // From now on nothing strikes by itself.
  void quiet() noexcept { quiet_ = true; }
  [[nodiscard]] bool is_quiet() const noexcept { return quiet_; }

  // Whether the kind strikes now; then it is in the book.
  [[nodiscard]] bool strikes(FaultKind kind, Place place) noexcept;
  void note(FaultKind kind, Place place) noexcept {
    ++kinds_[at(kind)].count;
    ++struck_[at(kind)][at(place)];
  }
  // One fault that struck all of these.
  void note(FaultKind kind, const std::vector<Place>& places) noexcept;
  void note(Place caller, Errc code) noexcept { ++errors_[at(caller)][at(code)]; }
  [[nodiscard]] Prng& random(FaultKind kind) noexcept { return kinds_[at(kind)].random; }

  [[nodiscard]] std::uint64_t count(FaultKind kind) const noexcept {
    return kinds_[at(kind)].count;
  }
  [[nodiscard]] std::uint64_t count(FaultKind kind, Place place) const noexcept {
    return struck_[at(kind)][at(place)];
  }
  [[nodiscard]] std::uint64_t count(Place caller, Errc code) const noexcept {
    return errors_[at(caller)][at(code)];
  }
  [[nodiscard]] std::uint64_t total() const noexcept;

 private:
  template <class Enum>
  [[nodiscard]] static constexpr std::size_t at(Enum value) noexcept {
    return static_cast<std::size_t>(value);
  }
  struct Kind {
    Ratio rate;
    Prng random{0};
    std::uint64_t count = 0;
  };
  bool quiet_ = false;
  std::array<Kind, fault_kind_count> kinds_{};
  std::array<std::array<std::uint64_t, place_count>, fault_kind_count> struck_{};
  std::array<std::array<std::uint64_t, errc_count>, place_count> errors_{};
};

}  // namespace hunt::sim
