#include "adapters/redis/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::redis {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr int tries_max = 6;  // a slot that moves while a script is missing and a failover ends
constexpr nanoseconds check_patience{2'000'000'000};
constexpr nanoseconds later_min{1'000'000};  // before the same is tried again, doubled each time

std::string_view word_of(std::string_view text, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return {};
    text.remove_prefix(space + 1);
  }
  return text.substr(0, text.find(' '));
}

// "HOST:PORT", the host possibly IPv6 without brackets, or empty: the one that was asked.
std::optional<HostPort> address_of(std::string_view text, const HostPort& asked) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_u64(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65'535) return std::nullopt;
  HostPort address;
  address.host = colon == 0 ? asked.host : std::string(text.substr(0, colon));
  address.port = static_cast<std::uint16_t>(*port);
  return address;
}

// Of the answer to TIME: seconds and microseconds. 0 when it is none.
std::int64_t time_of(const Reply& reply) {
  if (reply.list.size() != 2) return 0;
  const std::int64_t seconds = parse_i64(reply.list[0].text).value_or(0);
  if (seconds < 0 || seconds >= limits::cache_ms_max / 1'000) return 0;
  return seconds * 1'000 + parse_i64(reply.list[1].text).value_or(0) / 1'000;
}

}  // namespace

Servers::Servers(boost::asio::any_io_executor lane, RedisUrl url, ServersOptions options)
    : lane_(std::move(lane)), url_(std::move(url)), options_(options) {
  for (const auto& address : url_.addresses) static_cast<void>(node_at(address));
  if (!url_.cluster) slots_.assign(slot_count, nodes_.front());
}

Servers::NodePtr Servers::node_at(const HostPort& address) {
  const auto there = [&](const NodePtr& node) { return node->address() == address; };
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), there);
  if (found != nodes_.end()) return *found;
  NodeOptions options;
  options.user = url_.user;
  options.password = url_.password;
  options.database = url_.database;
  options.silence = 2 * options_.deadline;
  options.seed = options_.seed + nodes_.size();
  nodes_.push_back(std::make_shared<Node>(lane_, address, options));
  return nodes_.back();
}

Result<Servers::NodePtr> Servers::route(std::uint16_t slot) const {
  if (!slots_.empty() && slots_[slot] != nullptr) return slots_[slot];
  if (!map_known_ && !map_error_.message.empty()) return tl::unexpected<Error>(map_error_);
  return fail(Errc::unavailable,
              fmt::format("no node of {} has slot {}: is the cluster whole?", url_.shown(), slot));
}

void Servers::send(const Call& call, Route& route, const std::shared_ptr<Round>& round,
                   std::size_t index, Loaded& loaded) {
  if (!route.pinned) {
    const auto owner = this->route(call.slot);
    if (!owner) {
      map_old_ = true;
      round->refuse(index, owner.error());
      return;
    }
    route.node = *owner;
  }
  const std::pair<const Node*, const Script*> there(route.node.get(), call.script);
  if (route.load && std::find(loaded.begin(), loaded.end(), there) == loaded.end()) {
    ++figures_.scripts_loaded;
    loaded.push_back(there);
    route.node->send_ahead(call.script->load);
  }
  if (route.asking) route.node->send_ahead("*1\r\n$6\r\nASKING\r\n");
  route.node->send(call.command, call.write, round, index);
}

boost::asio::awaitable<std::vector<Answer>> Servers::exchange(std::vector<Call> calls) {
  co_return co_await exchange_by(std::move(calls), steady_clock::now() + options_.deadline);
}

