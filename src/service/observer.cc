#include "service/observer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/evidence_text.h"
#include "model/limits.h"
#include "ports/findings.h"
#include "service/lane_sums.h"

namespace hunt::service {

namespace {

constexpr std::int64_t gap_shown_ns = 10'000'000'000;
// Nobody looks whether there is room again before the next burial.
constexpr std::int64_t burial_shown_ns = 60'000'000'000;
constexpr std::int64_t moment_every_ns = 1'000'000'000;
constexpr std::int64_t lately_ns = 10'000'000'000;
constexpr std::size_t finds_max = 64;
constexpr std::int64_t watched_for_ns = 5'000'000'000;
// What it was "before", of the looks of the last hour but the last half a minute: the lower
// quartile of those that are no more than three times as long as the quiet tenth of all. Trouble
// that lasts nine tenths of an hour is not taken for usual, nor what comes and goes.
constexpr std::int64_t look_every_ns = 10'000'000'000;
constexpr std::int64_t before_ns_min = 30'000'000'000;
constexpr std::size_t looks_max = 360;
// A relay that is not heard for so long tells nothing. A bus that carries nothing is found out
// before, and says so itself: a server of NATS that is silent for 5 s counts as gone.
constexpr std::int64_t relay_still_ns = 7'000'000'000;

// 0 when there are none. One or two looks at next to no load are not what is usual.
std::int64_t usual_of(std::vector<std::int64_t> values) {
  constexpr std::size_t quiet_min = 3;
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t quiet = std::max(values.size() / 10, std::min(quiet_min, values.size()) - 1);
  const auto end = std::upper_bound(values.begin(), values.end(), 3 * values[quiet]);
  return values[static_cast<std::size_t>(end - values.begin()) / 4];
}

void widen(model::TileRect& bounds, bool& any, model::Tile tile) {
  if (!any) {
    bounds = {tile, tile};
    any = true;
  }
  bounds.low = {std::min(bounds.low.x, tile.x), std::min(bounds.low.y, tile.y)};
  bounds.high = {std::max(bounds.high.x, tile.x), std::max(bounds.high.y, tile.y)};
}

}  // namespace

struct Observer::Lane {
  mutable std::mutex mutex;
  LaneMetrics metrics;
  LiveSample sample;
  engine::Evidence evidence;
  std::int64_t gathered_ns = 0;  // the evidence; 0: none yet
  std::int64_t turned_ns = 0;    // when it was heard last; 0: not yet
};

Observer::Observer(const ports::Clock& clock, std::size_t lane_count, About about)
    : clock_(clock),
      about_(std::move(about)),
      started_ns_(clock.now_ns()),
      tellings_(clock, about_.shards > 0),
      store_troubles_(std::max(about_.stores, about_.shards)),
      open_tables_(store_troubles_.size()),
      relay_heard_ns_(about_.shards, started_ns_) {
  for (std::size_t i = 0; i < lane_count; ++i) lanes_.push_back(std::make_unique<Lane>());
  process_.id = about_.process_id;
  process_.kind = "orchestrator";
  process_.version = about_.version;
}

Observer::~Observer() = default;

void Observer::publish(std::size_t lane, const LaneMetrics& metrics) {
  {
    const std::lock_guard lock(lanes_[lane]->mutex);
    lanes_[lane]->metrics = metrics;
    lanes_[lane]->turned_ns = clock_.now_ns();
  }
  if (lane == 0) remember_latencies();
}

void Observer::remember_latencies() {
  const std::int64_t now_ns = clock_.now_ns();
  {
    const std::lock_guard lock(mutex_);
    if (!moments_.empty() && now_ns - moments_.back().at_ns < moment_every_ns) return;
  }
  Moment moment{now_ns, {}, {}};
  for (const auto& one : bounds(now_ns)) moment.inflight_ns.push_back(one.inflight_ns);
  for (const auto& one : lanes_) {
    const std::lock_guard lock(one->mutex);
    add(moment.latencies, one->metrics.latencies);
  }
  const std::lock_guard lock(mutex_);
  moments_.push_back(std::move(moment));
  while (now_ns - moments_.front().at_ns > lately_ns) moments_.pop_front();
}

// What came since the oldest moment that is remembered.
model::Latencies<Histogram> Observer::lately(LatencyHistograms all) const {
  if (moments_.empty()) return all;
  for (const auto& figure : model::latency_figures<Histogram>) {
    (all.*figure.value).subtract(moments_.front().latencies.*figure.value);
  }
  return all;
}

std::vector<model::StageUse> Observer::bounds(std::int64_t now_ns) const {
  std::vector<model::StageUse> all;
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    add(all, lane->metrics.bounds, now_ns);
  }
  return all;
}

