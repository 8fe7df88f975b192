#include "simulation/rules_player.h"

#include <utility>

#include "simulation/run_rules.h"

namespace hunt::simulation {

namespace {

using Kind = model::RulesChange::Kind;

constexpr std::int64_t ms_ns = 1'000'000;

model::RulesChange change_of(Kind kind) {
  model::RulesChange change;
  change.kind = kind;
  change.turn.by = "an admin";
  return change;
}

}  // namespace

RulesPlayer::RulesPlayer(Cluster& cluster, Watch& watch)
    : cluster_(cluster), watch_(watch), locked_(cluster.setup.seed % 2 == 0) {
  edits_.emplace_back();
}

void RulesPlayer::strike(const Fault& fault) {
  switch (fault.kind) {
    case sim::FaultKind::rules_push:
      return push(fault);
    case sim::FaultKind::rules_older:
      return age(fault);
    case sim::FaultKind::rules_rollback:
      return roll_back(fault);
    case sim::FaultKind::rules_stop:
      return stop(fault);
    case sim::FaultKind::rules_rivals:
      return rival(fault);
    default:
      return;
  }
}

// A pod whose book has begun, that one or the next.
std::optional<std::size_t> RulesPlayer::pod_near(std::uint64_t target) {
  for (std::size_t i = 0; i < cluster_.pod_count(); ++i) {
    const std::size_t pod = (target + i) % cluster_.pod_count();
    if (cluster_.book(pod) != nullptr) return pod;
  }
  return {};
}

std::uint64_t RulesPlayer::new_number(std::uint64_t from) {
  const std::uint64_t number = from | 1U;  // not where a run begins
  watch_.on_rules(compile_run_rules(files_of(number)).value());
  return number;
}

void RulesPlayer::set_files(std::size_t pod, service::RulesOffer offer, std::int64_t in_ns) {
  cluster_.world.at(cluster_.world.now_ns() + in_ns,
                    [this, pod, offer = std::move(offer)] { cluster_.set_files(pod, offer); });
}

void RulesPlayer::ask(std::size_t pod, model::RulesChange change, model::RulesFiles files) {
  sim::Host* host = cluster_.world.host(cluster_.pod_node(pod));
  if (cluster_.book(pod) == nullptr || host == nullptr) return;
  host->spawn(asking(pod, std::move(change), std::move(files)));
}

boost::asio::awaitable<void> RulesPlayer::asking(std::size_t pod, model::RulesChange change,
                                                 model::RulesFiles files) {
  service::RulesBook& book = *cluster_.book(pod);
  const model::RulesChange asked = change;
  const auto done = co_await book.change(std::move(change), std::move(files));
  if (done) watch_.rules().on_acknowledged(asked, *done);
}

// New files, which come to each pod in its own time: up to five seconds apart, or all at once. Some
// are for later; some come by hand.
void RulesPlayer::push(const Fault& fault) {
  const std::uint64_t bits = fault.target >> 20;
  const std::uint64_t number = new_number(fault.target);
  if (bits % 8 == 1) {
    if (const auto pod = pod_near(fault.target)) push_by_hand(*pod, number);
    return;
  }
  if (locked_) ++revision_;
  edits_.push_back({number, revision_});
  service::RulesOffer offer = offer_of(number, revision_);
  if (bits % 8 == 2) {
    offer.activates_us = cluster_.world.wall_us() + static_cast<std::int64_t>(bits % 8'000'000);
  }
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
    const auto late_ms = static_cast<std::int64_t>((bits + pod) * 7'919 % 5'000);
    set_files(pod, offer, bits % 4 == 3 ? 0 : late_ms * ms_ns);
  }
}

void RulesPlayer::push_by_hand(std::size_t pod, std::uint64_t number) {
  model::RulesChange change = change_of(Kind::turn);
  change.turn.from_us = model::time_us_min;
  ask(pod, std::move(change), files_of(number));
}

// A late mount: the files of one pod are an edit of before, and then the newest again. They are
// also pushed by hand, which is refused where they have a lower revision.
void RulesPlayer::age(const Fault& fault) {
  const std::uint64_t bits = fault.target >> 20;
  const Edit older = edits_[bits % edits_.size()];
  const std::size_t pod = fault.target % cluster_.pod_count();
  set_files(pod, offer_of(older.number, older.revision), 0);
  cluster_.world.at(cluster_.world.now_ns() + fault.for_ns, [this, pod] {
    cluster_.set_files(pod, offer_of(edits_.back().number, edits_.back().revision));
  });
  const auto other = pod_near(fault.target + 1);
  if (!other || older.revision == 0 || older.revision == revision_) return;
  model::RulesChange change = change_of(Kind::turn);
  change.turn.by = by_a_push;
  change.turn.revision = older.revision;
  change.turn.from_us = model::time_us_min;
  ask(*other, std::move(change), files_of(older.number));
}

void RulesPlayer::roll_back(const Fault& fault) {
  const std::uint64_t bits = fault.target >> 20;
  const auto pod = pod_near(fault.target);
  if (!pod) return;
  model::RulesChange change = change_of(Kind::rollback);
  const Edit& to = edits_[bits / 2 % edits_.size()];
  if (bits % 2 == 1) change.version = offer_of(to.number, 0).set->version;
  const model::RulesFiles no_files;
  ask(*pod, std::move(change), no_files);
}

void RulesPlayer::stop(const Fault& fault) {
  const auto pod = pod_near(fault.target);
  if (!pod) return;
  model::RulesChange change = change_of(Kind::stop);
  change.event = (fault.target >> 20) % 4 == 0 ? main_event : side_event;
  const model::RulesFiles no_files;
  ask(*pod, std::move(change), no_files);
  cluster_.world.at(cluster_.world.now_ns() + fault.for_ns, [this] { start_all(); });
}

void RulesPlayer::start_all() {
  const auto pod = pod_near(cluster_.world.steps());
  if (!pod) return;
  for (const auto& stopped : cluster_.book(*pod)->timeline().stopped) {
    model::RulesChange change = change_of(Kind::start);
    change.event = stopped.event;
    const model::RulesFiles no_files;
    ask(*pod, std::move(change), no_files);
  }
}

// At the same moment: two pushes by hand, or half of the pods get other files of the same revision.
void RulesPlayer::rival(const Fault& fault) {
  const std::uint64_t one = new_number(fault.target);
  const std::uint64_t other = new_number(fault.target ^ (std::uint64_t{1} << 40));
  if ((fault.target >> 20) % 2 == 0) {
    if (const auto pod = pod_near(fault.target)) push_by_hand(*pod, one);
    if (const auto pod = pod_near(fault.target + 1)) push_by_hand(*pod, other);
    return;
  }
  if (locked_) ++revision_;
  edits_.push_back({other, revision_});
  edits_.push_back({one, revision_});
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
    set_files(pod, offer_of(pod % 2 == 0 ? one : other, revision_), 0);
  }
}

}  // namespace hunt::simulation
