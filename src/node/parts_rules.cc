// The rules: what the files say, what the stores say is in force, and who hears of it.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "node/http_front.h"
#include "node/parts.h"
#include "rules/diff.h"

namespace hunt::node {

namespace {

// ": what changes for players", where it can be said in a moment.
std::string change_text(const model::RuleSet& before, const model::RuleSet& after) {
  constexpr std::size_t entries_max = 20'000;  // guess: more take too long for a line of a log
  if (before.entries.size() + after.entries.size() > entries_max) return "";
  const auto diff = rules::diff_rules(before, after);
  return diff ? ": " + rules::summary_of(*diff) : "";
}

Result<model::RuleSetPtr> compile(const model::RulesFiles& files) {
  auto loaded = rules::compile_rules(files, system::SystemClock().wall_us());
  if (loaded) return std::make_shared<const model::RuleSet>(std::move(loaded->set));
  std::string lines;
  for (const auto& diagnostic : loaded.error()) {
    lines += (lines.empty() ? "" : "; ") + rules::format(diagnostic);
  }
  return fail(Errc::invalid_argument, fmt::format("the rules are not valid: {}", lines), "files");
}

boost::asio::awaitable<Result<model::RuleSetPtr>> compile_apart(boost::asio::thread_pool& apart,
                                                                model::RulesFiles files) {
  auto made = [files = std::move(files)]() -> boost::asio::awaitable<Result<model::RuleSetPtr>> {
    co_return compile(files);
  };
  co_return co_await boost::asio::co_spawn(apart, std::move(made), boost::asio::use_awaitable);
}

}  // namespace

Result<void> Node::Parts::open_rules() {
  RulesWatch::Options watch;
  watch.path = options.rules_path;
  watch.may_be_wrong = true;
  watch.on_change = [this](service::RulesOffer offer) {
    boost::asio::post(front->executor(), [this, offer = std::move(offer)]() mutable {
      book->offer(std::move(offer));
    });
  };
  watch.log = [](LogLevel level, std::string_view line) { log(level, "rules", std::string(line)); };
  watch.on_judged = [this] { boost::asio::post(front->executor(), [this] { show_rules(); }); };
  HUNT_TRY(opened, RulesWatch::open(std::move(watch)));
  rules = std::move(opened);
  return {};
}

// After the book has begun. Wrong files count for nothing where the stores have rules.
Result<void> Node::Parts::check_rules() const {
  const std::string& wrong = rules->wrong_at_first();
  if (wrong.empty()) return {};
  if (book->timeline().turns.empty()) return fail(Errc::invalid_argument, wrong);
  // It would answer by other rules, and say "nothing" of loot that it knows nothing of.
  if (const std::string why = book->cannot(); !why.empty()) {
    return fail(Errc::invalid_argument, fmt::format("{}; nor can those that are in force be had "
                                                    "here: {}",
                                                    wrong, why));
  }
  log(LogLevel::warning, "rules",
      fmt::format("rules: {} is not valid; what the stores have is in force: {}",
                  options.rules_path, rules->state().refused));
  return {};
}

// Requires: the stores and the front.
void Node::Parts::open_book() {
  service::RulesBookOptions how;
  how.machine = machine_name();
  how.alone = !options.bus;
  service::RulesBookEvents events;
  events.compile = [this](model::RulesFiles files) {
    return compile_apart(compiling, std::move(files));
  };
  events.on_rules = [this](const model::RulesInForcePtr& in_force) { adopt_rules(in_force); };
  events.on_current = [this](const model::RuleSetPtr& before, const model::RuleSetPtr& now) {
    show_current(before, now);
  };
  events.on_state = [this] { show_rules(); };
  events.log = [](LogLevel level, std::string line) { log(level, "rules", std::move(line)); };
  book = std::make_unique<service::RulesBook>(std::move(how), stores->stores<ports::RulesStore>(),
                                              std::move(events), clock, front->timer(),
                                              front->executor());
}

// Thread: the front.
void Node::Parts::adopt_rules(const model::RulesInForcePtr& in_force) {
  if (!running) return;  // they begin with it
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    boost::asio::post(lanes[i]->executor(),
                      [this, i, in_force] { orchestrators[i]->set_rules(in_force); });
  }
}

// The lanes look at the time themselves; what changes for players is for the log alone.
void Node::Parts::show_current(const model::RuleSetPtr& before, const model::RuleSetPtr& now) {
  observer->set_rules(*now);
  store_watch->count_soon();
  if (before == nullptr || before->version == now->version) return;
  log(LogLevel::info, "rules",
      fmt::format("rules: version {} replaces {}{}", now->version, before->version,
                  change_text(*before, *now)));
}

void Node::Parts::show_rules() {
  model::RulesState state = book->state();
  const model::RulesState files = rules->state();
  state.zone_data = files.zone_data;
  state.rejected = files.rejected;
  if (files.differs()) {
    state.refused = files.refused;
    state.differ_since_us = files.differ_since_us;
  }
  observer->set_rules_state(std::move(state));
  observer->set_without_rules(book->cannot());
}

}  // namespace hunt::node