// Since the oldest moment that is remembered.
void Observer::add_used_lately(std::vector<model::StageUse>& bounds, std::int64_t now_ns) const {
  if (moments_.empty()) return;
  const Moment& then = moments_.front();
  if (then.inflight_ns.size() != bounds.size() || now_ns <= then.at_ns) return;
  for (std::size_t row = 0; row < bounds.size(); ++row) {
    const auto grown_ns = static_cast<double>(bounds[row].inflight_ns - then.inflight_ns[row]);
    bounds[row].used = std::max(0.0, grown_ns) / static_cast<double>(now_ns - then.at_ns) /
                       static_cast<double>(bounds[row].limit);
  }
}

void Observer::publish(std::size_t lane, LiveSample sample) {
  const std::lock_guard lock(lanes_[lane]->mutex);
  lanes_[lane]->sample = std::move(sample);
}

void Observer::publish(std::size_t lane, engine::Evidence evidence) {
  {
    const std::lock_guard lock(lanes_[lane]->mutex);
    lanes_[lane]->evidence = std::move(evidence);
    lanes_[lane]->gathered_ns = clock_.now_ns();
  }
  if (lane == 0) remember_tail();
}

void Observer::remember_tail() {
  const std::int64_t now_ns = clock_.now_ns();
  {
    const std::lock_guard lock(mutex_);
    if (!looks_.empty() && now_ns - looks_.back().at_ns < look_every_ns) return;
  }
  const engine::Evidence all = gather();
  const Look look{now_ns, engine::tail_mean_ns(all.answers), engine::tail_mean_ns(all.claims)};
  const std::lock_guard lock(mutex_);
  looks_.push_back(look);
  while (looks_.size() > looks_max) looks_.pop_front();
}