boost::asio::awaitable<std::vector<Answer>> Servers::exchange_by(std::vector<Call> calls,
                                                                 TimePoint deadline) {
  std::vector<Answer> answers(calls.size());
  std::vector<Route> routes(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) routes[i].call = i;
  nanoseconds later = later_min;
  for (int attempt = 1; !routes.empty(); ++attempt) {
    co_await refresh(deadline);
    const auto round = std::make_shared<Round>(lane_, routes.size());
    Loaded loaded;
    for (std::size_t i = 0; i < routes.size(); ++i) {
      send(calls[routes[i].call], routes[i], round, i, loaded);
    }
    const std::vector<std::size_t> times = send_times(calls, routes, round);
    for (const auto& node : nodes_) node->flush();
    auto given = co_await Round::wait(round, deadline);
    std::vector<Route> rest;
    bool pause = false;
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const Call& call = calls[routes[i].call];
      Answer& answer = answers[routes[i].call];
      const bool in_time = given[i] && (!call.timed || given[times[i]]);
      answer = in_time ? std::move(*given[i]) : tl::unexpected<Error>(unanswered(call, routes[i]));
      if (call.timed && answer) add_time(answer, *given[times[i]], *routes[i].node);
      const Next next = judge(call, routes[i], answer);
      if (next == Next::done || attempt == tries_max) continue;
      pause = pause || next == Next::later;
      rest.push_back(std::move(routes[i]));
    }
    routes = std::move(rest);
    // What was sent too late would be of unknown outcome; what was refused is not.
    if (steady_clock::now() + (pause ? later : nanoseconds(0)) >= deadline) break;
    if (routes.empty() || !pause) continue;
    boost::asio::steady_timer timer(lane_, later);
    co_await timer.async_wait(boost::asio::use_awaitable);
    later *= 2;
  }
  co_return answers;
}

std::vector<std::size_t> Servers::send_times(const std::vector<Call>& calls,
                                             const std::vector<Route>& routes,
                                             const std::shared_ptr<Round>& round) {
  std::vector<std::size_t> times(routes.size());
  std::vector<std::pair<const Node*, std::size_t>> asked;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    Node* node = routes[i].node.get();
    if (!calls[routes[i].call].timed || node == nullptr) continue;
    const auto there = [node](const auto& one) { return one.first == node; };
    const auto found = std::find_if(asked.begin(), asked.end(), there);
    times[i] = found == asked.end() ? round->add() : found->second;
    if (found != asked.end()) continue;
    asked.emplace_back(node, times[i]);
    node->send("*1\r\n$4\r\nTIME\r\n", false, round, times[i]);
  }
  return times;
}

// Without its time an answer is worth nothing: everything would seem to hold still.
void Servers::add_time(Answer& answer, const Answer& time, const Node& node) const {
  if (!time || time->is_error()) {
    answer = tl::unexpected<Error>(time ? refused(*time, node) : time.error());
    return;
  }
  answer->time_ms = time_of(*time);
  const auto is_it = [&node](const NodePtr& one) { return one.get() == &node; };
  answer->clock = static_cast<std::uint32_t>(std::find_if(nodes_.begin(), nodes_.end(), is_it) -
                                             nodes_.begin());
  if (answer->time_ms > 0) return;
  answer = fail(Errc::corrupt,
                fmt::format("Redis at {} told a time that cannot be read", node.address().shown()));
}

Error Servers::unanswered(const Call& call, const Route& route) {
  ++figures_.timeouts;
  if (route.node != nullptr) route.node->count_late();
  map_old_ = true;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.deadline);
  return {call.write ? Errc::unknown_outcome : Errc::deadline_exceeded,
          fmt::format("Redis at {} did not answer within {} ms", route.node->address().shown(),
                      ms.count()),
          {}};
}

// Turns what a server refuses into an error, and says whether the call goes on elsewhere.
Servers::Next Servers::judge(const Call& call, Route& route, Answer& answer) {
  if (!answer) {
    if (answer.error().code != Errc::overloaded) map_old_ = true;
    return Next::done;
  }
  if (!answer->is_error()) return Next::done;
  const Reply reply = std::move(*answer);
  answer = tl::unexpected<Error>(refused(reply, *route.node));
  if (reply.is_error("NOSCRIPT") && call.script != nullptr) {
    route.load = true;
    return Next::again;
  }
  if (!url_.cluster) return Next::done;
  if (reply.is_error("MOVED") || reply.is_error("ASK")) {
    return redirected(call, route, reply);
  }
  route.pinned = route.asking = false;
  if (reply.is_error("TRYAGAIN")) return Next::later;
  if (reply.is_error("READONLY")) {
    map_old_ = true;
    return Next::later;
  }
  if (reply.is_error("CLUSTERDOWN") || reply.is_error("LOADING")) map_old_ = true;
  return Next::done;
}

