#include "adapters/redis/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::redis {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr nanoseconds pause_min{20'000'000};
constexpr nanoseconds pause_max{1'000'000'000};
constexpr nanoseconds silence_max{1'000'000'000};  // guess: longer than a slow command

}  // namespace

Node::Node(boost::asio::any_io_executor lane, HostPort address, const NodeOptions& options)
    : lane_(std::move(lane)),
      address_(std::move(address)),
      options_(options),
      prng_(options.seed) {}

bool Node::well() const {
  if (silent_for() > nanoseconds(0)) return false;
  return link_ != nullptr || steady_clock::now() >= retry_at_;
}

// A lane that was busy for long has the answers, and has not looked yet.
nanoseconds Node::silent_for() const {
  if (pending_.empty()) return nanoseconds(0);
  const nanoseconds waited = steady_clock::now() - pending_.front().sent;
  if (waited <= options_.silence || link_->has_input()) return nanoseconds(0);
  return waited;
}

void Node::send(std::string_view command, bool write, std::shared_ptr<Round> round,
                std::size_t index) {
  if (const auto fine = ready(); !fine) {
    ++figures_.refused;
    round->refuse(index, fine.error());
    return;
  }
  Pending pending;
  pending.round = std::move(round);
  pending.index = index;
  pending.write = write;
  push(command, std::move(pending));
}

Result<void> Node::ready() {
  if (const nanoseconds silent = silent_for(); silent > nanoseconds(0)) {
    if (silent <= silence_max) return tl::unexpected<Error>(silent_error());
    drop(silent_error());
  }
  if (pending_.size() >= limits::cache_commands_inflight_max ||
      bytes_ >= limits::cache_bytes_inflight_max) {
    return fail(Errc::overloaded,
                fmt::format("{} commands to Redis at {} are under way; try again later",
                            pending_.size(), address_.shown()));
  }
  if (link_ != nullptr) return {};
  if (steady_clock::now() < retry_at_) return tl::unexpected<Error>(last_error_);
  connect();
  return {};
}

Error Node::silent_error() const {
  return {Errc::unavailable, fmt::format("Redis at {} does not answer", address_.shown()), {}};
}

void Node::connect() {
  ++figures_.connects;
  link_ = std::make_shared<Link>(lane_, *this);
  link_->open(address_);
  log_in();
  if (options_.database == 0) return;
  Pending pending;
  pending.select = selecting_ = true;
  push(CommandWriter(2).add("SELECT").add(std::uint64_t{options_.database}).take(),
       std::move(pending));
}

void Node::log_in() {
  if (options_.password.empty()) return;
  CommandWriter login(options_.user.empty() ? 2 : 3);
  login.add("AUTH");
  if (!options_.user.empty()) login.add(options_.user);
  login.add(options_.password);
  Pending pending;
  pending.login = true;
  push(login.take(), std::move(pending));
}

void Node::push(std::string_view command, Pending pending) {
  if (link_ == nullptr) return;
  pending.sent = steady_clock::now();
  pending.bytes = command.size();
  bytes_ += command.size();
  const bool held = selecting_ && !pending.select;
  pending_.push_back(std::move(pending));
  if (held) {
    held_.append(command);
  } else {
    link_->send(command);
  }
}

void Node::flush() {
  if (link_ != nullptr) link_->flush();
}

void Node::on_reply(Reply reply) {
  if (pending_.empty()) {
    drop({Errc::unavailable,
          fmt::format("{} sent a reply that nobody asked for: is it a Redis server?",
                      address_.shown()),
          {}});
    return;
  }
  const Pending pending = std::move(pending_.front());
  pending_.pop_front();
  bytes_ -= pending.bytes;
  if (pending.login && reply.is_error()) {
    drop({Errc::unauthorized,
          fmt::format("Redis at {} refuses the user and password of --cache: {}", address_.shown(),
                      printable(reply.text, 128)),
          {}});
    return;
  }
  // In another database than was meant, everything would be somebody else's.
  if (pending.select && reply.is_error()) {
    drop({reply.is_error("NOPERM") ? Errc::unauthorized : Errc::unavailable,
          fmt::format("Redis at {} does not let us into database {} of --cache: {}",
                      address_.shown(), options_.database, printable(reply.text, 128)),
          {}});
    return;
  }
  if (pending.select) {
    selecting_ = false;
    link_->send(std::exchange(held_, {}));
    link_->flush();
  }
  answered_ = steady_clock::now();
  ++figures_.replies;
  figures_.reply_ns += static_cast<std::uint64_t>(nanoseconds(answered_ - pending.sent).count());
  pause_ = nanoseconds(0);
  if (pending.round != nullptr) pending.round->give(pending.index, std::move(reply));
}

void Node::on_closed(std::string why) {
  drop({Errc::unavailable, fmt::format("Redis at {}: {}", address_.shown(), why), {}});
}

void Node::drop(Error why) {
  ++figures_.failures;
  const bool connected = link_ != nullptr && link_->connected();
  if (link_ != nullptr) link_->close();
  link_.reset();
  bytes_ = 0;
  selecting_ = false;
  held_.clear();
  last_error_ = std::move(why);
  pause_ = std::clamp(pause_ * 2, pause_min, pause_max);
  const auto jitter = prng_.below(static_cast<std::uint64_t>(pause_.count()) / 2);
  retry_at_ = steady_clock::now() + pause_ - nanoseconds(static_cast<std::int64_t>(jitter));
  const std::deque<Pending> lost = std::exchange(pending_, {});
  for (const Pending& pending : lost) {
    if (pending.round == nullptr) continue;
    Error error = last_error_;
    if (pending.write && connected) error.code = Errc::unknown_outcome;
    pending.round->refuse(pending.index, std::move(error));
  }
}

void Node::close() {
  if (link_ == nullptr) return;
  drop({Errc::unavailable,
        fmt::format("the connection to Redis at {} was closed", address_.shown()),
        {}});
  retry_at_ = TimePoint{};
}

}  // namespace hunt::redis
