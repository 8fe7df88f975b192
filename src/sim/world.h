// World: simulated machines under one virtual time, driven by one seed.
//
// Not parallel and not tied to the machine it runs on: the same seed gives the same run, step by
// step. A node is an address; a Host is one life of it, with an event loop, clocks and memory of
// its own. Each step lets one host run one handler; which one, the seed decides. Work that is
// charged keeps a host busy, so overload is possible. Thread: the caller's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "ports/clock.h"

namespace hunt::sim {

using NodeId = std::uint32_t;

// An event loop whose waiting handlers can be destroyed before it is: what a crash does to frames.
class Loop : public boost::asio::io_context {
 public:
  Loop() : io_context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE) {}
  void destroy_handlers() { shutdown(); }
};

class World;

// One life of a node. Its monotonic clock starts anywhere; its wall clock may be wrong.
class Host final : public ports::Clock, public ports::Timer {
 public:
  using Ticket = std::uint64_t;

  Host(World& world, NodeId node, std::uint64_t life, std::int64_t clock_offset_ns);
  ~Host() override;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] std::int64_t now_ns() const noexcept override;
  [[nodiscard]] std::int64_t wall_us() const noexcept override;
  [[nodiscard]] boost::asio::awaitable<void> sleep_until(std::int64_t deadline_ns) override;

  [[nodiscard]] auto executor() noexcept { return loop_.get_executor(); }
  [[nodiscard]] NodeId node() const noexcept { return node_; }
  [[nodiscard]] std::uint64_t life() const noexcept { return life_; }
  [[nodiscard]] World& world() noexcept { return world_; }
  [[nodiscard]] bool dead() const noexcept { return dead_; }

  // The host does nothing else for this long.
  void charge(std::int64_t work_ns) noexcept;
  // A wrong wall clock, from now on.
  void set_wall_error_us(std::int64_t error_us) noexcept { wall_error_us_ = error_us; }

  // Runs `work` in a turn of this host; nothing when it is dead.
  void post(std::function<void()> work);
  // How long the work that runs now has waited for other work, by world time; 0 when the host was
  // paused meanwhile.
  [[nodiscard]] std::int64_t waited_ns() const noexcept;
  // Runs a coroutine here; its frame goes with the host.
  void spawn(boost::asio::awaitable<void> task);

  // Parks the caller until wake(ticket), for which it returns true, or until `deadline_ns`.
  [[nodiscard]] Ticket new_ticket() noexcept { return ++last_ticket_; }
  [[nodiscard]] boost::asio::awaitable<bool> park(Ticket ticket, std::int64_t deadline_ns);
  void wake(Ticket ticket, bool in_time = true);

 private:
  friend class World;
  class Parked {
   public:
    virtual ~Parked() = default;
    virtual void resume(bool in_time) = 0;
  };
  template <class Handler>
  class ParkedOf;

  World& world_;
  const NodeId node_;
  const std::uint64_t life_;
  const std::int64_t clock_offset_ns_;
  std::int64_t wall_error_us_ = 0;
  std::int64_t busy_until_ns_ = 0;  // world time
  std::int64_t paused_until_ns_ = 0;
  std::int64_t posted_ns_ = 0;  // what runs now
  bool ready_ = true;           // its loop may have something to run
  bool dead_ = false;
  Loop loop_;
  Ticket last_ticket_ = 0;
  std::map<Ticket, std::unique_ptr<Parked>> parked_;
};

class World {
 public:
  World(std::uint64_t seed, std::int64_t wall_start_us);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] NodeId add_node(std::string name);
  [[nodiscard]] const std::string& name_of(NodeId node) const { return nodes_[node].name; }
  [[nodiscard]] std::size_t node_count() const noexcept { return nodes_.size(); }

  // Begins a life. Requires: nobody lives there.
  Host& boot(NodeId node);
  // Ends a life as a crash does: from now on nothing of it reaches anyone, and its coroutines are
  // gone without having run. The caller destroys the objects of that life, then the host.
  [[nodiscard]] std::unique_ptr<Host> kill(NodeId node);
  // Who lives there now, or nullptr.
  [[nodiscard]] Host* host(NodeId node) noexcept { return nodes_[node].host.get(); }
  // The same life as before, or nullptr.
  [[nodiscard]] Host* host(NodeId node, std::uint64_t life) noexcept;
  // The host runs nothing for so long; what arrives waits.
  void pause(NodeId node, std::int64_t for_ns) noexcept;
  [[nodiscard]] bool anyone_paused() const noexcept;

  [[nodiscard]] std::int64_t now_ns() const noexcept { return now_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept { return wall_start_us_ + now_ns_ / 1'000; }

  // Runs `what` at a world time, outside of any host. Equal times run in an order of the seed.
  void at(std::int64_t at_ns, std::function<void()> what);
  void run_until(std::int64_t until_ns);

  // Mixes a fact into the trace: two runs with the same hash did the same.
  void trace(std::uint64_t fact) noexcept {
    std::uint64_t mixed = trace_ ^ fact;
    trace_ = splitmix64(mixed);
  }
  [[nodiscard]] std::uint64_t trace_hash() const noexcept { return trace_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  friend class Host;
  struct Node {
    std::string name;
    std::uint64_t lives = 0;
    std::unique_ptr<Host> host;
  };
  // A wake-up of a parked coroutine, or `what`.
  struct Event {
    std::int64_t at_ns = 0;
    std::uint64_t order = 0;  // drawn: equal times have no natural order
    std::uint64_t sequence = 0;
    NodeId node = 0;
    std::uint64_t life = 0;
    Host::Ticket ticket = 0;
    std::function<void()> what;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const noexcept;
  };

  void push(Event event);
  void fire_due();
  [[nodiscard]] bool run_one();
  [[nodiscard]] std::int64_t next_time_ns() const noexcept;

  const std::int64_t wall_start_us_;
  Prng schedule_;
  Prng clocks_;
  std::int64_t now_ns_ = 1;
  std::uint64_t sequence_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_ = 0x6a09e667f3bcc908ULL;
  std::vector<Node> nodes_;
  std::vector<Event> events_;      // a heap, the earliest first
  std::vector<Host*> candidates_;  // of the step under way; kept for its memory
};

}  // namespace hunt::sim