engine::Evidence Observer::gather() const {
  engine::Evidence all;
  all.lane_count = static_cast<std::uint32_t>(lanes_.size());
  all.stores_here = about_.stores_here;
  all.cache_here = about_.cache_here;
  const std::int64_t now_ns = clock_.now_ns();
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    const engine::Evidence& one = lane->evidence;
    if (lane->gathered_ns != 0) all.age_ns = std::max(all.age_ns, now_ns - lane->gathered_ns);
    all.answers.insert(all.answers.end(), one.answers.begin(), one.answers.end());
    all.claims.insert(all.claims.end(), one.claims.begin(), one.claims.end());
    const std::size_t shards = std::max(all.probes.size(), one.probes.size());
    all.probes.resize(shards);
    for (std::size_t shard = 0; shard < one.probes.size(); ++shard) {
      engine::Probe& probe = all.probes[shard];
      probe.newest_ns = std::max(probe.newest_ns, one.probes[shard].newest_ns);
      probe.open_ns = std::max(probe.open_ns, one.probes[shard].open_ns);
      probe.age_ns = std::max(probe.age_ns, one.probes[shard].age_ns);
      probe.locked = probe.locked || one.probes[shard].locked;
      probe.committing = probe.committing || one.probes[shard].committing;
      probe.strangers = probe.strangers || one.probes[shard].strangers;
      probe.tells_holders = probe.tells_holders || one.probes[shard].tells_holders;
    }
    all.failures.resize(std::max(all.failures.size(), one.failures.size()));
    for (std::size_t shard = 0; shard < one.failures.size(); ++shard) {
      engine::Failures& failures = all.failures[shard];
      const std::uint64_t count = failures.count + one.failures[shard].count;
      const std::uint64_t breaks = failures.breaks + one.failures[shard].breaks;
      if (one.failures[shard].count > failures.count) failures = one.failures[shard];
      failures.count = count;
      failures.breaks = breaks;
    }
    if (one.slow_node.mean_ns + one.slow_node.others_ns >
            all.slow_node.mean_ns + all.slow_node.others_ns ||
        all.slow_node.address.empty()) {
      all.slow_node = one.slow_node;
    }
    all.lane_stalled_ns = std::max(all.lane_stalled_ns, one.lane_stalled_ns);
    all.loads_inflight = std::max(all.loads_inflight, one.loads_inflight);
    all.loads_max = one.loads_max;
    if (one.lane_busy + one.lane_starved > all.lane_busy + all.lane_starved) {
      all.lane_busy = one.lane_busy;
      all.lane_starved = one.lane_starved;
    }
    all.claims_waiting += one.claims_waiting;
    all.claims_waiting_max += one.claims_waiting_max;
    all.grant_calls_inflight += one.grant_calls_inflight;
    all.grant_calls_max += one.grant_calls_max;
    if (!all.store_error.empty()) continue;
    all.store_error = one.store_error;
    all.store_error_shard = one.store_error_shard;
    all.store_error_cause = one.store_error_cause;
  }
  const auto told = tellings_.samples();
  all.claims.insert(all.claims.end(), told.begin(), told.end());
  const std::lock_guard lock(mutex_);
  all.not_told = not_told();
  all.cpu_pressure = cpu_pressure_;
  all.front_busy = front_busy_;
  all.front_starved = front_starved_;
  all.front_stalled_ns = front_stalled_ns_;
  return all;
}

std::vector<engine::NotTold> Observer::not_told() const {
  std::vector<engine::NotTold> all(relay_heard_ns_.size());
  const auto bus = troubles_.find("bus");
  const std::int64_t now_ns = clock_.now_ns();
  for (std::size_t shard = 0; shard < all.size(); ++shard) {
    const std::string relay = fmt::format("relay of shard {}", shard);
    const auto own = troubles_.find(relay);
    const std::int64_t silent_ns = now_ns - relay_heard_ns_[shard];
    if (own != troubles_.end()) {
      all[shard] = {own->second, relay};
    } else if (silent_ns >= relay_still_ns && bus != troubles_.end()) {
      all[shard] = {bus->second, "bus"};
    } else if (silent_ns >= relay_still_ns) {
      all[shard] = {fmt::format("no {} is heard for {} s: none runs, or it cannot follow what "
                                "changes there",
                                relay, silent_ns / 1'000'000'000),
                    relay};
    }
  }
  return all;
}

Observer::Still Observer::longest_still() const {
  const std::int64_t now_ns = clock_.now_ns();
  Still longest;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const std::lock_guard lock(lanes_[i]->mutex);
    if (lanes_[i]->turned_ns == 0) continue;
    const std::int64_t still_ns = now_ns - lanes_[i]->turned_ns;
    if (still_ns > longest.ns) longest = {i, still_ns};
  }
  return longest;
}

