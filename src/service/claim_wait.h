// ClaimWait: what a batch that waits for terminal outcomes is told of its claims.
//
// Not the outcomes of the batch: those are its answer, changed by what is told here. Owned by
// whoever still needs it. Thread: its lane's.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/timeline.h"
#include "model/batch.h"
#include "model/claim.h"
#include "model/rule_set.h"
#include "model/shard_map.h"
#include "service/signal.h"

namespace hunt::service {

struct ClaimWait {
  // A stored message is acknowledged by these outcomes: an error, unless they have been told.
  bool told_first = false;
  std::int64_t deadline_ns = INT64_MAX;  // afterwards nobody waits
  std::size_t open = 1;                  // claims without an answer yet, and the look for more
  Signal done;                           // set at zero, or at the first error
  std::optional<Error> error;
  struct Told {
    std::uint32_t position;
    model::ClaimVerdict verdict;
  };
  std::vector<Told> told;
  // The newest call that decided a claim, for the clock of who waits.
  engine::Call call;
  model::ShardId shard = 0;
  // Where the oldest of its open claims is, when somebody looked last; or the one that failed.
  // Where nobody looked (oldest_ns says so): the newest look-up.
  engine::ClaimPlace place;
  std::int64_t oldest_ns = INT64_MAX;

  void tell(std::uint32_t position, model::ClaimVerdict verdict) {
    told.push_back({position, std::move(verdict)});
    close_one();
  }
  // The answer that the position has already stands; or the batch has no more claims.
  void close_one() {
    oldest_ns = INT64_MAX;  // it may have been this one
    if (--open == 0) done.set();
  }
  void fail(Error why) {
    error = std::move(why);
    done.set();
  }
};
using ClaimWaitPtr = std::shared_ptr<ClaimWait>;

// One position that waits for a claim, of a batch that does.
struct Asker {
  ClaimWaitPtr wait;  // nullptr: nobody waits
  std::uint32_t position = 0;
  // What its claim is judged by: the time of its batch, or where the roll needs one, when it was
  // looked at; nothing: when the store decides.
  std::optional<std::int64_t> as_of_us;
  model::Kind kind = model::Kind::dig;
  bool refused = false;  // by the rules: only a row of the ledger changes its answer
  bool late = false;     // it joined while the store was being asked
  // What its claim is rolled by; nullptr when it is refused.
  std::shared_ptr<const model::RuleSet> rules = nullptr;
  std::uint32_t table = 0;      // into rules->tables
  std::uint64_t rules_seq = 0;  // of the timeline that `rules` is of
};

}  // namespace hunt::service
