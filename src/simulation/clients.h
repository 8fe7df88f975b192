// Clients: game servers of a simulated run: they ask, ask again until told, publish, and bury.
//
// Not the checks (watch.h is told all). Half of the bargain of exactly-once is theirs: whoever
// got no terminal outcome asks again, with the same player and tile. Thread: the world's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "simulation/cluster.h"
#include "simulation/watch.h"

namespace hunt::simulation {

class Clients {
 public:
  Clients(Cluster& cluster, Watch& watch);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  // Puts the first loot onto the disks, before anything runs.
  void furnish();
  // Boots the game servers and begins to play.
  void start();
  // No new players' steps; what is under way is asked again until it is told.
  void stop_playing() noexcept { playing_ = false; }
  // So many times the usual rate.
  void set_rate(std::uint32_t factor) noexcept { rate_ = factor; }
  // Buries anew and asks everyone whether he sees it: what promise B2 says.
  void probe();

  [[nodiscard]] bool idle() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;
  [[nodiscard]] bool probe_done() const noexcept { return probes_open_ == 0; }

 private:
  struct GameServer;
  using Want = std::pair<model::PlayerId, model::Tile>;

  [[nodiscard]] boost::asio::awaitable<void> play(std::size_t server);
  [[nodiscard]] boost::asio::awaitable<void> ask(std::size_t server, model::Batch batch,
                                                 ports::Wait wait);
  [[nodiscard]] boost::asio::awaitable<void> store(std::size_t server, model::ShardId shard,
                                                   model::Batch batch, std::string id);
  [[nodiscard]] boost::asio::awaitable<void> edit(std::size_t server);
  [[nodiscard]] boost::asio::awaitable<void> probe_tile(std::size_t server, model::Tile tile);
  [[nodiscard]] model::Batch make_batch(GameServer& server, std::size_t count);
  [[nodiscard]] model::Position make_position(GameServer& server);
  void publish(std::size_t server, const model::Batch& batch);
  [[nodiscard]] model::Tile random_tile(Prng& random);
  [[nodiscard]] model::Burial make_burial(Prng& random, model::Tile tile);
  void add_window(model::Burial& burial);
  // Who was told `closed` asks again a little later, and insists.
  [[nodiscard]] boost::asio::awaitable<void> come_back(std::size_t server, Want want,
                                                       std::int64_t in_ns);

  Cluster& cluster_;
  Watch& watch_;
  Prng random_;
  Prng windows_;
  Prng tables_;
  std::vector<std::unique_ptr<GameServer>> servers_;
  std::vector<model::Tile> loot_;
  std::uint64_t messages_ = 0;
  std::size_t probes_open_ = 0;
  std::uint32_t rate_ = 1;
  bool playing_ = true;
};

}  // namespace hunt::simulation
