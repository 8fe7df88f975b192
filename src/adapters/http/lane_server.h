// LaneServer: reads, answers and writes positions on a lane's own thread: requests of connections
// and messages of streams that the HTTP server lends it.
//
// Not for whatever needs a further look or waits for its client: any other request or frame, a slow
// part of one, an answer that is not taken at once, and the end of a connection go back to the
// server, with what was read. So limits, timeouts and errors stand in one place: of HTTP in
// http_connection.cc, of streams in stream_session.cc. What memory cannot answer is asked of the
// bus here: a connection waits for that, a stream goes on, and answers come when they are there.
// Lifecycle: made before the lane runs; gives back all that it has when it is recalled. Thread: the
// lane's, but where it says another.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/http_figures.h"
#include "adapters/http/lent.h"
#include "model/batch.h"
#include "ports/bus.h"
#include "ports/world_store.h"

namespace boost::asio {
class io_context;
}

namespace hunt::http {

// What answers from a lane's memory, there.
struct AtOnce {
  // Fills `reply`, or does nothing and says false: then the bus is asked. What is swapped with the
  // batch's and reply's vectors comes back.
  std::function<bool(model::Batch& batch, ports::Wait wait, model::BatchReply& reply)> answer;
  // How long what is ready has waited for this lane.
  std::function<std::int64_t()> late_ns = [] { return std::int64_t{0}; };
};

class LaneServer {
 public:
  // Lifetime: loop, bus and store outlive this and what still runs on the loop.
  LaneServer(boost::asio::io_context& lane, ports::Bus& bus, ports::WorldStore& store,
             std::size_t header_bytes_max);
  ~LaneServer();
  LaneServer(const LaneServer&) = delete;
  LaneServer& operator=(const LaneServer&) = delete;

  void answer_with(AtOnce at_once);

  // Thread: any; from one, both come in order. Who is recalled comes back once the answer that it
  // waits for is written.
  void take(std::shared_ptr<Lent> lent);
  void recall(std::shared_ptr<Lent> lent);
  // Sends the texts on a stream that it has; none of them when that is on its way back. Says how
  // many (StreamEars). Thread: as take().
  using Texts = std::vector<std::shared_ptr<const std::string>>;
  void tell(std::shared_ptr<Lent> lent, Texts texts);

  // Adds what was answered since the last time. Thread: the figures'.
  void count_into(HttpFigures& figures);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with the coroutines that still run
  std::array<std::uint64_t, 5> counted_{};
};

}  // namespace hunt::http
