// hunt shards …: a function for each subcommand, and what they share: the traffic of a trace, and
// what stores hold.
//
// Not the choice (shards/advise.h): each function here registers flags, reads, or prints.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "apps/command.h"
#include "base/result.h"
#include "node/store_url.h"
#include "shards/advise.h"
#include "shards/rows.h"
#include "shards/traffic.h"

namespace hunt::apps {

void add_shards_advise(CommandLine& line, CLI::App& shards);
void add_shards_set(CommandLine& line, CLI::App& shards);
void add_shards_status(CommandLine& line, CLI::App& shards);

// Whose positions are judged.
struct TrafficFlags {
  std::string trace;
  std::string on_error = "abort";
  std::int32_t hint_radius_tiles = 8;
  std::uint32_t crowd = 0;  // players made of the trace's walks; 0: the trace as it is
  std::uint32_t seconds = 600;
  std::uint64_t seed = 1;

  void add_to(CLI::App& command);
};

// Reads the trace, as it is or as the crowd that is made of it, a batch at a time. Errors: those of
// the trace's reader and of shards::Traffic; invalid_argument (a world's name is no id).
[[nodiscard]] Result<shards::Counted> count_traffic(const TrafficFlags& flags,
                                                    std::uint32_t shards);

// What lies where now: of the stores; without any, the demo world where a crowd plays there, and
// else a row for each visited chunk, all in shard 0. Errors: those of the stores.
[[nodiscard]] Result<shards::Rows> find_rows(const TrafficFlags& flags,
                                             const std::vector<node::StoreUrl>& stores,
                                             const shards::Counted& counted);

// The advice for people, and as JSON.
[[nodiscard]] std::string text_of(const shards::Advice& advice, const shards::Counted& counted,
                                  const shards::Rows& rows, const TrafficFlags& flags);
[[nodiscard]] std::string json_of(const shards::Advice& advice, const shards::Counted& counted,
                                  const shards::Rows& rows, const TrafficFlags& flags);
// "0.31 %"
[[nodiscard]] std::string percent(double share);

}  // namespace hunt::apps
