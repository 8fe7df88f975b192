// WorldFigures: the figures of a world for whoever looks again and again, at a bounded cost.
//
// Not the counting (a store's) and not the truth: whoever must be exact asks the store. However
// many look at once, one count of a world runs; where a count takes long, its figures are kept for
// so long that counting takes a twentieth of the time at most, and say how old they are. Thread:
// any.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/spawn.h"
#include "ports/clock.h"
#include "ports/reply.h"

namespace hunt::service {

class WorldFigures {
 public:
  using Answer = Result<model::WorldStats>;
  using Count = std::function<boost::asio::awaitable<Answer>(model::WorldId)>;

  // Lifetime: the clock outlives this; `count` is called while this lives.
  WorldFigures(const ports::Clock& clock, Count count) : clock_(clock), count_(std::move(count)) {}

  [[nodiscard]] boost::asio::awaitable<Answer> of(model::WorldId world);

 private:
  struct Kept {
    model::WorldStats figures;
    std::int64_t begun_ns = 0;  // of the count that they come from
    std::int64_t kept_until_ns = INT64_MIN;
    bool counting = false;
    std::vector<std::unique_ptr<ports::Reply<model::WorldStats>>> waiting;
  };

  const ports::Clock& clock_;
  const Count count_;
  std::mutex mutex_;
  std::unordered_map<model::WorldId, Kept> kept_;  // of worlds that were counted: they exist
};

}  // namespace hunt::service
