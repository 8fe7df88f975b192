#include "sim/network.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t delay_ns_min = 50'000;
constexpr std::int64_t delay_ns_max = 500'000;
constexpr std::int64_t late_ns_max = 4'000'000'000;  // longer than any call waits

}  // namespace

Network::Open& Network::open_of(NodeId node) {
  if (node >= open_.size()) open_.resize(node + 1);
  return open_[node];
}

std::vector<Place> Network::places(NodeId node) const {
  std::vector<Place> places;
  for (std::size_t i = 0; node < open_.size() && i < place_count; ++i) {
    if (open_[node][i] > 0) places.push_back(static_cast<Place>(i));
  }
  if (places.empty()) places.push_back(Place::idle);
  return places;
}

void Network::forget_calls(NodeId node) {
  open_of(node) = {};
}

std::int64_t Network::delay_ns(Place place) {
  std::int64_t delay = random_.between(delay_ns_min, delay_ns_max);
  if (faults_.strikes(FaultKind::message_late, place)) {
    Prng& random = faults_.random(FaultKind::message_late);
    // Mostly a little late, sometimes very.
    delay += random.chance({1, 8}) ? random.between(0, late_ns_max)
                                   : random.between(0, late_ns_max / 100);
  }
  return delay;
}

void Network::send(Host& from, NodeId to, Place place, std::function<void(Host&)> deliver) {
  send(from, to, place, std::move(deliver), {});
}

void Network::send(Host& from, NodeId to, Place place, std::function<void(Host&)> deliver,
                   std::function<void()> refuse) {
  if (from.dead()) return;
  const std::int64_t first_ns = delay_ns(place);
  if (is_cut(from.node(), to) || faults_.strikes(FaultKind::message_lost, place)) return;
  carry(from.node(), to, first_ns, deliver, refuse);
  if (faults_.strikes(FaultKind::message_twice, place)) {
    carry(from.node(), to, first_ns + delay_ns(place), deliver, refuse);
  }
}

void Network::carry(NodeId from, NodeId to, std::int64_t delay_ns,
                    const std::function<void(Host&)>& deliver,
                    const std::function<void()>& refuse) {
  // A connection is to one life of a process: its successor gets nothing of it.
  const Host* begun = world_.host(to);
  const std::uint64_t life = begun != nullptr ? begun->life() : 0;
  world_.at(world_.now_ns() + delay_ns, [this, from, to, life, deliver, refuse] {
    if (is_cut(from, to)) return;  // what was under way when the link broke is lost as well
    if (Host* host = world_.host(to)) {
      if (life != 0 && host->life() != life) return;
      host->post([deliver, host] { deliver(*host); });
    } else if (refuse) {
      refuse();
    }
  });
}

}  // namespace hunt::sim
