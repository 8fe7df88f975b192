// Network: what lies between simulated hosts: delay, loss, duplicates, disorder, partitions.
//
// Not a protocol: a message is a function that runs in a turn of whoever lives at the other end
// when it arrives. Nothing of a dead host leaves it. Thread: the world's.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "sim/faults.h"
#include "sim/world.h"

namespace hunt::sim {

// How a call behaves when it is not answered.
struct CallRules {
  Place place = Place::ask;
  std::int64_t timeout_ns = 2'000'000'000;
  Errc on_timeout = Errc::unavailable;
  // The server drops what has waited for its turn for as long as that, as statement_timeout does,
  // unless the server itself stood still.
  bool dropped_late = false;
};

class Network {
 public:
  Network(World& world, Faults& faults, std::uint64_t seed)
      : world_(world), faults_(faults), random_(seed) {}

  // Nothing gets from one to the other until it is mended.
  void cut(NodeId from, NodeId to) { cuts_.emplace(from, to); }
  void mend(NodeId from, NodeId to) { cuts_.erase({from, to}); }
  void mend_all() { cuts_.clear(); }
  // A node that died has nothing under way any more.
  void forget_calls(NodeId node);
  [[nodiscard]] bool is_cut(NodeId from, NodeId to) const { return cuts_.contains({from, to}); }

  // What a node is in the middle of, as caller or as server; idle when nothing.
  [[nodiscard]] std::vector<Place> places(NodeId node) const;
  void begin(NodeId node, Place place) { ++open_of(node)[static_cast<std::size_t>(place)]; }
  void end(NodeId node, Place place) { --open_of(node)[static_cast<std::size_t>(place)]; }

  // `deliver` runs at `to`, once, twice or never.
  void send(Host& from, NodeId to, Place place, std::function<void(Host&)> deliver);

  // Asks a server: `serve` runs there as a coroutine. Errors: its own; unavailable when nobody
  // lives there; `on_timeout` when the way there or back takes too long or loses it.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> call(
      Host& from, NodeId to, CallRules rules,
      std::function<boost::asio::awaitable<Result<T>>(Host&)> serve) {
    struct Reply {
      std::optional<Result<T>> result;
    };
    const auto reply = std::make_shared<Reply>();
    const auto ticket = from.new_ticket();
    const NodeId caller = from.node();
    const std::uint64_t life = from.life();
    const auto arrive = [this, reply, ticket, caller, life](Result<T> result) {
      Host* host = world_.host(caller, life);
      if (host == nullptr) return;
      if (!reply->result) reply->result = std::move(result);
      host->wake(ticket);
    };
    std::function<void(Host&)> deliver = [this, rules, caller, serve, arrive](Host& server) {
      const bool late = rules.dropped_late && server.waited_ns() > rules.timeout_ns;
      server.spawn(answer<T>(server, caller, rules.place, late ? dropped<T>() : serve, arrive));
    };
    begin(caller, rules.place);
    send(from, to, rules.place, std::move(deliver),
         [arrive] { arrive(fail(Errc::unavailable, "nobody listens at the other end")); });
    const bool in_time = co_await from.park(ticket, from.now_ns() + rules.timeout_ns);
    end(caller, rules.place);
    Result<T> result = in_time ? std::move(*reply->result)
                               : Result<T>(fail(rules.on_timeout, "no answer in time"));
    if (!result) faults_.note(rules.place, result.error().code);
    co_return result;
  }

 private:
  // `refuse` runs at the sender's side when nobody lives at the other end.
  void send(Host& from, NodeId to, Place place, std::function<void(Host&)> deliver,
            std::function<void()> refuse);
  void carry(NodeId from, NodeId to, std::int64_t delay_ns,
             const std::function<void(Host&)>& deliver, const std::function<void()>& refuse);
  [[nodiscard]] std::int64_t delay_ns(Place place);
  using Open = std::array<std::int32_t, place_count>;
  [[nodiscard]] Open& open_of(NodeId node);

  template <class T>
  static std::function<boost::asio::awaitable<Result<T>>(Host&)> dropped() {
    return [](Host&) -> boost::asio::awaitable<Result<T>> {
      co_return fail(Errc::unavailable, "the server had no time for it until its caller gave up");
    };
  }
  template <class T>
  boost::asio::awaitable<void> answer(Host& server, NodeId caller, Place place,
                                      std::function<boost::asio::awaitable<Result<T>>(Host&)> serve,
                                      std::function<void(Result<T>)> arrive) {
    const NodeId node = server.node();
    begin(node, place);
    auto result = std::make_shared<Result<T>>(co_await serve(server));
    end(node, place);
    std::function<void(Host&)> deliver = [arrive, result](Host&) { arrive(*result); };
    send(server, caller, place, std::move(deliver), {});
  }

  World& world_;
  Faults& faults_;
  Prng random_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  std::vector<Open> open_;  // by node
};

}  // namespace hunt::sim
