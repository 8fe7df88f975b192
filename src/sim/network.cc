#include "sim/network.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t delay_ns_min = 50'000;
constexpr std::int64_t delay_ns_max = 500'000;
constexpr std::int64_t late_ns_max = 4'000'000'000;  // longer than any call waits

}  // namespace

Place Network::busiest(const Host& host) const {
  Place busiest = Place::idle;
  std::int64_t most = 0;
  for (auto at = open_calls_.lower_bound({host.node(), Place{}});
       at != open_calls_.end() && at->first.first == host.node(); ++at) {
    if (at->second <= most) continue;
    most = at->second;
    busiest = at->first.second;
  }
  return busiest;
}

void Network::forget_calls(NodeId node) {
  std::erase_if(open_calls_, [node](const auto& entry) { return entry.first.first == node; });
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
  world_.at(world_.now_ns() + delay_ns, [this, from, to, deliver, refuse] {
    if (is_cut(from, to)) return;  // what was under way when the link broke is lost as well
    if (Host* host = world_.host(to)) {
      host->post([deliver, host] { deliver(*host); });
    } else if (refuse) {
      refuse();
    }
  });
}

}  // namespace hunt::sim
