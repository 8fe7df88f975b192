// Tap: hears the batches of all game servers on the bus, asked and stored ones, and answers none.
//
// Not a consumer of the stored positions: it hears them when they are published, so those of before
// are not heard, and nothing is taken from whoever decides them. What the bus could not bring in
// time is lost (Figures::overflown). Lifecycle: on a connection that outlives it. Thread: its
// lane's.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/link.h"
#include "adapters/nats/payload.h"
#include "model/batch.h"

namespace hunt::nats {

struct Heard {
  model::Batch batch;
  std::uint32_t server = 0;  // who asked, by order of appearance; 0: not known
  bool stored = false;
};

class Tap {
 public:
  static constexpr std::size_t servers_max = 65'535;

  struct Ears {
    std::function<void(Heard)> on_batch;
    // Of a batch that names its world; nothing: it is not known, so the batch is not heard.
    std::function<std::optional<model::WorldId>(const std::string& name)> world_named;
  };
  Tap(Connection& connection, Ears ears);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // Messages that are no batches, or of worlds that are not known.
  [[nodiscard]] std::uint64_t unread() const noexcept { return unread_; }

 private:
  void hear(natsMsg& message, bool stored);
  [[nodiscard]] std::uint32_t server_of(std::string_view reply_to);

  std::shared_ptr<Link> link_;
  const Ears ears_;
  Payloads payloads_;
  std::vector<Link::SubscriptionPtr> subscriptions_;
  std::unordered_map<std::string, std::uint32_t> servers_;
  std::uint64_t unread_ = 0;
};

}  // namespace hunt::nats
