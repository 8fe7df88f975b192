// Flags that several commands have: each is declared once, so that one name, variable and key means
// one thing in all of them.
//
// Not the flags of one command, and not what a server alone is told (serve_flags.h). URLs are read
// here: what is wrong with one is told with the flag, or with the variable or line that it is from.
// Lifetime: what is filled in outlives the command.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "adapters/redis/redis_url.h"
#include "base/result.h"
#include "model/hunt_name.h"
#include "node/store_url.h"

namespace hunt::apps {

// --store, once for each shard. Returns the option.
CLI::Option* add_stores(CLI::App& command, std::vector<node::StoreUrl>& urls);
// --bus and --cache. Nothing: inproc: and none:.
CLI::Option* add_bus(CLI::App& command, std::optional<nats::ServerList>& bus);
CLI::Option* add_cache(CLI::App& command, std::optional<redis::RedisUrl>& cache);
// --hunt: the name of the hunt on servers that it shares.
void add_hunt(CLI::App& command, model::HuntName& hunt);
// --admin-token-file and --server-token-file: what is shown to a server.
void add_tokens(CLI::App& command, std::string& admin_file, std::string& server_file);
// The token of a file; empty without one. Errors: those of node::read_secret().
[[nodiscard]] Result<std::string> read_token(const std::string& file);

// A value of a flag as people may see it: URLs without user and password.
[[nodiscard]] std::string shown_value(const std::string& flag, const std::string& text);

// --trace: walks to follow, and --on-error: what a bad row of a file does.
void add_trace(CLI::App& command, std::string& path, std::string& on_error);
void add_on_error(CLI::App& command, std::string& on_error, const std::string& text);

}  // namespace hunt::apps
