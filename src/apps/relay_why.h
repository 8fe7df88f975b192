// RelayWhy: what a relay answers to `hunt why`: whose changes it tells, and what is in its way.
//
// Not a verdict on time: no player waits for a relay. Thread: any.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "engine/why_history.h"
#include "model/why_past.h"
#include "ports/clock.h"
#include "service/observer.h"

namespace hunt::apps {

class RelayWhy {
 public:
  // Lifetime: the clock outlives it.
  RelayWhy(const ports::Clock& clock, std::string version);

  // Of one shard: it holds the feed, another process does, or it cannot have it.
  enum class Does : std::uint8_t { tells, stands_by, cannot };
  // What holds now, by shard, and the warnings. Called each second or more often; keeps what it was
  // every ten seconds.
  void look(const std::vector<Does>& does, const std::vector<service::Warning>& warnings);

  // As ports::Monitor has them.
  [[nodiscard]] model::Why why() const;
  [[nodiscard]] model::Process process() const;
  [[nodiscard]] model::WhyPast why_since(std::int64_t from_us) const;
  [[nodiscard]] model::WhyPast why_at(std::int64_t at_us) const;

 private:
  const ports::Clock& clock_;
  const std::int64_t started_ns_;
  model::Process process_;
  mutable std::mutex mutex_;  // for all below
  model::Why why_;
  engine::WhyHistory history_;
};

}  // namespace hunt::apps
