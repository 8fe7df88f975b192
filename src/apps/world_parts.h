// What the commands of `hunt world` share: their flags, and where they work.
//
// Not the commands (cmd_world.cc, world_import.cc). One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/redis_url.h"
#include "apps/command.h"
#include "model/hunt_name.h"
#include "model/spawn.h"
#include "node/store_url.h"
#include "rush/world_target.h"

namespace hunt::apps {

struct WorldFlags {
  std::vector<node::StoreUrl> stores = {node::StoreUrl::sqlite("hunt.db")};
  std::optional<redis::RedisUrl> cache;
  model::HuntName hunt;
  std::string url;
  std::string admin_token;
  std::string admin_token_file;
  std::string world;
  std::string file;
  std::string format;
  std::string on_error = "abort";
  std::string rules;
  std::string name;
  model::WorldId id = 0;
  bool json = false;
};

// The server of --url, or else the stores. Errors: those of the stores, and of reading a token.
[[nodiscard]] Result<std::unique_ptr<rush::WorldTarget>> open_target(const WorldFlags& flags,
                                                                     bool read_only);
// `text` is an id or a name. Errors: not_found, with the worlds that there are.
[[nodiscard]] Result<model::World> find_world(rush::WorldTarget& target, const std::string& text);

// How far a long command is, on one line of a terminal; nothing elsewhere.
class Progress {
 public:
  Progress(const char* verb, const char* things);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void tell(std::uint64_t done, std::uint64_t all);

 private:
  const char* verb_;
  const char* things_;
  bool shown_;
  bool told_ = false;
};

// A command that works in a store.
CLI::App* add_store_part(CommandLine& line, CLI::App& world,
                         const std::shared_ptr<WorldFlags>& flags, const char* name,
                         const char* text, int (*run)(const WorldFlags&));
// One that works in a store, or in a running server instead.
CLI::App* add_part(CommandLine& line, CLI::App& world, const std::shared_ptr<WorldFlags>& flags,
                   const char* name, const char* text, int (*run)(const WorldFlags&));
void add_format(CLI::App& part, const std::shared_ptr<WorldFlags>& flags, const char* text);
// `hunt world import`.
void add_world_import(CommandLine& line, CLI::App& world, const std::shared_ptr<WorldFlags>& flags);

}  // namespace hunt::apps
