// StreamSession: one WebSocket of /v1/stream: batches in, their answers and claim events out.
//
// Not a decision about loot and not the handshake's gate (api.h). Memory is bounded, to the byte:
// what waits to be sent and what batches in flight will add to it are counted, of this stream and
// of all; it reads no further message that could not be answered, is fed no grant while much waits,
// and is ended where that does not help. A reader that falls behind gets its grants from pages of
// the store, in order and without a gap. Answers may come in another order than their batches: they
// carry the batch's id. Between two messages its socket is lent to a lane (lane_server.h), which
// answers those that come then, and sends what is told. Thread: the server's lane.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/api.h"
#include "adapters/http/byte_budget.h"
#include "adapters/http/claim_feed.h"
#include "adapters/http/lane_server.h"

namespace hunt::http {

class StreamSession {
 public:
  virtual ~StreamSession() = default;
  // Accepts the handshake and serves until either side closes; then nothing of it runs any more.
  [[nodiscard]] virtual boost::asio::awaitable<void> run() = 0;
  // The feed has something new; `events` are what.
  virtual void on_claims(const std::vector<model::ClaimEvent>& events) = 0;
  // Takes no further message, answers what is in flight, says goodbye.
  virtual void stop() = 0;
};

// What a session needs of the server that made it; all of it outlives the session.
struct StreamPorts {
  Api& api;
  const std::vector<ports::Ledger*>& ledgers;  // by shard
  const ClaimFeed& feed;
  const HttpOptions& options;
  ByteBudget& bodies;   // of messages that came and are not answered yet
  ByteBudget& answers;  // of what waits to be sent
  HttpFigures& figures;
  const std::function<LoopLag()>& lag;  // Ports::lag
  LaneServer* lane;                     // which may have its socket; nullptr: none
};

// `received`: the request for the upgrade, header and what followed it, as it came.
[[nodiscard]] std::shared_ptr<StreamSession> make_stream_session(
    boost::asio::ip::tcp::socket socket, StreamPorts ports, StreamStart start,
    std::string received);

}  // namespace hunt::http
