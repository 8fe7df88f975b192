// TileChanges: buries loot tiles again while a run goes on, at a steady rate.
//
// Not the first burial of a world (run_parts.h). A thread of its own, because a burial blocks; it
// is stopped and joined before its target goes.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/prng.h"
#include "rush/run_parts.h"

namespace hunt::rush {

class TileChanges {
 public:
  // Random ones of `tiles`, with their tables and budgets; `tiles` is not empty.
  TileChanges(std::vector<model::Burial> tiles, std::uint32_t per_second, std::uint64_t seed,
              Bury bury);
  ~TileChanges() { stop(); }
  TileChanges(const TileChanges&) = delete;
  TileChanges& operator=(const TileChanges&) = delete;

  void start();
  void stop();
  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }
  // The last burial that failed, or empty.
  [[nodiscard]] std::string last_error() const;

 private:
  void run();

  const std::vector<model::Burial> tiles_;
  const std::uint32_t per_second_;
  Prng prng_;
  const Bury bury_;
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::string last_error_;
  std::thread thread_;
};

}  // namespace hunt::rush