std::string Observer::not_alive() const {
  const Still still = longest_still();
  if (still.ns < limits::lane_still_ns_max) return {};
  return fmt::format("lane {} has not turned for {} s", still.lane, still.ns / 1'000'000'000);
}

engine::Evidence Observer::gather_all() const {
  engine::Evidence all = gather();
  const Still still = longest_still();
  all.lane_still = still.lane;
  all.lane_still_ns = still.ns;
  const std::int64_t now_ns = clock_.now_ns();
  std::vector<std::int64_t> answers;
  std::vector<std::int64_t> claims;
  {
    const std::lock_guard lock(mutex_);
    for (const Look& look : looks_) {
      if (now_ns - look.at_ns < before_ns_min) continue;
      if (look.answers_ns > 0) answers.push_back(look.answers_ns);
      if (look.claims_ns > 0) claims.push_back(look.claims_ns);
    }
  }
  all.answers_before_ns = usual_of(std::move(answers));
  all.claims_before_ns = usual_of(std::move(claims));
  return all;
}

std::string Observer::why_evidence() const {
  return engine::write_evidence(gather_all());
}

model::Why Observer::why() const {
  model::Why why = engine::attribute(gather_all());
  why.warning = warning();
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    why.lanes.push_back({lane->evidence.lane_busy, lane->evidence.lane_starved});
  }
  return why;
}

void Observer::remember_why() {
  const std::int64_t now_ns = clock_.now_ns();
  {
    const std::lock_guard lock(mutex_);
    if (!history_.is_due(now_ns)) return;
  }
  const model::Why now = why();
  const std::lock_guard lock(mutex_);
  history_.add(now_ns, now);
}

void Observer::set_name(std::string name) {
  const std::lock_guard lock(mutex_);
  process_.name = std::move(name);
}

model::Process Observer::process() const {
  const std::lock_guard lock(mutex_);
  model::Process process = process_;
  process.now_us = clock_.wall_us();
  process.started_us = process.now_us - (clock_.now_ns() - started_ns_) / 1'000;
  return process;
}

model::WhyPast Observer::why_since(std::int64_t from_us) const {
  const std::lock_guard lock(mutex_);
  return history_.since(from_us, {clock_.now_ns(), clock_.wall_us()});
}

model::WhyPast Observer::why_at(std::int64_t at_us) const {
  const std::lock_guard lock(mutex_);
  return history_.at(at_us, {clock_.now_ns(), clock_.wall_us()});
}

bool Observer::watched() const {
  const std::lock_guard lock(mutex_);
  return watched_ns_ != INT64_MIN && clock_.now_ns() - watched_ns_ < watched_for_ns;
}

void Observer::on_finds(const std::vector<model::ClaimEvent>& events) {
  for (const auto& event : events) {
    if (event.outcome == model::Outcome::granted) tellings_.told(event.claim);
  }
  const std::lock_guard lock(mutex_);
  for (const auto& event : events) {
    if (event.outcome == model::Outcome::granted) finds_.push_back(event);
  }
  while (finds_.size() > finds_max) finds_.pop_front();
}

void Observer::heard_relay(model::ShardId shard) {
  const std::lock_guard lock(mutex_);
  if (shard < relay_heard_ns_.size()) relay_heard_ns_[shard] = clock_.now_ns();
}

bool Observer::heard_relays() const {
  const std::lock_guard lock(mutex_);
  return std::none_of(relay_heard_ns_.begin(), relay_heard_ns_.end(),
                      [this](std::int64_t heard_ns) { return heard_ns == started_ns_; });
}

Observer::Silence Observer::silence() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ns = clock_.now_ns();
  Silence longest;
  for (model::ShardId shard = 0; shard < relay_heard_ns_.size(); ++shard) {
    const std::int64_t silent_ns = now_ns - relay_heard_ns_[shard];
    if (silent_ns > longest.ns) longest = {shard, silent_ns};
  }
  return longest;
}

std::string gap_text(model::ShardId shard) {
  return fmt::format(
      "the change feed of shard {} had a gap and was made anew: its replication slot was lost, its "
      "server promoted, or its past dropped; all copies are read again, grants are told from the "
      "ledger",
      shard);
}

