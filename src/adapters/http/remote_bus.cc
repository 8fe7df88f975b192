#include "adapters/http/remote_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <cstdio>
#include <exception>

#include "adapters/http/remote_transport.h"
#include "codec/json_replies.h"

namespace hunt::http {

namespace asio = boost::asio;
using asio::awaitable;

RemoteBus::Transport::Transport(asio::any_io_executor lane, RemoteOptions options, HostPort address)
    : lane_(std::move(lane)),
      options_(std::move(options)),
      address_(std::move(address)),
      changed_(lane_),
      prng_(reinterpret_cast<std::uintptr_t>(this)) {}

void RemoteBus::Transport::spawn(awaitable<void> task) {
  ++tasks_;
  asio::co_spawn(lane_, std::move(task), [self = shared_from_this()](std::exception_ptr failure) {
    --self->tasks_;
    self->changed_.notify();
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "hunt: the connection to %s ended with: %s\n",
                   self->options_.url.c_str(), error.what());
    }
  });
}

std::chrono::nanoseconds RemoteBus::Transport::next_pause() {
  constexpr std::uint64_t pause_ms_min = 20;
  constexpr std::uint64_t pause_ms_max = 1'000;
  pause_ms_ = std::clamp(pause_ms_ * 2, pause_ms_min, pause_ms_max);
  return std::chrono::milliseconds(pause_ms_ / 2 + prng_.below(pause_ms_ / 2 + 1));
}

Error RemoteBus::Transport::lost(std::string_view what, std::string_view why) const {
  return {Errc::unavailable,
          fmt::format("{} did not {}: {}; is `hunt serve` or `hunt up` running there?",
                      options_.url, what, why),
          "url"};
}

Result<model::BatchReply> RemoteBus::Transport::checked(model::BatchReply reply,
                                                        std::size_t positions) const {
  if (reply.outcomes.size() == positions) return reply;
  return fail(Errc::corrupt, fmt::format("{} answered {} outcomes to {} positions", options_.url,
                                         reply.outcomes.size(), positions));
}

awaitable<Result<model::BatchReply>> RemoteBus::Transport::ask(model::Batch batch,
                                                               ports::Wait wait) {
  if (closing_) co_return fail(Errc::unavailable, "the connection is closed");
  if (asks_ >= options_.asks_max) {
    co_return fail(Errc::overloaded,
                   fmt::format("{} batches wait for {} already", asks_, options_.url));
  }
  const auto ask = std::make_shared<RemoteAsk>(lane_);
  ask->wait_terminal = wait == ports::Wait::terminal;
  ask->positions = batch.positions.size();
  ask->settled.expires_after(std::chrono::nanoseconds(options_.timeout_ns));
  std::string body;
  codec::write_positions(batch, body);
  ++asks_;
  send(ask, std::move(body));
  if (!ask->result) co_await ask->settled.async_wait(as_result);
  --asks_;
  if (!ask->result) {
    ask->result =
        fail(Errc::deadline_exceeded, fmt::format("{} did not answer within {} ms", options_.url,
                                                  options_.timeout_ns / 1'000'000));
  }
  co_return std::move(*ask->result);
}

awaitable<void> RemoteBus::Transport::close() {
  closing_ = true;
  changed_.notify();
  cancel();
  while (tasks_ > 0 || asks_ > 0) {
    co_await pause(lane_, std::chrono::milliseconds(1));
    cancel();
  }
}

Result<std::unique_ptr<RemoteBus>> RemoteBus::make(asio::any_io_executor lane,
                                                   RemoteOptions options) {
  constexpr std::string_view route = "/v1/stream";
  std::string_view url = options.url;
  std::shared_ptr<Transport> transport;
  if (split_url(url).scheme == Scheme::ws) {
    if (url.ends_with(route)) url.remove_suffix(route.size());
    HUNT_TRY(address, parse_address(url, Scheme::ws));
    transport = make_stream_transport(std::move(lane), std::move(options), std::move(address));
  } else {
    HUNT_TRY(address, parse_address(url, Scheme::http));
    transport = make_http_transport(std::move(lane), std::move(options), std::move(address));
  }
  return std::unique_ptr<RemoteBus>(new RemoteBus(std::move(transport)));
}

RemoteBus::RemoteBus(std::shared_ptr<Transport> transport) : transport_(std::move(transport)) {}
RemoteBus::~RemoteBus() = default;

awaitable<Result<void>> RemoteBus::connect() {
  return transport_->connect();
}
awaitable<void> RemoteBus::close() {
  return transport_->close();
}
awaitable<Result<model::BatchReply>> RemoteBus::ask(model::Batch batch, ports::Wait wait) {
  return transport_->ask(std::move(batch), wait);
}
void RemoteBus::on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) {
  transport_->on_claims = std::move(handler);
}

}  // namespace hunt::http
