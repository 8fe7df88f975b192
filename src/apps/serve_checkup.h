// check_serve(): what `hunt serve` reads and opens on this machine, looked at by `hunt doctor`.
//
// Not the servers behind the URLs: each adapter has its checkup.h. Changes nothing.
#pragma once
#include <vector>

#include "apps/serve_flags.h"
#include "ports/clock.h"
#include "ports/findings.h"

namespace hunt::apps {

// Rules, secrets and the address. Empty where nothing of it is given.
[[nodiscard]] std::vector<ports::Finding> check_serve(const ServeFlags& flags,
                                                      const ports::Clock& clock);

// The store as `hunt serve` opens it, as far as that changes nothing: every connection that a
// player's way needs is opened and asked.
[[nodiscard]] std::vector<ports::Finding> check_opening(const std::vector<node::StoreUrl>& urls,
                                                        const ports::Clock& clock);

}  // namespace hunt::apps