void Observer::set_trouble(const std::string& part, std::string trouble) {
  const std::lock_guard lock(mutex_);
  if (trouble.empty()) {
    troubles_.erase(part);
  } else {
    troubles_[part] = std::move(trouble);
  }
}

void Observer::count_distrusted_message() {
  const std::lock_guard lock(mutex_);
  ++counted_.distrusted_messages;
}

void Observer::count_gap(model::ShardId shard) {
  const std::lock_guard lock(mutex_);
  gap_ns_[shard] = clock_.now_ns();
  ++counted_.feed_gaps;
}

void Observer::note_burial(model::ShardId shard, const Error* refused) {
  const std::lock_guard lock(mutex_);
  if (refused == nullptr) burials_refused_.erase(shard);
  if (refused == nullptr || (refused->code != Errc::disk_full && refused->code != Errc::io)) return;
  burials_refused_[shard] = {clock_.now_ns(), refused->message};
}

void Observer::set_store_trouble(model::ShardId shard, const std::string& trouble) {
  const std::lock_guard lock(mutex_);
  StoreTrouble& known = store_troubles_.at(shard);
  if (known.text.empty()) known.since_ns = clock_.now_ns();
  known.text = trouble;
}

void Observer::set_open_tables(model::ShardId shard, std::vector<model::TableCount> counts) {
  const std::lock_guard lock(mutex_);
  open_tables_.at(shard) = std::move(counts);
  find_missing_tables();
}

void Observer::find_missing_tables() {
  std::map<std::string, std::uint64_t> sums;
  for (const auto& counts : open_tables_) {
    for (const auto& one : counts) sums[one.table] += one.spawns;
  }
  tables_missing_.clear();
  for (const auto& [table, spawns] : sums) {
    const bool known = std::binary_search(table_names_.begin(), table_names_.end(), table);
    if (!known) tables_missing_.push_back({table, spawns});
  }
}

// What the lanes met comes first: it is of now, and a look at the whole store of a moment ago.
std::vector<model::StoreFailing> Observer::stores_failing() const {
  const std::int64_t now_ns = clock_.now_ns();
  std::size_t shards = store_troubles_.size();
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    shards = std::max(shards, lane->metrics.stores.size());
  }
  std::vector<model::StoreFailing> all;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    model::StoreFailing one;
    one.shard = shard;
    for (const auto& lane : lanes_) {
      const std::lock_guard lock(lane->mutex);
      if (shard >= lane->metrics.stores.size()) continue;
      const auto* failing = failing_calls(lane->metrics.stores[shard]);
      if (failing == nullptr) continue;
      one.since_ns = std::max(one.since_ns, now_ns - failing->since_ns);
      one.reason = failing->error;
    }
    const std::lock_guard lock(mutex_);
    const StoreTrouble known =
        shard < store_troubles_.size() ? store_troubles_[shard] : StoreTrouble();
    if (one.reason.empty()) one.reason = known.text;
    if (one.reason.empty()) continue;
    if (!known.text.empty()) one.since_ns = std::max(one.since_ns, now_ns - known.since_ns);
    all.push_back(std::move(one));
  }
  return all;
}

std::uint64_t Observer::rules_pending_seconds() const {
  const model::RulesState& rules = process_.rules;
  if (!rules.differs()) return 0;
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, (clock_.wall_us() - rules.differ_since_us) / 1'000'000));
}

