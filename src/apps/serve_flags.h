// ServeFlags: what `hunt serve` is told, and what `hunt doctor` looks at before.
//
// Not the checks (check_flags() in node.h) and not the opening. One list for both commands, so that
// whatever starts a server can be checked with the same flags, variables and file.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>

#include "apps/settings.h"
#include "node/options.h"

namespace hunt::apps {

struct ServeFlags {
  ServeFlags();
  LogFlags log;
  node::NodeOptions node;
  std::uint64_t memory_limit_bytes = 0;  // 0: the control group's
};

// Lifetime: `flags` outlives the command. The others are parts of the first, for other servers,
// too:
// --grant-calls; what stands before the store; and of that what HTTP asks for.
void add_serve_flags(CLI::App& command, ServeFlags& flags);
void add_grant_calls(CLI::App& command, node::NodeOptions& flags);
void add_http(CLI::App& command, node::NodeOptions& flags);
void add_front(CLI::App& command, node::NodeOptions& flags);

}  // namespace hunt::apps
