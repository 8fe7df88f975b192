// How Servers learns which node has which slot: CLUSTER SLOTS, from whoever answers.
#include <fmt/format.h>

#include <algorithm>

#include "adapters/redis/servers.h"
#include "base/text.h"

namespace hunt::redis {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr nanoseconds refresh_every{100'000'000};  // at most
constexpr std::size_t nodes_max = 1'000;           // the Redis Cluster specification's
constexpr int asked_max = 3;                       // nodes that one refresh tries

}  // namespace

// While one call reads the map anew, the others go by the old one.
boost::asio::awaitable<void> Servers::refresh(TimePoint deadline) {
  const bool due = map_old_ && !refreshing_ && steady_clock::now() >= refresh_at_;
  if (!url_.cluster || (map_known_ && !due)) co_return;
  refreshing_ = true;
  std::vector<NodePtr> asked;
  for (int i = 0; i < asked_max; ++i) {
    const NodePtr node = liveliest(asked);
    if (node == nullptr) break;
    asked.push_back(node);
    const bool read = co_await read_map(node, deadline);
    if (read) break;
  }
  refreshing_ = false;
  refresh_at_ = steady_clock::now() + refresh_every;
}

// Half of the time that is left, so that there is time for another one, or for the call itself.
boost::asio::awaitable<bool> Servers::read_map(NodePtr from, TimePoint deadline) {
  const auto round = std::make_shared<Round>(lane_, 1);
  from->send("*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n", false, round, 0);
  from->flush();
  const TimePoint now = steady_clock::now();
  const auto given = co_await Round::wait(round, now + (deadline - now) / 2);
  const std::optional<Answer>& answer = given.front();
  if (answer && *answer && !(*answer)->is_error()) {
    if (take_map(**answer, from->address())) co_return true;
    map_error_ = {
        Errc::unavailable,
        fmt::format("Redis at {} told a map of slots that cannot be read", from->address().shown()),
        {}};
  } else if (answer && *answer) {
    const bool alone = (*answer)->text.find("cluster support disabled") != std::string::npos;
    map_error_ = refused(**answer, *from);
    if (alone) {
      map_error_.message =
          fmt::format("Redis at {} is no cluster; use redis://", from->address().shown());
    }
  } else if (answer) {
    map_error_ = answer->error();
  } else {
    map_error_ = {
        Errc::deadline_exceeded,
        fmt::format("Redis at {} did not tell its map of slots in time", from->address().shown()),
        {}};
  }
  co_return false;
}

bool Servers::take_range(const Reply& range, const HostPort& from, std::vector<NodePtr>& slots,
                         std::vector<NodePtr>& named) {
  if (range.kind != Reply::Kind::list || range.list.size() < 3) return false;
  const std::int64_t first = range.list[0].integer;
  const std::int64_t last = range.list[1].integer;
  if (first < 0 || last < first || last >= static_cast<std::int64_t>(slot_count)) return false;
  for (std::size_t i = 2; i < range.list.size(); ++i) {
    const auto& parts = range.list[i].list;
    if (parts.size() < 2 || parts[1].integer <= 0 || parts[1].integer > 65'535) return false;
    HostPort address;
    // A server that does not know its own name leaves it empty, or says `?`.
    const bool nameless = parts[0].text.empty() || parts[0].text == "?";
    address.host = nameless ? from.host : parts[0].text;
    address.port = static_cast<std::uint16_t>(parts[1].integer);
    if (nodes_.size() >= nodes_max) return false;
    named.push_back(node_at(address));
    if (i == 2) std::fill(slots.begin() + first, slots.begin() + last + 1, named.back());
  }
  return true;
}

bool Servers::take_map(const Reply& reply, const HostPort& from) {
  if (reply.kind != Reply::Kind::list) return false;
  std::vector<NodePtr> slots(slot_count);
  std::vector<NodePtr> named;
  for (const Reply& range : reply.list) {
    if (!take_range(range, from, slots, named)) return false;
  }
  ++figures_.maps_read;
  slots_ = std::move(slots);
  map_known_ = true;
  map_old_ = std::find(slots_.begin(), slots_.end(), nullptr) != slots_.end();
  // Who left is forgotten, once nothing waits for it; the addresses of the URL stay.
  std::erase_if(nodes_, [&](const NodePtr& node) {
    const auto& kept = url_.addresses;
    return node->pending_count() == 0 &&
           std::find(named.begin(), named.end(), node) == named.end() &&
           std::find(kept.begin(), kept.end(), node->address()) == kept.end();
  });
  return true;
}

// Of those that may be asked, the one that answered last; of the others, any.
Servers::NodePtr Servers::liveliest(const std::vector<NodePtr>& except) const {
  NodePtr best;
  for (const auto& node : nodes_) {
    if (std::find(except.begin(), except.end(), node) != except.end()) continue;
    if (best == nullptr ||
        std::pair(node->well(), node->answered()) > std::pair(best->well(), best->answered())) {
      best = node;
    }
  }
  return best;
}

}  // namespace hunt::redis
