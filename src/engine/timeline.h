// Timeline: the wall time of one batch or claim, cut into stages. Reservoir: a fair sample of them.
// OpenClocks: those that are not over yet.
//
// Not a trace: durations per stage, no spans. Each interval since the last cut belongs to exactly
// one stage, so the stages of a timeline add up to its wall time. Values; thread: their lane's.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "model/claim.h"
#include "model/why.h"

namespace hunt::engine {

// What the store told of its part in one stage; what is left of `told_ns` is the way there and
// back.
struct InStore {
  std::int64_t told_ns = 0;  // of the stage: in calls that are over and whose times were told
  std::int64_t lock_ns = 0;
  std::int64_t exec_ns = 0;
  std::int64_t commit_ns = 0;
  std::int64_t thread_ns = 0;   // our thread of the connections was awake: at most so much was its
  std::uint32_t shard = 0;      // of several, the one that took the longest
  std::int64_t longest_ns = 0;  // how long that was

  InStore& operator+=(const InStore& other) noexcept {
    told_ns += other.told_ns;
    lock_ns += other.lock_ns;
    exec_ns += other.exec_ns;
    commit_ns += other.commit_ns;
    thread_ns += other.thread_ns;
    return *this;
  }
};

struct Timeline {
  std::array<std::int64_t, model::stage_count> stages_ns{};
  std::int64_t total_ns = 0;
  InStore load;
  InStore grant;
  // Inside l2: waiting until somebody else has filled the cache; of several waits, where the
  // longest was, and how long.
  std::int64_t fill_wait_ns = 0;
  std::int64_t fill_longest_ns = 0;
  std::uint32_t fill_shard = 0;
  // Inside bus: on the way; the rest of it was stored.
  std::int64_t bus_way_ns = 0;
  // Of the whole: the lane's thread was ready to go on and had no core.
  std::int64_t starved_ns = 0;
  // Of a granted claim, after all stages: from the verdict until it was told on the bus.
  std::int64_t telling_ns = 0;

  [[nodiscard]] std::int64_t whole_ns() const noexcept { return total_ns + telling_ns; }
  // A claim's begins with that of the batch that found it, as far as that had come.
  void begin_with(const Timeline& before) noexcept {
    for (std::size_t s = 0; s < model::stage_count; ++s) stages_ns[s] += before.stages_ns[s];
    total_ns += before.total_ns;
    load = before.load;
    fill_wait_ns = before.fill_wait_ns;
    fill_longest_ns = before.fill_longest_ns;
    fill_shard = before.fill_shard;
    bus_way_ns = before.bus_way_ns;
  }
  void add_fill_wait(std::int64_t ns, std::uint32_t shard) noexcept {
    fill_wait_ns += ns;
    if (ns <= fill_longest_ns) return;
    fill_longest_ns = ns;
    fill_shard = shard;
  }
  void add(model::Stage stage, std::int64_t ns) noexcept {
    stages_ns[static_cast<std::size_t>(stage)] += ns;
    total_ns += ns;
  }
  [[nodiscard]] std::int64_t of(model::Stage stage) const noexcept {
    return stages_ns[static_cast<std::size_t>(stage)];
  }
  // Of a stage of the store, or of the wait for it.
  [[nodiscard]] const InStore& in_store(model::Stage stage) const noexcept {
    return stage == model::Stage::load_wait || stage == model::Stage::store_load ? load : grant;
  }
  [[nodiscard]] std::uint32_t shard_of(model::Stage stage) const noexcept {
    return model::is_of_shard(stage) ? in_store(stage).shard : 0;
  }
};

// How long one call took, of which the store told its part. 0: it is not over, or failed.
struct Call {
  std::int64_t took_ns = 0;
  model::CallTimes times;
};

// When a load of chunks came to its stages; INT64_MAX: not yet.
struct LoadMarks {
  std::int64_t store_ns = INT64_MAX;  // turned from the cache to the store
  std::int64_t asked_ns = INT64_MAX;  // asked the store, having a slot
  std::uint32_t shard = 0;
  Call call;
};

// Where the verdict on a claim is waited for.
struct ClaimPlace {
  std::uint32_t shard = 0;
  std::int64_t called_ns = INT64_MAX;  // when its call began; INT64_MAX: it is in line for one
};

// Cuts wall time: everything since the last cut goes to `stage`.
class StageClock {
 public:
  explicit StageClock(std::int64_t begun_ns) noexcept : last_ns_(begun_ns) {}
  void cut(model::Stage stage, std::int64_t now_ns) noexcept {
    if (now_ns <= last_ns_) return;
    timeline.add(stage, now_ns - last_ns_);
    last_ns_ = now_ns;
  }
  void cut_load(const LoadMarks& load, std::int64_t now_ns) noexcept {
    cut(model::Stage::l2, std::min(load.store_ns, now_ns));
    const std::int64_t turned_ns = last_ns_;
    cut(model::Stage::load_wait, std::min(load.asked_ns, now_ns));
    cut_call(model::Stage::store_load, turned_ns, now_ns, load.shard, load.call);
  }
  void cut_grant(std::int64_t now_ns, std::uint32_t shard, const Call& call) noexcept {
    cut_call(model::Stage::store_grant, last_ns_, now_ns, shard, call);
  }
  // The same of a verdict that has not come.
  void cut_waiting(const ClaimPlace& place, std::int64_t now_ns) noexcept {
    const std::int64_t turned_ns = last_ns_;
    cut(model::Stage::claim_wait, std::min(place.called_ns, now_ns));
    cut_call(model::Stage::store_grant, turned_ns, now_ns, place.shard, {});
  }
  // As if it were cut now.
  [[nodiscard]] Timeline so_far(model::Stage stage, std::int64_t now_ns) const noexcept {
    StageClock copy = *this;
    if (loading != nullptr) copy.cut_load(*loading, now_ns);
    if (waiting != nullptr) copy.cut_waiting(*waiting, now_ns);
    copy.cut(stage, now_ns);
    return copy.timeline;
  }
  Timeline timeline;
  const LoadMarks* loading = nullptr;   // what is waited for now
  const ClaimPlace* waiting = nullptr;  // the same, of claims

