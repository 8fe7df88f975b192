// RemoteBus: asks a running server over HTTP or its WebSocket stream, from one lane.
//
// Not for commands that ask once (client.h blocks and is simpler) and not for TLS. Every ask gets
// an answer or an error: a connection that breaks is opened again, with a growing pause, and what
// was in flight on it fails with `unavailable`; asking again is harmless. Lifecycle: construct,
// connect(), ask, close(); the lane's loop outlives all. Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "ports/bus.h"

namespace hunt::http {

struct RemoteOptions {
  // "http://HOST:PORT": POST /v1/positions, one request at a time on each connection.
  // "ws://HOST:PORT" (with or without /v1/stream): one stream, many batches in flight.
  std::string url;
  std::string token;             // of the game servers, or empty
  std::size_t connections = 8;   // of http://
  std::size_t asks_max = 8'192;  // waiting and in flight; above it asks are `overloaded`
  std::int64_t timeout_ns = 10'000'000'000;  // of an ask, from its call
};

class RemoteBus final : public ports::Asker {
 public:
  // Errors: invalid_argument (the URL).
  [[nodiscard]] static Result<std::unique_ptr<RemoteBus>> make(boost::asio::any_io_executor lane,
                                                               RemoteOptions options);
  ~RemoteBus() override;
  RemoteBus(const RemoteBus&) = delete;
  RemoteBus& operator=(const RemoteBus&) = delete;

  // Opens the first connection, so that a wrong address or token is known at once. Errors:
  // unavailable, unauthorized as the server says it, corrupt (no hunt server).
  [[nodiscard]] boost::asio::awaitable<Result<void>> connect();
  // Fails what is in flight and closes every connection.
  [[nodiscard]] boost::asio::awaitable<void> close();

  // Errors: what the server says, unavailable, deadline_exceeded, overloaded, corrupt (the answer
  // is none).
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                                      ports::Wait wait) override;
  // Told over ws:// alone: grants of every game server, refusals of this stream's claims.
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override;

  class Transport;  // one for each scheme

 private:
  explicit RemoteBus(std::shared_ptr<Transport> transport);
  std::shared_ptr<Transport> transport_;  // shared with the coroutines that still run
};

}  // namespace hunt::http
