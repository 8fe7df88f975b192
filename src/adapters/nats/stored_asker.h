// StoredAsker: asks by storing: each batch becomes a message of `hunt.pos.any` whose outcomes are
// replied to this object.
//
// Not how games should use stored positions (they publish and go on): it is an Asker, for load
// tests. What was not stored is stored again with the same id, and what was not answered within the
// patience, with a new one: claims keep their ids. Outcomes are terminal. Where several shards
// answer in parts, the answer is an error. Lifecycle: on a connection that outlives it. Thread: its
// lane's.
#pragma once
#include <memory>

#include "adapters/nats/connection.h"
#include "ports/bus.h"

namespace hunt::nats {

class NatsBus;

struct StoredAskerOptions {
  std::int64_t patience_ns = 10'000'000'000;  // of one message; above twice the streams' ack wait
  int tries = 4;
};

class StoredAsker final : public ports::Asker {
 public:
  // Told claims are heard through `bus`. Lifetime: it outlives the asker.
  StoredAsker(Connection& connection, NatsBus& bus, StoredAskerOptions options = {});
  ~StoredAsker() override;

  // Errors: overloaded (the stream is full), deadline_exceeded, corrupt.
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                                      ports::Wait wait) override;
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override;

 private:
  struct Core;
  std::shared_ptr<Core> core_;  // shared with the coroutines that still run
  NatsBus& bus_;
};

}  // namespace hunt::nats