 private:
  // A stage of the store that was turned to at `since_ns`, as its call tells. Who came late to a
  // call under way has the same shares of it. The wait for a connection goes to the stage of
  // waiting.
  void cut_call(model::Stage stage, std::int64_t since_ns, std::int64_t now_ns, std::uint32_t shard,
                const Call& call) noexcept {
    InStore& inside = stage == model::Stage::store_load ? timeline.load : timeline.grant;
    const auto wait =
        stage == model::Stage::store_load ? model::Stage::load_wait : model::Stage::claim_wait;
    const std::int64_t waited_ns = now_ns - last_ns_;
    if (now_ns - since_ns >= inside.longest_ns) {
      inside.longest_ns = now_ns - since_ns;
      inside.shard = shard;
    }
    if (waited_ns > 0 && call.took_ns > 0) {
      const double part = static_cast<double>(std::min(waited_ns, call.took_ns)) /
                          static_cast<double>(call.took_ns);
      const auto ns = [part](std::int64_t us) {
        return static_cast<std::int64_t>(static_cast<double>(us) * 1e3 * part);
      };
      cut(wait, last_ns_ + std::clamp<std::int64_t>(ns(call.times.wait_us), 0, waited_ns));
      inside.told_ns += now_ns - last_ns_;
      inside.lock_ns += ns(call.times.lock_us);
      inside.exec_ns += ns(call.times.exec_us);
      inside.commit_ns += ns(call.times.commit_us);
      inside.thread_ns += ns(call.times.thread_us);
    }
    cut(stage, now_ns);
  }

  std::int64_t last_ns_;
};

// Clocks of what waits now: an answer that never comes must not hide in the samples. Lifetime: a
// clock stays where it is until it is removed.
class OpenClocks {
 public:
  static constexpr std::size_t samples_max = 256;

  // Returns the place to give to remove().
  std::size_t add(const StageClock& clock, model::Stage stage) {
    if (free_.empty()) {
      free_.push_back(entries_.size());
      entries_.emplace_back();
    }
    const std::size_t at = free_.back();
    free_.pop_back();
    entries_[at] = {&clock, stage};
    return at;
  }
  void remove(std::size_t at) {
    entries_[at].clock = nullptr;
    free_.push_back(at);
  }
  // At most samples_max of them, evenly chosen.
  [[nodiscard]] std::vector<Timeline> samples(std::int64_t now_ns) const {
    std::vector<Timeline> all;
    const std::size_t open = entries_.size() - free_.size();
    const std::size_t step = open / samples_max + 1;
    std::size_t seen = 0;
    for (const Entry& entry : entries_) {
      if (entry.clock == nullptr || seen++ % step != 0) continue;
      all.push_back(entry.clock->so_far(entry.stage, now_ns));
    }
    return all;
  }

 private:
  struct Entry {
    const StageClock* clock = nullptr;
    model::Stage stage = model::Stage::queue;
  };
  std::vector<Entry> entries_;
  std::vector<std::size_t> free_;
};

// A sample of the timelines of the last nine to ten seconds, fair within each second. By the
// second, so that all processes, and who measures beside them, speak of the same time.
class Reservoir {
 public:
  static constexpr std::int64_t window_ns = 1'000'000'000;
  static constexpr std::size_t window_count = 10;  // the one of now among them
  static constexpr std::size_t window_samples_max = 205;
  static constexpr std::int64_t kept_ns = window_ns * window_count;

  explicit Reservoir(std::uint64_t seed) : prng_(seed) {}

  void add(const Timeline& timeline, std::int64_t now_ns) {
    roll(now_ns);
    Window& window = window_of(newest_);
    if (++window.seen <= window_samples_max) {
      window.samples.push_back(timeline);
    } else if (const auto at = prng_.below(window.seen); at < window_samples_max) {
      window.samples[static_cast<std::size_t>(at)] = timeline;
    }
  }

  [[nodiscard]] std::vector<Timeline> samples(std::int64_t now_ns) {
    roll(now_ns);
    std::size_t count = 0;
    for (const Window& window : windows_) count += window.samples.size();
    std::vector<Timeline> all;
    all.reserve(count);
    for (const Window& window : windows_) {
      all.insert(all.end(), window.samples.begin(), window.samples.end());
    }
    return all;
  }

 private:
  struct Window {
    std::vector<Timeline> samples;
    std::uint64_t seen = 0;
  };
  [[nodiscard]] Window& window_of(std::int64_t second) {
    return windows_[static_cast<std::size_t>(second) % window_count];
  }
  // Empties the windows of the seconds that have begun since.
  void roll(std::int64_t now_ns) {
    const std::int64_t now = now_ns / window_ns;
    constexpr auto kept = static_cast<std::int64_t>(window_count);
    for (std::int64_t begun = std::max(newest_ + 1, now - kept + 1); begun <= now; ++begun) {
      window_of(begun).samples.clear();
      window_of(begun).seen = 0;
    }
    newest_ = std::max(newest_, now);
  }

  Prng prng_;
  std::array<Window, window_count> windows_;
  std::int64_t newest_ = 0;  // second of the clock
};

}  // namespace hunt::engine
