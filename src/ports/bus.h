// Bus: batches to the orchestrators and their answers back; claim events and invalidations to
// whoever listens.
//
// Not durable by itself and never the authority for a grant. An object of it belongs to one lane:
// handlers run there and callers are resumed there. Implementations: InprocEndpoint, SimBus; of
// Asker alone: http::RemoteBus.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <vector>

#include "base/result.h"
#include "model/batch.h"
#include "model/change.h"
#include "model/claim.h"
#include "model/limits.h"

namespace hunt::ports {

enum class Wait : std::uint8_t { no, terminal };

// What answers batches: the orchestrator of a lane.
class BatchHandler {
 public:
  virtual ~BatchHandler() = default;
  // Errors: invalid_argument (bounds), not_found (world), overloaded, disk_full or unavailable
  // (waiting for terminal outcomes while the store cannot give them), deadline_exceeded.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch,
                                                                                 Wait wait) = 0;
};

// What a game server needs: to ask, and to hear what claims came to.
class Asker {
 public:
  virtual ~Asker() = default;

  // Asks any orchestrator. Errors: those of BatchHandler, and unavailable when none serves.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                                              Wait wait) = 0;

  // One handler per object, called on this lane until the object goes. May hear of a claim twice.
  virtual void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) = 0;
};

class Bus : public Asker {
 public:
  // Serves asks with `handler` until stop_serving(). Lifetime: the handler outlives that.
  virtual void serve(BatchHandler& handler) = 0;
  virtual void stop_serving() = 0;

  // To every subscriber, in the order published by this object. Never blocks; a subscriber that
  // falls behind its bound loses messages, which it sees as a gap in the sequence.
  virtual void publish(model::Invalidation invalidation) = 0;
  // Terminal outcomes to whoever listens; returns once they are kept for them (the message id is
  // claim and outcome, so telling again is harmless). Errors: overloaded, unavailable,
  // unknown_outcome: tell the same again.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> tell(
      std::vector<model::ClaimEvent> events) = 0;

  // What keeps told claims, as it was seen last. Nothing: nobody looked yet, or there is none.
  [[nodiscard]] virtual model::ClaimsKept claims_kept() const { return {}; }
  // The most that one message may have. What publish() is given is divided by it before.
  [[nodiscard]] virtual std::size_t message_bytes_max() const {
    return limits::bus_message_bytes_usual;
  }

  // One handler per object, called on this lane until the object goes.
  virtual void on_invalidation(std::function<void(const model::Invalidation&)> handler) = 0;

  // As tell(), of what was told and may be lost: what keeps it may remember the message ids of what
  // it has not any more, so these are others, of the same `occasion` the same.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> tell_again(
      std::vector<model::ClaimEvent> events, std::uint64_t /*occasion*/) {
    return tell(std::move(events));
  }
};

}  // namespace hunt::ports