Servers::Next Servers::redirected(const Call& call, Route& route, const Reply& reply) {
  const auto address = address_of(word_of(reply.text, 2), route.node->address());
  if (!address) return Next::done;
  ++figures_.redirects;
  route.pinned = true;
  route.asking = reply.is_error("ASK");
  route.node = node_at(*address);
  if (!route.asking) {
    map_old_ = true;
    if (!slots_.empty()) slots_[call.slot] = route.node;
  }
  return Next::again;
}

Error Servers::refused(const Reply& reply, const Node& node) const {
  const std::string where = node.address().shown();
  const std::string said = printable(reply.text, 160);
  if (reply.is_error("OOM")) {
    return {
        Errc::overloaded,
        fmt::format("the memory of Redis at {} is full; set maxmemory-policy allkeys-lru", where),
        {}};
  }
  if (reply.is_error("NOAUTH") || reply.is_error("WRONGPASS") || reply.is_error("NOPERM")) {
    return {Errc::unauthorized,
            fmt::format("Redis at {} refuses the user and password of --cache: {}", where, said),
            {}};
  }
  if (reply.is_error("WRONGTYPE")) {
    return {Errc::corrupt, fmt::format("a key of the cache at {} is not the cache's", where), {}};
  }
  if (reply.is_error("MOVED") && !url_.cluster) {
    return {Errc::unavailable,
            fmt::format("Redis at {} is part of a cluster; use redis-cluster://", where),
            {}};
  }
  if (reply.is_error("READONLY")) {
    return {Errc::unavailable,
            fmt::format("Redis at {} is a replica; name its master in --cache", where),
            {}};
  }
  return {Errc::unavailable, fmt::format("Redis at {} refuses: {}", where, said), {}};
}

boost::asio::awaitable<Result<void>> Servers::check() {
  const TimePoint deadline = steady_clock::now() + std::max(options_.deadline, check_patience);
  co_await refresh(deadline);
  std::vector<Call> calls;
  std::vector<Node*> asked;
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    const auto owner = route(static_cast<std::uint16_t>(slot));
    if (!owner) co_return tl::unexpected<Error>(owner.error());
    if (std::find(asked.begin(), asked.end(), owner->get()) != asked.end()) continue;
    asked.push_back(owner->get());
    Call call;
    call.slot = static_cast<std::uint16_t>(slot);
    call.command = "*1\r\n$4\r\nPING\r\n";
    calls.push_back(std::move(call));
  }
  const auto answers = co_await exchange_by(std::move(calls), deadline);
  for (const auto& answer : answers) {
    if (!answer) co_return tl::unexpected<Error>(answer.error());
  }
  co_return Result<void>{};
}

void Servers::close() {
  for (const auto& node : nodes_) node->close();
}

ServersFigures Servers::figures() const {
  ServersFigures out = figures_;
  for (const auto& node : nodes_) {
    out.nodes.connects += node->figures().connects;
    out.nodes.failures += node->figures().failures;
    out.nodes.refused += node->figures().refused;
  }
  return out;
}

std::vector<model::CacheNode> Servers::nodes() const {
  std::vector<model::CacheNode> all;
  for (const auto& node : nodes_) {
    if (all.size() == limits::cache_nodes_shown_max) break;
    const NodeFigures& figures = node->figures();
    all.push_back({node->address().shown(), node->well(), node->pending_count(), figures.replies,
                   figures.reply_ns, figures.failures, figures.late, figures.refused});
  }
  return all;
}

}  // namespace hunt::redis
