#include "service/rules_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/moment.h"
#include "base/planted.h"
#include "base/text.h"
#include "model/rules_by.h"

namespace hunt::service {

namespace {

using boost::asio::awaitable;

constexpr std::int64_t look_every_ns = 1'000'000'000;
constexpr std::int64_t grain_ns = 50'000'000;  // of stop(), look_soon() and of what is in force
constexpr std::int64_t told_grain_ns = 1'000'000;
constexpr int rounds_max = 3;

std::vector<std::string_view> texts_of(const model::RulesFiles& files) {
  std::vector<std::string_view> texts;
  for (const auto& file : files) texts.emplace_back(file.text);
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

RulesBook::RulesBook(RulesBookOptions options, std::vector<ports::RulesStore*> stores,
                     RulesBookEvents events, const ports::Clock& clock, ports::Timer& timer,
                     boost::asio::any_io_executor lane)
    : options_(std::move(options)),
      stores_(std::move(stores)),
      events_(std::move(events)),
      clock_(clock),
      timer_(timer),
      kept_(stores_.size()),
      // The looks, and what four changes at a time have to tell.
      tasks_(std::move(lane), 5 * stores_.size()) {}

awaitable<void> RulesBook::begin(RulesOffer first) {
  offer(std::move(first));
  {
    const std::lock_guard lock(mutex_);
    in_force_ = model::only_rules(offer_->set);
  }
  for (model::ShardId shard = 0; shard < stores_.size(); ++shard) co_await look(shard);
  co_await consider();
  tell_current();
}

void RulesBook::start() {
  for (model::ShardId shard = 0; shard < stores_.size(); ++shard) {
    const bool spawned = tasks_.try_spawn(follow(shard));
    HUNT_ASSERT(spawned);
  }
}

awaitable<void> RulesBook::follow(model::ShardId shard) {
  while (!stopping_) {
    const std::uint64_t wanted = looks_wanted_.load(std::memory_order_relaxed);
    const std::int64_t next_ns = clock_.now_ns() + look_every_ns;
    co_await look(shard);
    if (shard == 0 && !stopping_) co_await consider();
    do {
      if (shard == 0) tell_current();
      co_await timer_.sleep_until(clock_.now_ns() + grain_ns);
    } while (!stopping_ && clock_.now_ns() < next_ns &&
             looks_wanted_.load(std::memory_order_relaxed) == wanted);
  }
}

awaitable<void> RulesBook::look(model::ShardId shard) {
  auto found = co_await stores_[shard]->rules_timeline();
  if (!found || stopping_) co_return;  // its trouble is told by who looks after the store
  kept_[shard] = found->seq;
  const Result<void> done = co_await compare(shard, std::move(*found));
  const std::string trouble = done ? "" : fmt::format("shard {}: {}", shard, done.error().message);
  if (trouble == trouble_ || (done && !trouble_.starts_with(fmt::format("shard {}:", shard)))) {
    co_return;
  }
  trouble_ = trouble;
  if (!trouble.empty()) {
    events_.log(LogLevel::warning,
                fmt::format("rules: the timeline cannot be kept the same: {}", trouble));
  }
}

// What a shard keeps, with what this process knows: afterwards both have the newest.
RulesBook::Awaited<void> RulesBook::compare(model::ShardId shard, model::RulesTimeline found) {
  if (found.seq > timeline_.seq) co_return co_await learn(shard, std::move(found));
  if (found.seq < timeline_.seq) co_return co_await give(shard, std::move(found));
  // What another change made us forget meanwhile is read again.
  const bool all_known =
      std::all_of(timeline_.turns.begin(), timeline_.turns.end(),
                  [this](const auto& turn) { return known_.contains(turn.version); });
  if (found == timeline_ && (shard != 0 || all_known)) co_return Result<void>{};
  // Two histories: a change was lost with a server, and another one took its number. The fence
  // compares numbers, so the one of shard 0 goes on with a new one.
  if (shard == 0) co_return co_await learn(shard, std::move(found));
  co_return co_await settle(found.seq);
}

// All turns: a store judges by all of them, too. Equal versions share one set.
RulesBook::Awaited<void> RulesBook::learn(model::ShardId shard, model::RulesTimeline found) {
  const std::uint64_t known_seq = timeline_.seq;
  for (const auto& turn : found.turns) {
    const std::string version = turn.version;
    if (known_.contains(version)) continue;
    HUNT_CO_TRY(files, co_await stores_[shard]->rules_files(version));
    co_await know(version, std::move(files));
  }
  const bool overrules = shard == 0 && timeline_.seq == known_seq && found.seq == known_seq;
  if (found.seq > timeline_.seq || overrules) adopt(std::move(found));
  co_return Result<void>{};
}

awaitable<void> RulesBook::know(std::string version, model::RulesFiles files) {
  Known known;
  auto set = co_await events_.compile(files);
  known.files = std::move(files);
  if (set && (*set)->version == version) known.set = std::move(*set);
  if (known.set == nullptr) {
    known.why = fmt::format(
        "the files of version {} {} here; until then nothing of it is granted by this process: "
        "give this machine the release of hunt and the time zone data of the others",
        version,
        set ? fmt::format("come to version {}", (*set)->version)
            : fmt::format("are not valid ({})", set.error().message));
    events_.log(LogLevel::error, fmt::format("rules: {}", known.why));
  }
  put_known(version, std::move(known));
}

void RulesBook::put_known(const std::string& version, Known known) {
  const std::lock_guard lock(mutex_);
  known_[version] = std::move(known);
}

// Unless it is in use.
void RulesBook::forget(const std::string& version) {
  const std::lock_guard lock(mutex_);
  if (offer_->set->version == version || timeline_.find(version) != nullptr) return;
  known_.erase(version);
}

RulesBook::Awaited<model::RulesFiles> RulesBook::files_of(const std::string& version) {
  if (const auto known = known_.find(version);
      known != known_.end() && !known->second.files.empty()) {
    co_return known->second.files;
  }
  Error why{Errc::not_found, fmt::format("no shard has the files of version {}", version), {}};
  for (ports::RulesStore* store : stores_) {
    auto files = co_await store->rules_files(version);
    if (files) co_return files;
    why = std::move(files).error();
  }
  co_return tl::unexpected<Error>(std::move(why));
}

// All of it, to a shard that is behind: it has the files of what it keeps.
RulesBook::Awaited<void> RulesBook::give(model::ShardId shard, model::RulesTimeline kept) {
  const model::RulesTimeline timeline = timeline_;
  std::vector<model::RulesOf> sets;
  for (const auto& turn : timeline.turns) {
    const bool there = std::any_of(sets.begin(), sets.end(),
                                   [&](const auto& set) { return set.version == turn.version; });
    if (there || kept.find(turn.version) != nullptr) continue;
    HUNT_CO_TRY(files, co_await files_of(turn.version));
    sets.push_back({turn.version, std::move(files)});
  }
  auto set = co_await stores_[shard]->set_rules_timeline(timeline, std::move(sets));
  co_return co_await has(shard, timeline, std::move(set));
}

// Whether a shard has it after it was set there: `already_exists` may be of somebody who was
// quicker, or of another history.
RulesBook::Awaited<void> RulesBook::has(model::ShardId shard, model::RulesTimeline timeline,
                                        Result<void> set) {
  if (set) kept_[shard] = timeline.seq;
  if (set || set.error().code != Errc::already_exists) co_return set;
  HUNT_CO_TRY(kept, co_await stores_[shard]->rules_timeline());
  kept_[shard] = kept.seq;
  if (kept.seq > timeline.seq || kept == timeline) co_return Result<void>{};
  co_return set;
}

// What is new alone, or all that it lacks.
RulesBook::Awaited<void> RulesBook::hand_on(model::ShardId shard, const model::RulesTimeline& next,
                                            const std::vector<model::RulesOf>& fresh) {
  auto set = co_await stores_[shard]->set_rules_timeline(next, fresh);
  if (set || set.error().code != Errc::not_found) {
    co_return co_await has(shard, next, std::move(set));
  }
  HUNT_CO_TRY(kept, co_await stores_[shard]->rules_timeline());
  co_return co_await give(shard, std::move(kept));
}

struct RulesBook::Telling {
  model::RulesTimeline timeline;
  std::vector<model::RulesOf> fresh;
  std::vector<model::ShardId> missing;
  std::size_t open = 0;
};

awaitable<void> RulesBook::tell_one(model::ShardId shard, std::shared_ptr<Telling> telling) {
  const auto handed = co_await hand_on(shard, telling->timeline, telling->fresh);
  if (!handed) telling->missing.push_back(shard);
  --telling->open;
}

// All at the same time, so that one that hangs does not keep a stop from the others. Returns those
// that do not have the timeline afterwards.
awaitable<std::vector<model::ShardId>> RulesBook::tell_others(std::vector<model::RulesOf> fresh) {
  const auto telling = std::make_shared<Telling>();
  telling->timeline = timeline_;
  telling->fresh = std::move(fresh);
  telling->open = stores_.size() - 1;
  for (model::ShardId shard = 1; shard < stores_.size(); ++shard) {
    if (!tasks_.try_spawn(tell_one(shard, telling))) co_await tell_one(shard, telling);
  }
  while (telling->open > 0) co_await timer_.sleep_until(clock_.now_ns() + told_grain_ns);
  auto& missing = telling->missing;
  std::sort(missing.begin(), missing.end());
  if (!missing.empty()) {
    events_.log(LogLevel::warning,
                fmt::format("rules: shards that do not have change {} yet: {}. Each gets it when "
                            "it answers again, from any process; it grants nothing while it is "
                            "away",
                            telling->timeline.seq, fmt::join(missing, ", ")));
  }
  co_return missing;
}

// What shard 0 has goes on as the next change, because another shard has another one of that seq.
RulesBook::Awaited<void> RulesBook::settle(std::uint64_t seq) {
  HUNT_CO_CHECK(co_await shard_0_agrees());
  if (timeline_.seq != seq) co_return Result<void>{};
  model::RulesTimeline next = timeline_;
  ++next.seq;
  const std::vector<model::RulesOf> no_files;  // they are there
  auto set = co_await stores_[0]->set_rules_timeline(next, no_files);
  if (!set && set.error().code == Errc::already_exists) co_return Result<void>{};
  if (!set) co_return set;
  kept_[0] = next.seq;
  if (next.seq > timeline_.seq) adopt(std::move(next));
  events_.log(LogLevel::warning,
              fmt::format("rules: shards had different changes with the number {}: one was lost "
                          "with a server. What shard 0 has is in force: look at hunt rules stop "
                          "and GET /v1/rules",
                          seq));
  co_await tell_others(no_files);
  co_return Result<void>{};
}

// Shard 0 has what this process has, and the other way round.
RulesBook::Awaited<void> RulesBook::shard_0_agrees() {
  auto first = co_await stores_[0]->rules_timeline();
  if (!first) {
    Error error = std::move(first).error();
    error.message = fmt::format(
        "shard 0, which decides what is in force, cannot be asked; nothing was changed: {}",
        error.message);
    co_return tl::unexpected<Error>(std::move(error));
  }
  co_return co_await compare(0, std::move(*first));
}

RulesBook::Awaited<ports::RulesChanged> RulesBook::decide(model::RulesChange change,
                                                          std::vector<model::RulesOf> fresh,
                                                          Check check) {
  for (int round = 0; round < rounds_max; ++round) {
    HUNT_CO_CHECK(co_await shard_0_agrees());
    HUNT_CO_CHECK((this->*check)(change));
    HUNT_CO_TRY(next, model::changed(timeline_, change, clock_.wall_us(),
                                     options_.alone ? 0 : options_.lead_us));
    auto set = co_await stores_[0]->set_rules_timeline(next, fresh);
    if (!set && set.error().code == Errc::already_exists) continue;
    if (!set) co_return tl::unexpected<Error>(std::move(set).error());
    kept_[0] = next.seq;
    if (next.seq > timeline_.seq) adopt(next);
    auto missing = co_await tell_others(std::move(fresh));
    co_return ports::RulesChanged{std::move(next), std::move(missing)};
  }
  co_return fail(Errc::unavailable, "the rules change all the time; try again later");
}

// What somebody asked for by hand.
Result<void> RulesBook::check_asked(const model::RulesChange& change) const {
  using Kind = model::RulesChange::Kind;
  const bool of_event = change.kind == Kind::stop || change.kind == Kind::start;
  if (of_event && timeline_.stop_of(change.event) == nullptr) return check_event(change.event);
  const std::uint64_t highest = timeline_.revision_max();
  const std::uint64_t revision = change.kind == Kind::turn ? change.turn.revision : 0;
  if (revision == 0 || revision >= highest) return {};
  return fail(Errc::invalid_argument,
              fmt::format("the files are revision {}, and {} was in force; nothing changed. To go "
                          "back: hunt rules rollback",
                          revision, highest),
              "revision");
}

// What the files of this process propose.
Result<void> RulesBook::check_files(const model::RulesChange& change) const {
  const model::OfferIs is = judge(change.turn.version, change.turn.revision);
  if (is == model::OfferIs::fresh) return {};
  return fail(Errc::already_exists, "others were quicker");
}

// In what is in force, or will be.
Result<void> RulesBook::check_event(const std::string& event) const {
  std::string names;
  for (const auto& one : current()->events) {
    names += (names.empty() ? "" : ", ") + one.name;
  }
  const auto rules = in_force();
  const std::int64_t now_us = clock_.wall_us();
  for (std::size_t i = 0; i < rules->turns.size(); ++i) {
    const auto& turn = rules->turns[i];
    if (turn.from_us <= now_us && turn.set != rules->at(now_us)) continue;
    for (const auto& one : turn.set->events) {
      if (one.name == event) return {};
    }
  }
  return fail(Errc::not_found,
              fmt::format("there is no event \"{}\" in the rules in force; there are: {}",
                          printable(event), names),
              "event");
}

RulesBook::Awaited<ports::RulesChanged> RulesBook::change(model::RulesChange change,
                                                          model::RulesFiles files) {
  std::vector<model::RulesOf> fresh;
  const bool of_event = change.kind == model::RulesChange::Kind::stop ||
                        change.kind == model::RulesChange::Kind::start;
  std::string pushed;
  if (change.kind == model::RulesChange::Kind::turn) {
    HUNT_CO_TRY(set, co_await events_.compile(files));
    change.turn.version = set->version;
    pushed = set->version;
    put_known(pushed, {set, {}, files, {}, {}});
    fresh.push_back({pushed, std::move(files)});
  }
  auto done = co_await decide(std::move(change), std::move(fresh), &RulesBook::check_asked);
  if (!done && !pushed.empty()) forget(pushed);
  if (!done && of_event && done.error().code == Errc::already_exists) {
    // Asked again: who does not have it is what they want to know.
    const std::vector<model::RulesOf> no_files;
    auto missing = co_await tell_others(no_files);
    co_return ports::RulesChanged{timeline_, std::move(missing)};
  }
  co_return done;
}

void RulesBook::offer(RulesOffer offer) {
  put_known(offer.set->version, {offer.set, {}, offer.files, {}, {}});
  offer_ = std::move(offer);
  look_soon();
}

// Whether the files are to be taken, and why not. One at a time: only the look at shard 0 asks.
awaitable<void> RulesBook::consider() {
  const bool ruled = !timeline_.turns.empty();
  if (!offer_ || offer_->stand_in || (offer_->builtin && ruled && !options_.alone))
    co_return set_refused({});
  const RulesOffer mine = *offer_;
  const model::OfferIs is = judge(mine.set->version, mine.revision);
  if (is != model::OfferIs::fresh) co_return set_refused(standing(is));
  const bool locked_anew = mine.revision > timeline_.revision_max();
  if (ruled && !options_.alone && !locked_anew && files_are_those_in_force()) {
    co_return set_refused(fmt::format(
        "the files are those in force, but come to version {} here and to {} elsewhere: the "
        "release of hunt or the time zone data differ; nothing changed. When all machines are "
        "alike: hunt rules push, or lock them with a higher revision",
        mine.set->version, timeline_.turns.back().version));
  }
  model::RulesChange change;
  change.kind = model::RulesChange::Kind::turn;
  change.turn = {mine.set->version, mine.revision, mine.activates_us,
                 fmt::format("{}{}", model::by_files, options_.machine), mine.note};
  std::vector<model::RulesOf> fresh;
  fresh.push_back({mine.set->version, mine.files});
  const auto done = co_await decide(std::move(change), std::move(fresh), &RulesBook::check_files);
  if (done || done.error().code == Errc::already_exists) co_return set_refused({});
  set_refused(done.error().message);
}

model::OfferIs RulesBook::judge(const std::string& version, std::uint64_t revision) const {
  using model::OfferIs;
  const OfferIs is = model::judge_offer(timeline_, version, revision);
  if (is == OfferIs::older && planted(Planted::takes_older)) return OfferIs::fresh;
  const bool edited = is == OfferIs::superseded && options_.alone && files_have_changed();
  return edited ? OfferIs::fresh : is;
}

// Since they were taken last, as far as the timeline tells: else what is in force instead of them
// was somebody's will.
bool RulesBook::files_have_changed() const {
  const auto& turns = timeline_.turns;
  const auto said = std::find_if(turns.rbegin(), turns.rend(), [](const model::RulesTurn& turn) {
    return turn.by.starts_with(model::by_files);
  });
  return said == turns.rend() || said->version != offer_->set->version;
}

// Byte for byte, whatever version they come to.
bool RulesBook::files_are_those_in_force() const {
  const auto known = known_.find(timeline_.turns.back().version);
  return known != known_.end() && texts_of(known->second.files) == texts_of(offer_->files);
}

std::string RulesBook::standing(model::OfferIs is) const {
  const model::RulesTurn& last = timeline_.turns.back();
  const model::RuleSet& files = *offer_->set;
  if (is == model::OfferIs::in_force) {
    const auto known = known_.find(last.version);
    return known == known_.end() ? "" : known->second.why;
  }
  if (is == model::OfferIs::superseded) {
    return fmt::format(
        "the files are version {}, which was in force before, and {} replaced it at "
        "{}; nothing changed. To go back: hunt rules rollback {}",
        files.version, last.version, format_time_us(last.from_us), files.version);
  }
  const std::string mine =
      offer_->revision == 0 ? "have no revision" : fmt::format("are revision {}", offer_->revision);
  return fmt::format(
      "the files {}, and revision {} was taken already; nothing changed. Lock them "
      "with a higher one (hunt rules lock --revision), or go back with: hunt rules "
      "rollback",
      mine, timeline_.revision_max());
}

void RulesBook::set_refused(std::string text) {
  if (text == refused_) return;
  if (refused_.empty()) refused_since_us_ = clock_.wall_us();
  refused_ = std::move(text);
  if (!refused_.empty()) events_.log(LogLevel::warning, "rules: " + refused_);
  events_.on_state();
}

// The set of a version, in which events that are stopped say so; nullptr: it is not known here.
model::RuleSetPtr RulesBook::with_stops(const std::string& version) {
  const auto found = known_.find(version);
  if (found == known_.end() || found->second.set == nullptr) return nullptr;
  Known& known = found->second;
  std::string stops;
  for (const auto& event : known.set->events) {
    if (timeline_.stop_of(event.name) != nullptr) stops += event.name + "\n";
  }
  if (stops.empty()) return known.set;
  if (known.stops == stops) return known.stopped;
  auto set = std::make_shared<model::RuleSet>(*known.set);
  for (auto& event : set->events) event.stopped = timeline_.stop_of(event.name) != nullptr;
  known.stops = std::move(stops);
  known.stopped = std::move(set);
  return known.stopped;
}

void RulesBook::adopt(model::RulesTimeline next) {
  const model::RulesTimeline before = std::exchange(timeline_, std::move(next));
  auto made = std::make_shared<model::RulesInForce>();
  made->seq = timeline_.seq;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& turn : timeline_.turns) {
      auto set = with_stops(turn.version);
      const bool is_made = set != nullptr;
      if (!is_made) set = made->turns.empty() ? offer_->set : made->turns.back().set;
      made->turns.push_back({turn.from_us, std::move(set), is_made});
    }
    if (made->turns.empty()) made->turns.push_back({model::time_us_min, offer_->set});
    in_force_ = made;
    const bool many = known_.size() > 2 * timeline_.turns.size() + 1;
    if (many) {
      std::erase_if(known_, [this](const auto& one) {
        return one.first != offer_->set->version && timeline_.find(one.first) == nullptr;
      });
    }
  }
  log_stops(before);
  const model::RulesTurn* last = timeline_.turns.empty() ? nullptr : &timeline_.turns.back();
  if (last != nullptr && last->from_us > clock_.wall_us()) {
    events_.log(LogLevel::info, fmt::format("rules: version {} is in force from {} on (by {}){}",
                                            last->version, format_time_us(last->from_us), last->by,
                                            last->note.empty() ? "" : ": " + last->note));
  }
  events_.on_rules(in_force_);
  tell_current();
  events_.on_state();
}

void RulesBook::log_stops(const model::RulesTimeline& before) const {
  for (const auto& one : timeline_.stopped) {
    if (before.stop_of(one.event) != nullptr) continue;
    events_.log(
        LogLevel::warning,
        fmt::format("rules: the event \"{}\" is stopped (by {}){}: nothing of it is granted "
                    "until hunt rules start {}",
                    one.event, one.by, one.note.empty() ? "" : ", " + one.note, one.event));
  }
  for (const auto& one : before.stopped) {
    if (timeline_.stop_of(one.event) != nullptr) continue;
    events_.log(LogLevel::info, fmt::format("rules: the event \"{}\" goes on", one.event));
  }
}

void RulesBook::tell_current() {
  if (std::string why = cannot(); why != cannot_) {
    cannot_ = std::move(why);
    events_.on_state();
  }
  const model::RuleSetPtr now = current();
  if (now == shown_) return;
  const model::RuleSetPtr before = std::exchange(shown_, now);
  if (before == nullptr || before->version != now->version) shown_since_us_ = clock_.wall_us();
  events_.on_current(before, now);
  events_.on_state();
}

model::RulesInForcePtr RulesBook::in_force() const {
  const std::lock_guard lock(mutex_);
  return in_force_;
}

model::RuleSetPtr RulesBook::current() const {
  return in_force()->at(clock_.wall_us());
}

model::RuleSetPtr RulesBook::of_version(std::string_view version) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(version);
  return found == known_.end() ? nullptr : found->second.set;
}

