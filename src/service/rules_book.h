// RulesBook: what is in force, as the stores say it: it follows their timeline of rules, proposes
// what the files of this process say, and takes the changes of an admin to every shard.
//
// Not the fence (grant_claims), not files (node/rules_watch.h) and not their language: whoever
// makes it compiles. The timeline is the same in every shard. Shard 0 decides between two who
// change it, because it is always the first to take a change; whoever sees a shard behind gives it
// the newest. So a shard that is away holds up nobody: it has the newest before anybody uses it, or
// refuses what it does not know. A shard 0 that is away holds up changes, not the game.
// Thread: its lane's; current() and of_version(): any.
#pragma once
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "model/rules_in_force.h"
#include "model/rules_state.h"
#include "ports/clock.h"
#include "ports/rules_desk.h"
#include "ports/rules_source.h"
#include "ports/rules_store.h"
#include "service/task_group.h"

namespace hunt::service {

// What the files of this process come to.
struct RulesOffer {
  model::RuleSetPtr set;
  model::RulesFiles files;
  std::uint64_t revision = 0;  // of their lock
  std::int64_t activates_us = model::time_us_min;
  std::string note;
  bool builtin = false;  // no files: for a hunt that has no rules yet
  bool stand_in =
      false;  // the files are wrong: what the stores have counts, and nothing is proposed
};

struct RulesBookOptions {
  std::string machine = {};          // whose files they are
  std::int64_t lead_us = 3'000'000;  // every process looks each second, and knows it before then
  // No other process serves this hunt: what its files say is in force at once, and files that have
  // changed are an edit, also back to what was there before.
  bool alone = false;
};

// What it tells. On the lane.
struct RulesBookEvents {
  // Large files take seconds: not on the lane where it serves others.
  std::function<boost::asio::awaitable<Result<model::RuleSetPtr>>(model::RulesFiles)> compile;
  std::function<void(const model::RulesInForcePtr&)> on_rules;  // for the lanes: a new timeline
  // In force now; `before`: nullptr at first.
  std::function<void(const model::RuleSetPtr& before, const model::RuleSetPtr& now)> on_current;
  std::function<void()> on_state;  // state() may be another one
  std::function<void(LogLevel, std::string)> log;
};

class RulesBook final : public ports::RulesDesk, public ports::RulesSource {
 public:
  // Stores by shard. Lifetime: all of it outlives the book.
  RulesBook(RulesBookOptions options, std::vector<ports::RulesStore*> stores,
            RulesBookEvents events, const ports::Clock& clock, ports::Timer& timer,
            boost::asio::any_io_executor lane);

  // Looks at every store once; on return there are rules in force: the stores', or where they have
  // none or cannot be asked, those offered.
  [[nodiscard]] boost::asio::awaitable<void> begin(RulesOffer offer);
  // Looks at each store every second.
  void start();
  void stop() noexcept { stopping_ = true; }
  // Stops, and waits for the looks under way. A store that is closed ends them.
  [[nodiscard]] boost::asio::awaitable<void> join() {
    stop();
    co_await tasks_.join(clock_, timer_);
  }

  void offer(RulesOffer offer);
  // A store knows better. Thread: any.
  void look_soon() noexcept { looks_wanted_.fetch_add(1, std::memory_order_relaxed); }

  // Requires: begin(). Thread: any.
  [[nodiscard]] model::RulesInForcePtr in_force() const;
  [[nodiscard]] model::RuleSetPtr current() const override;
  [[nodiscard]] model::RuleSetPtr of_version(std::string_view version) const override;

  // Why this process grants nothing of what is in force now: it cannot make it; empty: it can.
  [[nodiscard]] std::string cannot() const;
  // As it saw them last: a look a second.
  [[nodiscard]] std::vector<model::ShardId> missing() const override;
  // Without what only the files know (rejected, zone_data).
  [[nodiscard]] model::RulesState state() const;
  [[nodiscard]] model::RulesTimeline timeline() const override { return timeline_; }
  [[nodiscard]] boost::asio::awaitable<Result<ports::RulesChanged>> change(
      model::RulesChange change, model::RulesFiles files) override;

