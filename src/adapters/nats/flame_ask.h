// ask_fleet_profile(): asks every process of a hunt on the bus for a profile, at the same time.
//
// Not the merging (codec/folded.h). Blocking, over a connection of its own, for as long as is
// watched and some seconds more: first it hears who is there (why_ask.h), then it waits for them.
#pragma once
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "base/result.h"
#include "codec/json_profile.h"
#include "model/why_past.h"

namespace hunt::nats {

struct ProfileAnswer {
  model::Process process;
  Result<model::Profile> profile;  // else why there is none
};

// One for each process that is known of. Errors: unauthorized (no token), those of ask_fleet().
[[nodiscard]] Result<std::vector<ProfileAnswer>> ask_fleet_profile(const NatsOptions& options,
                                                                   model::ProfileKind kind,
                                                                   std::int64_t seconds,
                                                                   const std::string& admin_token);

}  // namespace hunt::nats