std::vector<Warning> Observer::warnings() const {
  std::vector<Warning> all;
  for (const auto& one : stores_failing()) {
    all.push_back({fmt::format("store of shard {}", one.shard),
                   fmt::format("the store of shard {} refuses for {} s: {}", one.shard,
                               one.since_ns / 1'000'000'000, one.reason)});
  }
  const std::size_t stores = all.size();
  bool explained = false;
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    const std::string& other = lane->metrics.other_hunt;
    if (other.empty()) continue;
    all.push_back({"cache", other + "; until then the store is read without the cache"});
    break;
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [part, text] : troubles_) all.push_back({part, text});
    for (const auto& [shard, at_ns] : gap_ns_) {
      if (clock_.now_ns() - at_ns > gap_shown_ns) continue;
      all.push_back({fmt::format("change feed of shard {}", shard), gap_text(shard)});
    }
    explained = std::any_of(all.begin() + static_cast<std::ptrdiff_t>(stores), all.end(),
                            [](const Warning& one) { return one.key != "cache"; });
    for (const auto& [shard, one] : burials_refused_) {
      if (clock_.now_ns() - one.at_ns > burial_shown_ns) continue;
      all.push_back(
          {fmt::format("loot of shard {}", shard),
           fmt::format("loot could not be buried in the store of shard {}: {}", shard, one.why)});
    }
    if (const model::RulesState& rules = process_.rules; rules.differs()) {
      all.push_back({"rules", fmt::format("the rule files are refused for {} s, and version {} "
                                          "stays in force: {}",
                                          rules_pending_seconds(), rules.version, rules.refused)});
    }
    for (const auto& event : process_.rules.stopped) {
      all.push_back({"stopped " + event,
                     fmt::format("the event \"{0}\" is stopped by hand and nothing of it is "
                                 "granted; it goes on with: hunt rules start {0}",
                                 event)});
    }
    if (!tables_missing_.empty()) {
      all.push_back({"tables", ports::tables_missing_text(tables_missing_, table_names_)});
    }
  }
  // Where the bus or the relay is in trouble, its silence is no news.
  const Silence longest = silence();
  if (longest.ns <= limits::feed_silence_ns || explained) return all;
  all.push_back(
      {"relays",
       fmt::format("no relay of shard {} is heard for {} s: changed tiles show up to a second late "
                   "and grants are not told; {}",
                   longest.shard, longest.ns / 1'000'000'000,
                   about_.relays_here ? "the store's change feed does not answer"
                                      : "is `hunt relay` running with this store and bus?")});
  return all;
}

void Observer::set_memory_limit(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  memory_limit_bytes_ = bytes;
}

void Observer::set_bus(std::function<void(model::Stats&)> add_to) {
  const std::lock_guard lock(mutex_);
  add_bus_to_ = std::move(add_to);
}

std::string Observer::warning() const {
  std::string text;
  for (const auto& one : warnings()) text += (text.empty() ? "" : "; also: ") + one.text;
  return text;
}

void Observer::set_parts(std::vector<std::string> names) {
  const std::lock_guard lock(mutex_);
  part_names_ = std::move(names);
}

std::vector<ports::Monitor::Part> Observer::parts() const {
  std::vector<Part> all{{"process", not_ready()}};
  {
    const std::lock_guard lock(mutex_);
    for (const auto& name : part_names_) all.push_back({name, {}});
  }
  for (const auto& one : warnings()) {
    const auto known = std::find_if(all.begin(), all.end(),
                                    [&one](const Part& part) { return part.name == one.key; });
    if (known == all.end()) {
      all.push_back({one.key, one.text});
    } else {
      known->waits_for = one.text;
    }
  }
  return all;
}

void Observer::set_rules(const model::RuleSet& rules) {
  const std::lock_guard lock(mutex_);
  rules_ = rules.version;
  event_.clear();
  for (const auto& event : rules.events) event_ += (event_.empty() ? "" : ", ") + event.name;
  table_names_.clear();
  for (const auto& table : rules.tables) table_names_.push_back(table.name);
  std::sort(table_names_.begin(), table_names_.end());
  find_missing_tables();
}

void Observer::set_rules_state(model::RulesState state) {
  const std::lock_guard lock(mutex_);
  process_.rules = std::move(state);
}

void Observer::set_front_load(double busy, double starved, std::int64_t stalled_ns) {
  const std::lock_guard lock(mutex_);
  front_busy_ = busy;
  front_starved_ = starved;
  front_stalled_ns_ = stalled_ns;
}

void Observer::set_cpu_pressure(double share) {
  const std::lock_guard lock(mutex_);
  cpu_pressure_ = share;
}

void Observer::set_not_ready(std::string reason) {
  const std::lock_guard lock(mutex_);
  not_ready_ = std::move(reason);
}

void Observer::set_without_rules(std::string why) {
  const std::lock_guard lock(mutex_);
  without_rules_ = std::move(why);
}

std::string Observer::not_ready() const {
  const std::lock_guard lock(mutex_);
  return not_ready_.empty() ? without_rules_ : not_ready_;
}

model::Stats Observer::stats() const {
  LaneMetrics all;
  model::Stats stats;
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    add(all, lane->metrics);
    stats.lane_use.push_back(lane->metrics.use);
  }
  stats.version = about_.version;
  stats.store = about_.store;
  stats.uptime_ns = clock_.now_ns() - started_ns_;
  stats.lanes = static_cast<std::uint32_t>(lanes_.size());
  stats.positions = all.positions;
  stats.claims = all.claims;
  add(stats, all);
  stats.since_start = summaries_of(all.latencies);
  stats.buckets = buckets_of(all.latencies, all.examples);
  stats.stages = stages_of(all);
  stats.cache_nodes = std::move(all.cache_nodes);
  stats.shard_looks = std::move(all.shard_looks);
  const std::int64_t now_ns = clock_.now_ns();
  stats.bounds = bounds(now_ns);
  stats.shards = static_cast<std::uint32_t>(store_troubles_.size());
  stats.stores_failing = stores_failing();
  if (!stats.stores_failing.empty()) stats.store_error = stats.stores_failing.front().reason;
  stats.relay_silence_ns = silence().ns;
  stats.warning = warning();
  const std::lock_guard lock(mutex_);
  stats.rules = rules_;
  stats.event = event_;
  stats.memory_limit_bytes = memory_limit_bytes_;
  add_used_lately(stats.bounds, now_ns);
  for (const auto heard_ns : relay_heard_ns_) stats.relay_silences_ns.push_back(now_ns - heard_ns);
  stats.lately = summaries_of(lately(all.latencies));
  add(stats, counted_);
  if (add_bus_to_) add_bus_to_(stats);
  stats.rules_rejected += process_.rules.rejected;
  stats.rules_last_reload_success += process_.rules.differs() ? 0 : 1;
  stats.rules_pending_seconds += rules_pending_seconds();
  stats.rules_revision = process_.rules.revision;
  stats.rules_stopped = process_.rules.stopped;
  stats.rules_changes += process_.rules.changes;
  stats.rules_events_stopped += process_.rules.stopped.size();
  stats.tables_missing = tables_missing_;
  for (const auto& one : tables_missing_) stats.spawns_without_table += one.spawns;
  return stats;
}

model::LiveView Observer::live() {
  model::LiveView view;
  bool any = false;
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    const LiveSample& sample = lane->sample;
    view.players.insert(view.players.end(), sample.players.begin(), sample.players.end());
    // Every lane sees the same loot: the lane that knows most of it speaks.
    if (sample.loot_open.size() + sample.loot_gone.size() >
        view.loot_open.size() + view.loot_gone.size()) {
      view.loot_open = sample.loot_open;
      view.loot_gone = sample.loot_gone;
    }
  }
  for (const auto& player : view.players) widen(view.bounds, any, player.tile);
  for (const auto& tile : view.loot_open) widen(view.bounds, any, tile);
  for (const auto& tile : view.loot_gone) widen(view.bounds, any, tile);
  const std::lock_guard lock(mutex_);
  watched_ns_ = clock_.now_ns();
  view.finds.assign(finds_.begin(), finds_.end());
  return view;
}

}  // namespace hunt::service
