// RulesDesk: where somebody with the right to it changes what is in force: stop, start, push, roll
// back.
//
// Not the files of a process, which only propose. Thread: the front's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <vector>

#include "base/result.h"
#include "model/rules_timeline.h"
#include "model/shard_map.h"

namespace hunt::ports {

struct RulesChanged {
  model::RulesTimeline timeline;        // after it
  std::vector<model::ShardId> missing;  // shards that could not be told; they are, once they answer
};

class RulesDesk {
 public:
  virtual ~RulesDesk() = default;
  // As this process knows it.
  [[nodiscard]] virtual model::RulesTimeline timeline() const = 0;
  // The shards that do not have it yet, as far as this process knows.
  [[nodiscard]] virtual std::vector<model::ShardId> missing() const = 0;
  // Every shard that answers has it on return. A turn needs `files`, whose version is found out
  // here. Errors: those of model::changed(); invalid_argument (the files are not valid, or an
  // event that no rules in force have); what shard 0 answers: it decides between two.
  [[nodiscard]] virtual boost::asio::awaitable<Result<RulesChanged>> change(
      model::RulesChange change, model::RulesFiles files) = 0;
};

}  // namespace hunt::ports