 private:
  template <class T>
  using Awaited = boost::asio::awaitable<Result<T>>;
  struct Telling;  // of one change, to the other shards
  struct Known {
    model::RuleSetPtr set;      // nullptr: cannot be made here
    std::string why;            // that is so
    model::RulesFiles files;    // a store may lose them
    model::RuleSetPtr stopped;  // the same with what is stopped
    std::string stops;          // by name
  };

  [[nodiscard]] boost::asio::awaitable<void> follow(model::ShardId shard);
  [[nodiscard]] boost::asio::awaitable<void> look(model::ShardId shard);
  [[nodiscard]] boost::asio::awaitable<void> consider();
  [[nodiscard]] Awaited<void> compare(model::ShardId shard, model::RulesTimeline found);
  [[nodiscard]] Awaited<void> learn(model::ShardId shard, model::RulesTimeline found);
  [[nodiscard]] Awaited<void> give(model::ShardId shard, model::RulesTimeline kept);
  [[nodiscard]] Awaited<void> has(model::ShardId shard, model::RulesTimeline timeline,
                                  Result<void> set);
  [[nodiscard]] Awaited<void> settle(std::uint64_t seq);
  [[nodiscard]] boost::asio::awaitable<std::vector<model::ShardId>> tell_others(
      std::vector<model::RulesOf> fresh);
  [[nodiscard]] boost::asio::awaitable<void> tell_one(model::ShardId shard,
                                                      std::shared_ptr<Telling> telling);
  [[nodiscard]] Awaited<model::RulesFiles> files_of(const std::string& version);
  [[nodiscard]] Awaited<void> shard_0_agrees();
  // Whether it may still be changed so, by the timeline that is known now.
  using Check = Result<void> (RulesBook::*)(const model::RulesChange& change) const;
  [[nodiscard]] Awaited<ports::RulesChanged> decide(model::RulesChange change,
                                                    std::vector<model::RulesOf> fresh, Check check);
  [[nodiscard]] Awaited<void> hand_on(model::ShardId shard, const model::RulesTimeline& next,
                                      const std::vector<model::RulesOf>& fresh);
  [[nodiscard]] Result<void> check_asked(const model::RulesChange& change) const;
  [[nodiscard]] Result<void> check_event(const std::string& event) const;
  [[nodiscard]] Result<void> check_files(const model::RulesChange& change) const;
  [[nodiscard]] model::OfferIs judge(const std::string& version, std::uint64_t revision) const;
  [[nodiscard]] bool files_have_changed() const;
  [[nodiscard]] bool files_are_those_in_force() const;
  [[nodiscard]] std::string standing(model::OfferIs is) const;
  [[nodiscard]] boost::asio::awaitable<void> know(std::string version, model::RulesFiles files);
  void put_known(const std::string& version, Known known);
  void forget(const std::string& version);
  [[nodiscard]] model::RuleSetPtr with_stops(const std::string& version);
  void adopt(model::RulesTimeline next);
  void log_stops(const model::RulesTimeline& before) const;
  void tell_current();
  void set_refused(std::string text);

  const RulesBookOptions options_;
  const std::vector<ports::RulesStore*> stores_;
  const RulesBookEvents events_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  model::RulesTimeline timeline_;    // the newest that any shard had
  std::vector<std::uint64_t> kept_;  // by shard: the seq that it had when it was last heard of
  std::optional<RulesOffer> offer_;
  std::string refused_;  // why the files are not in force; empty: they are, or will be
  std::int64_t refused_since_us_ = 0;
  std::string trouble_;  // told last
  std::string cannot_;   // as told last
  model::RuleSetPtr shown_;
  std::int64_t shown_since_us_ = 0;
  std::atomic<std::uint64_t> looks_wanted_{0};
  bool stopping_ = false;
  mutable std::mutex mutex_;  // guards the two below
  model::RulesInForcePtr in_force_;
  std::map<std::string, Known, std::less<>> known_;  // by version
  TaskGroup tasks_;
};

}  // namespace hunt::service
