#include "rush/tile_changes.h"

#include <algorithm>
#include <chrono>
#include <unordered_set>
#include <utility>

#include "model/limits.h"

namespace hunt::rush {

TileChanges::TileChanges(std::vector<model::Burial> tiles, std::uint32_t per_second,
                         std::uint64_t seed, Bury bury)
    : tiles_(std::move(tiles)), per_second_(per_second), prng_(seed), bury_(std::move(bury)) {
  HUNT_ASSERT(!tiles_.empty());
}

void TileChanges::start() {
  thread_ = std::thread([this] { run(); });
}

void TileChanges::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

std::string TileChanges::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

void TileChanges::run() {
  using std::chrono::steady_clock;
  constexpr auto every = std::chrono::milliseconds(100);
  const auto begun = steady_clock::now();
  std::uint64_t asked = 0;
  for (auto next = begun + every; !stopping_; next += every) {
    std::this_thread::sleep_until(next);
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(next - begun).count();
    const std::uint64_t due = static_cast<std::uint64_t>(since) * per_second_ / 1'000'000;
    std::vector<model::Burial> part;
    std::unordered_set<std::size_t> chosen;  // a tile stands once in a request
    while (asked < due && part.size() < limits::tiles_per_request_max) {
      ++asked;
      const std::size_t at = prng_.below(tiles_.size());
      if (chosen.insert(at).second) part.push_back(tiles_[at]);
    }
    const std::size_t count = part.size();
    if (count == 0) continue;
    if (const auto buried = bury_(std::move(part)); buried) {
      done_ += count;
    } else {
      const std::lock_guard lock(mutex_);
      last_error_ = buried.error().message;
    }
  }
}

}  // namespace hunt::rush
