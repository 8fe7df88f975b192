// ask_fleet(): asks every process of a hunt on the bus why it is slow, and names who does not say.
//
// Not the merging (engine/fleet_why.h). Blocking, over a connection of its own; reads only. Who
// answers `$SRV.WHY.<hunt>` says whom it has heard of; who answers `$SRV.PING.<hunt>` is there. Who
// is known by one of the two and does not answer is in the list all the same.
#pragma once
#include <cstdint>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "base/result.h"
#include "codec/json_why.h"
#include "model/why_past.h"

namespace hunt::nats {

struct WhyAsk {
  codec::WhyQuestion question;
  // So long is waited for who is known and silent; when all have answered, for a moment only.
  std::int64_t patience_ns = 3'000'000'000;
};

// Errors: those of connecting; unavailable, when nobody answers at all.
[[nodiscard]] Result<std::vector<model::Asked>> ask_fleet(const NatsOptions& options,
                                                          const WhyAsk& ask);

}  // namespace hunt::nats
