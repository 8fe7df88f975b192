#include "sim/world.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <limits>

#include "base/result.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

}  // namespace

template <class Handler>
class Host::ParkedOf final : public Parked {
 public:
  explicit ParkedOf(Handler handler) : handler_(std::move(handler)) {}
  void resume(bool in_time) override {
    auto executor = boost::asio::get_associated_executor(handler_);
    boost::asio::post(executor, [handler = std::move(handler_), in_time]() mutable {
      std::move(handler)(in_time);
    });
  }

 private:
  Handler handler_;
};

Host::Host(World& world, NodeId node, std::uint64_t life, std::int64_t clock_offset_ns)
    : world_(world), node_(node), life_(life), clock_offset_ns_(clock_offset_ns) {}

Host::~Host() {
  parked_.clear();  // before the loop, which their frames belong to
}

std::int64_t Host::now_ns() const noexcept {
  return world_.now_ns() + clock_offset_ns_;
}

std::int64_t Host::wall_us() const noexcept {
  return world_.wall_us() + wall_error_us_;
}

void Host::charge(std::int64_t work_ns) noexcept {
  busy_until_ns_ = std::max(busy_until_ns_, world_.now_ns()) + work_ns;
}

void Host::post(std::function<void()> work) {
  if (dead_) return;
  ready_ = true;
  boost::asio::post(loop_, [this, work = std::move(work), posted_ns = world_.now_ns()] {
    posted_ns_ = posted_ns;
    work();
  });
}

std::int64_t Host::waited_ns() const noexcept {
  return paused_until_ns_ > posted_ns_ ? 0 : world_.now_ns() - posted_ns_;
}

void Host::spawn(boost::asio::awaitable<void> task) {
  if (dead_) return;
  ready_ = true;
  boost::asio::co_spawn(loop_, std::move(task), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

boost::asio::awaitable<bool> Host::park(Ticket ticket, std::int64_t deadline_ns) {
  auto start = [this, ticket, deadline_ns](auto handler) {
    if (dead_) return;  // drops the handler: the frame unwinds
    parked_.emplace(ticket, std::make_unique<ParkedOf<decltype(handler)>>(std::move(handler)));
    if (deadline_ns == never) return;
    World::Event event;
    event.at_ns = deadline_ns - clock_offset_ns_;
    event.node = node_;
    event.life = life_;
    event.ticket = ticket;
    world_.push(std::move(event));
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(bool)>(
      std::move(start), boost::asio::use_awaitable);
}

void Host::wake(Ticket ticket, bool in_time) {
  const auto found = parked_.find(ticket);
  if (found == parked_.end()) return;
  const auto parked = std::move(found->second);
  parked_.erase(found);
  ready_ = true;
  parked->resume(in_time);
}

boost::asio::awaitable<void> Host::sleep_until(std::int64_t deadline_ns) {
  static_cast<void>(co_await park(new_ticket(), std::min(deadline_ns, never - 1)));
}

World::World(std::uint64_t seed, std::int64_t wall_start_us)
    : wall_start_us_(wall_start_us), schedule_(seed), clocks_(schedule_.split()) {}

World::~World() {
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    HUNT_ASSERT(nodes_[node].host == nullptr && "kill() comes first");
  }
}

NodeId World::add_node(std::string name) {
  Node node;
  node.name = std::move(name);
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

Host& World::boot(NodeId node) {
  Node& at = nodes_[node];
  HUNT_ASSERT(at.host == nullptr);
  const std::int64_t offset_ns = clocks_.between(0, 1'000'000'000'000);
  at.host = std::make_unique<Host>(*this, node, ++at.lives, offset_ns);
  return *at.host;
}

std::unique_ptr<Host> World::kill(NodeId node) {
  std::unique_ptr<Host> host = std::move(nodes_[node].host);
  HUNT_ASSERT(host != nullptr);
  host->dead_ = true;
  host->parked_.clear();
  host->loop_.destroy_handlers();
  return host;
}

Host* World::host(NodeId node, std::uint64_t life) noexcept {
  Host* host = nodes_[node].host.get();
  return host != nullptr && host->life_ == life ? host : nullptr;
}

void World::pause(NodeId node, std::int64_t for_ns) noexcept {
  if (Host* host = nodes_[node].host.get()) {
    host->paused_until_ns_ = std::max(host->paused_until_ns_, now_ns_ + for_ns);
  }
}

bool World::anyone_paused() const noexcept {
  return std::any_of(nodes_.begin(), nodes_.end(), [this](const Node& node) {
    return node.host != nullptr && node.host->paused_until_ns_ > now_ns_;
  });
}

bool World::Later::operator()(const Event& a, const Event& b) const noexcept {
  if (a.at_ns != b.at_ns) return a.at_ns > b.at_ns;
  if (a.order != b.order) return a.order > b.order;
  return a.sequence > b.sequence;
}

void World::push(Event event) {
  event.at_ns = std::max(event.at_ns, now_ns_);
  event.order = schedule_.next();
  event.sequence = ++sequence_;
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end(), Later{});
}

void World::at(std::int64_t at_ns, std::function<void()> what) {
  Event event;
  event.at_ns = at_ns;
  event.what = std::move(what);
  push(std::move(event));
}

void World::fire_due() {
  while (!events_.empty() && events_.front().at_ns <= now_ns_) {
    std::pop_heap(events_.begin(), events_.end(), Later{});
    const Event event = std::move(events_.back());
    events_.pop_back();
    if (event.what) {
      event.what();
    } else if (Host* to = host(event.node, event.life)) {
      to->wake(event.ticket, false);
    }
  }
}

bool World::run_one() {
  candidates_.clear();
  for (const Node& node : nodes_) {
    Host* host = node.host.get();
    if (host == nullptr || !host->ready_) continue;
    if (host->busy_until_ns_ > now_ns_ || host->paused_until_ns_ > now_ns_) continue;
    candidates_.push_back(host);
  }
  if (candidates_.empty()) return false;
  Host& host = *candidates_[schedule_.below(candidates_.size())];
  host.loop_.restart();
  if (host.loop_.poll_one() == 0) {
    host.ready_ = false;
    return true;
  }
  ++steps_;
  trace(static_cast<std::uint64_t>(now_ns_) * 64 + host.node_);
  return true;
}

std::int64_t World::next_time_ns() const noexcept {
  std::int64_t next_ns = events_.empty() ? never : events_.front().at_ns;
  for (const Node& node : nodes_) {
    const Host* host = node.host.get();
    if (host == nullptr || !host->ready_) continue;
    next_ns = std::min(next_ns, std::max(host->busy_until_ns_, host->paused_until_ns_));
  }
  return next_ns;
}

void World::run_until(std::int64_t until_ns) {
  for (;;) {
    fire_due();
    if (run_one()) continue;
    const std::int64_t next_ns = next_time_ns();
    if (next_ns > until_ns) break;
    now_ns_ = std::max(now_ns_, next_ns);
  }
  now_ns_ = std::max(now_ns_, until_ns);
}

}  // namespace hunt::sim