std::vector<model::ShardId> RulesBook::missing() const {
  std::vector<model::ShardId> behind;
  for (model::ShardId shard = 0; shard < kept_.size(); ++shard) {
    if (kept_[shard] < timeline_.seq) behind.push_back(shard);
  }
  return behind;
}

std::string RulesBook::cannot() const {
  if (timeline_.turns.empty()) return {};
  const auto known = known_.find(timeline_.at(clock_.wall_us()).version);
  return known == known_.end() ? "" : known->second.why;
}

model::RulesState RulesBook::state() const {
  model::RulesState state;
  const std::int64_t now_us = clock_.wall_us();
  state.version = current()->version;
  state.since_us = shown_since_us_;
  state.refused = refused_;
  if (!refused_.empty()) state.differ_since_us = refused_since_us_;
  for (const auto& one : timeline_.stopped) state.stopped.push_back(one.event);
  state.changes = timeline_.seq;
  if (timeline_.turns.empty()) return state;
  const model::RulesTurn& turn = timeline_.at(now_us);
  state.revision = turn.revision;
  const model::RulesTurn& last = timeline_.turns.back();
  if (last.from_us > now_us && timeline_.turns.size() > 1) {
    state.next_version = last.version;
    state.next_from_us = last.from_us;
  }
  return state;
}

}  // namespace hunt::service
