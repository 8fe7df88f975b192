#include "simulation/coverage.h"

#include <fmt/format.h>

#include <string_view>

namespace hunt::simulation {

namespace {

using sim::FaultKind;
using sim::Place;
using Mask = std::uint32_t;

template <class... Values>
constexpr Mask on(Values... values) {
  return ((Mask{1} << static_cast<unsigned>(values)) | ...);
}

// What a node can be in the middle of when something happens to it.
constexpr Mask pods = on(Place::ask, Place::load, Place::grant, Place::look, Place::cache_read,
                         Place::cache_fill, Place::tell, Place::publish, Place::deliver);
constexpr Mask relays =
    on(Place::feed, Place::secure, Place::confirm, Place::cache_update, Place::tell);
constexpr Mask stores = on(Place::load, Place::grant, Place::look, Place::edit, Place::feed,
                           Place::secure, Place::confirm);
// A cache and the bus answer in one turn: a node of theirs is met between calls.
constexpr Mask clients = on(Place::ask, Place::edit, Place::publish);
constexpr Mask idle = on(Place::idle);
// What is sent: every call and its answer, and what is sent without waiting for one.
constexpr Mask messages = pods | relays | stores | clients | on(Place::invalidation, Place::ack);
constexpr Mask cache_calls = on(Place::cache_read, Place::cache_fill, Place::cache_update);

// Where each kind can strike. All else is impossible: a message fault needs a message, a fault of a
// node strikes what that kind of node does, and the rest is done by one caller.
Mask reach_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::message_lost:
    case FaultKind::message_twice:
    case FaultKind::message_late:
      return messages;
    case FaultKind::partition:
    case FaultKind::one_way:
    case FaultKind::pause:
      return pods | relays | stores | clients | idle;
    case FaultKind::crash:
      return pods | relays | stores | idle;
    case FaultKind::rolling_restart:
    case FaultKind::clock_jump:
    case FaultKind::rules_push:
    case FaultKind::rules_older:
    case FaultKind::rules_rollback:
    case FaultKind::rules_stop:
    case FaultKind::rules_rivals:
      return pods | idle;
    case FaultKind::store_error:
      return stores;
    case FaultKind::deadlock:
    case FaultKind::unknown_outcome:
      return on(Place::grant, Place::edit);
    case FaultKind::store_failover:
    case FaultKind::range_move:
      return stores | idle;
    case FaultKind::slot_lost:
      return on(Place::feed);
    case FaultKind::cache_error:
    case FaultKind::cache_eviction:
      return cache_calls;
    case FaultKind::cache_flush:
    case FaultKind::cache_failover:
    case FaultKind::cache_late:
      return idle;
    case FaultKind::redelivery:
      return on(Place::deliver);
    case FaultKind::poison:
      return on(Place::publish);
    case FaultKind::reburial:
    case FaultKind::closing:
      return on(Place::edit);
    case FaultKind::memory_pressure:
      return on(Place::load);
    case FaultKind::overload:
      return on(Place::ask);
    case FaultKind::bus_error:
      return on(Place::tell, Place::publish);
  }
  return 0;
}

// Which errors the port behind each call can answer (ports/*.h). Asks pass on what a store said to
// a claim that is waited for.
Mask errors_of(Place caller) {
  constexpr Mask reads = on(Errc::unavailable, Errc::overloaded, Errc::io, Errc::corrupt);
  constexpr Mask writes = reads | on(Errc::disk_full, Errc::unknown_outcome, Errc::epoch_stale);
  constexpr Mask feed = on(Errc::unavailable, Errc::io, Errc::epoch_stale);
  constexpr Mask caches = on(Errc::unavailable, Errc::overloaded, Errc::corrupt);
  switch (caller) {
    case Place::ask:
      return writes | on(Errc::deadline_exceeded, Errc::moved);
    case Place::load:
    case Place::look:
      return reads;
    case Place::grant:
      return writes;
    case Place::edit:
      return writes | on(Errc::moved);
    case Place::feed:
    case Place::secure:
    case Place::confirm:
      return feed;
    case Place::cache_read:
      return caches | on(Errc::deadline_exceeded);
    case Place::cache_fill:
    case Place::cache_update:
      return caches | on(Errc::unknown_outcome);
    case Place::tell:
    case Place::publish:
      return on(Errc::unavailable, Errc::overloaded, Errc::unknown_outcome);
    case Place::invalidation:
    case Place::deliver:
    case Place::ack:
    case Place::idle:
      return 0;  // nobody waits for an answer
  }
  return 0;
}

bool has(Mask mask, std::size_t bit) {
  return (mask >> bit & 1U) != 0;
}

}  // namespace

void Coverage::add(const sim::Faults& faults) {
  for (std::size_t place = 0; place < sim::place_count; ++place) {
    const auto at = static_cast<Place>(place);
    for (std::size_t kind = 0; kind < sim::fault_kind_count; ++kind) {
      struck_[kind][place] += faults.count(static_cast<FaultKind>(kind), at);
    }
    for (std::size_t code = 0; code < sim::errc_count; ++code) {
      errors_[place][code] += faults.count(at, static_cast<Errc>(code));
    }
  }
}

std::string Coverage::table() const {
  std::string out = "faults, and what they struck:\n";
  for (std::size_t kind = 0; kind < sim::fault_kind_count; ++kind) {
    const auto which = static_cast<FaultKind>(kind);
    out += fmt::format("  {:16}", name_of(which));
    for (std::size_t place = 0; place < sim::place_count; ++place) {
      const std::uint64_t count = struck_[kind][place];
      if (count == 0 && !has(reach_of(which), place)) continue;
      out += fmt::format(" {} {},", name_of(static_cast<Place>(place)), count);
    }
    out.back() = '\n';
  }
  out += "errors, and whose calls got them:\n";
  for (std::size_t place = 0; place < sim::place_count; ++place) {
    const auto caller = static_cast<Place>(place);
    if (errors_of(caller) == 0) continue;
    out += fmt::format("  {:16}", name_of(caller));
    for (std::size_t code = 0; code < sim::errc_count; ++code) {
      const std::uint64_t count = errors_[place][code];
      if (count == 0 && !has(errors_of(caller), code)) continue;
      out += fmt::format(" {} {},", hunt::name_of(static_cast<Errc>(code)), count);
    }
    out.back() = '\n';
  }
  return out;
}

std::vector<std::string> Coverage::empty_cells() const {
  std::vector<std::string> cells;
  for (std::size_t place = 0; place < sim::place_count; ++place) {
    const auto at = static_cast<Place>(place);
    for (std::size_t kind = 0; kind < sim::fault_kind_count; ++kind) {
      const auto which = static_cast<FaultKind>(kind);
      if (!has(reach_of(which), place) || struck_[kind][place] > 0) continue;
      cells.push_back(fmt::format("{} x {}", name_of(which), name_of(at)));
    }
    for (std::size_t code = 0; code < sim::errc_count; ++code) {
      if (!has(errors_of(at), code) || errors_[place][code] > 0) continue;
      cells.push_back(fmt::format("{} x {}", hunt::name_of(static_cast<Errc>(code)), name_of(at)));
    }
  }
  return cells;
}

}  // namespace hunt::simulation
