#include "service/world_figures.h"

#include <algorithm>
#include <utility>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t cheap_ns = 2'000'000;  // a count of so long may be made for every look
constexpr std::int64_t part_of_time = 20;

}  // namespace

// Who comes while a count runs waits for its end; that count may have begun a little before.
boost::asio::awaitable<WorldFigures::Answer> WorldFigures::of(model::WorldId world) {
  std::int64_t begun_ns = 0;
  {
    std::unique_lock lock(mutex_);
    begun_ns = clock_.now_ns();
    Kept& kept = kept_[world];
    if (begun_ns < kept.kept_until_ns) {
      model::WorldStats figures = kept.figures;
      figures.age_ns = begun_ns - kept.begun_ns;
      co_return figures;
    }
    if (std::exchange(kept.counting, true)) {
      lock.unlock();
      auto join = [this, world](std::unique_ptr<ports::Reply<model::WorldStats>> reply) {
        const std::lock_guard again(mutex_);
        Kept& there = kept_[world];
        if (there.counting) return there.waiting.push_back(std::move(reply));
        model::WorldStats figures = there.figures;  // it ended just now
        figures.age_ns = clock_.now_ns() - there.begun_ns;
        reply->give(figures);
      };
      co_return co_await ports::ask<model::WorldStats>(std::move(join));
    }
  }
  Answer counted = co_await count_(world);
  std::vector<std::unique_ptr<ports::Reply<model::WorldStats>>> waiting;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now_ns = clock_.now_ns();
    Kept& kept = kept_[world];
    kept.counting = false;
    waiting = std::exchange(kept.waiting, {});
    const std::int64_t took_ns = now_ns - begun_ns;
    if (counted) {
      counted->age_ns = took_ns;
      kept.figures = *counted;
      kept.begun_ns = begun_ns;
      const std::int64_t keep_ns =
          took_ns <= cheap_ns
              ? 0
              : std::min(limits::world_figures_age_ns_max - took_ns, part_of_time * took_ns);
      kept.kept_until_ns = now_ns + std::max<std::int64_t>(0, keep_ns);
    } else if (waiting.empty() && kept.kept_until_ns == INT64_MIN) {
      kept_.erase(world);  // there may be no such world
    }
  }
  for (auto& reply : waiting) {
    Answer same = counted;
    reply->give(std::move(same));
  }
  co_return counted;
}

}  // namespace hunt::service
