// need_of(): the servers that a crowd needs and what they cost, from what a million positions took.
//
// Not a measurement: unit costs and prices come from files with their sources (cost_data.h). One
// model for `hunt plan`, `hunt up` and script/bench before-after (bench/before_cost.py): a server
// is paid by the hour, busy or not, so CPU seconds are divided by the utilisation at which servers
// would be run, and cost what an hour of a core of that kind of server costs; its memory is in the
// price. Not counted: storage, backups, load balancers, people. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::plan {

enum class Kind : std::uint8_t { compute, cache, database };
inline constexpr int kinds = 3;

struct Server {
  double usd_hour = 0;
  double cores = 0;  // that its program can use
  std::string of;    // "EC2 c6g.large, 2 vCPU, 4 GiB"
};

struct CostModel {
  Server server[kinds];  // by Kind
  double usd_transfer_gb = 0;
  double utilisation = 0;  // at the peak, 0 to 1
  double hours_per_month = 0;
  double mean_load = 0;  // of the peak, over all hours of a month, 0 to 1
  std::string date;      // of the prices
};

// What a part of a system took of its servers.
struct Part {
  std::string name;
  Kind kind = Kind::compute;
  double cpu_s = 0;       // for a million positions
  bool of_finds = false;  // only what is found costs it something, looks do not
  int least = 1;          // servers of it that there are in any case
};

enum class Each : std::uint8_t { player, shard, core, pod_and_shard };

// Of one system, measured under one load.
struct UnitCost {
  std::string name;
  std::string title;
  std::string measured;  // where and when
  std::vector<Part> parts;
  double gigabytes = 0;  // to and from the service, for a million positions
  int connections = 0;   // to the database
  Each each = Each::pod_and_shard;
  int relay_connections = 0;  // more of each relay to each shard
};

struct Dollars {
  double server[kinds] = {};  // by Kind
  double transfer = 0;

  [[nodiscard]] double total() const noexcept {
    return server[0] + server[1] + server[2] + transfer;
  }
};

// For a million positions, of servers that are used so far by this and other things.
[[nodiscard]] Dollars of_million(const UnitCost& unit, const CostModel& model);

struct Crowd {
  double players = 0;
  double per_second = 0;  // positions of all of them, at the peak
};

struct Servers {
  std::string part;
  double count = 0;  // whole
};

struct Need {
  std::vector<Servers> servers;  // by part
  double connections = 0;        // to all shards together
  Dollars month;                 // servers for the peak, all month; transfer by the mean load
  double million = 0;            // dollars a million of the month's positions

  [[nodiscard]] double count(std::string_view part) const noexcept;  // 0: has no such part
};

// Requires: a utilisation, a mean load and hours above 0.
[[nodiscard]] Need need_of(const Crowd& crowd, const UnitCost& unit, const CostModel& model);

// An assumption at half and at twice its value (a share at most 1, a number of servers at least 1).
struct Varied {
  std::string assumption;
  double half = 0;  // dollars a month
  double twice = 0;

  // Between the two, in whole cents: less is the rounding of numbers.
  [[nodiscard]] double moves() const noexcept;
};
inline constexpr double varied_by = 2;

// Each by itself. The first of those that move the month's dollars most is what dominates.
[[nodiscard]] std::vector<Varied> vary(const Crowd& crowd, const UnitCost& unit,
                                       const CostModel& model);
[[nodiscard]] const Varied& dominating(const std::vector<Varied>& varied);

}  // namespace hunt::plan
