// The timeline of rules over several shards and processes: who proposes, who follows, what a shard
// that is away does.
#include "service/rules_book.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "service/loop_test_support.h"
#include "sim/sim_store.h"

namespace hunt::service {
namespace {

using Kind = model::RulesChange::Kind;

constexpr std::int64_t second_ns = 1'000'000'000;

class AwayStore final : public sim::SimStore {
 public:
  AwayStore(const ports::Clock& clock, ports::Timer& timer, std::uint32_t shard = 0)
      : SimStore(clock, timer, shard), clock_of_it_(clock), timer_of_it_(timer) {}
  boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() override {
    if (away) co_return fail(Errc::unavailable, "it is away");
    co_return co_await SimStore::rules_timeline();
  }
  boost::asio::awaitable<Result<model::RulesFiles>> rules_files(std::string version) override {
    if (away) co_return fail(Errc::unavailable, "it is away");
    co_return co_await SimStore::rules_files(std::move(version));
  }
  boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets) override {
    if (away) co_return fail(Errc::unavailable, "it is away");
    sets_sent += sets.size();
    if (hangs_ns > 0) co_await timer_of_it_.sleep_until(clock_of_it_.now_ns() + hangs_ns);
    co_return co_await SimStore::set_rules_timeline(std::move(timeline), std::move(sets));
  }
  bool away = false;
  std::int64_t hangs_ns = 0;  // before it takes a timeline
  std::size_t sets_sent = 0;

 private:
  const ports::Clock& clock_of_it_;
  ports::Timer& timer_of_it_;
};

// A set whose version is its only file, of the event "gala".
Result<model::RuleSetPtr> compile(const model::RulesFiles& files) {
  if (files.empty() || files[0].text == "bad") return fail(Errc::invalid_argument, "a bad file");
  auto set = std::make_shared<model::RuleSet>();
  set->version = files[0].text;
  set->events.emplace_back();
  set->events[0].name = files[0].text.ends_with("ball") ? "ball" : "gala";
  return std::shared_ptr<const model::RuleSet>(std::move(set));
}

// The same of a release by which the same files come to another version.
Result<model::RuleSetPtr> compile_otherwise(const model::RulesFiles& files) {
  auto made = compile(files);
  if (!made) return made;
  auto set = std::make_shared<model::RuleSet>(**made);
  set->version += "'";
  return std::shared_ptr<const model::RuleSet>(std::move(set));
}

RulesOffer offer_of(std::string version, std::uint64_t revision = 0) {
  RulesOffer offer;
  offer.files = {{"gala.yaml", std::move(version)}};
  offer.set = compile(offer.files).value();
  offer.revision = revision;
  return offer;
}

using Awaited = boost::asio::awaitable<Result<model::RuleSetPtr>>;

class RulesBookTest : public testing::Test {
 protected:
  ~RulesBookTest() override {
    for (const auto& book : books_) run(book->join());
  }
  void run(boost::asio::awaitable<void> task) { lane_.run(std::move(task), second_ns / 100); }
  void pass(std::int64_t ns) { lane_.pass(ns); }
  RulesBook& process(RulesOffer offer, bool alone = false, decltype(compile)* how = compile) {
    RulesBookOptions options;
    options.machine = "test";
    options.alone = alone;
    RulesBookEvents events;
    events.compile = [how](model::RulesFiles files) -> Awaited { co_return how(files); };
    events.on_rules = [](const auto&) {};
    events.on_current = [this](const auto&, const auto&) { ++swaps_; };
    events.on_state = [] {};
    events.log = [this](LogLevel, const std::string& line) { log_ += line + "\n"; };
    books_.push_back(std::make_unique<RulesBook>(options, stores_, std::move(events), time_, time_,
                                                 lane_.loop.get_executor()));
    run(books_.back()->begin(std::move(offer)));
    books_.back()->start();
    return *books_.back();
  }
  Result<ports::RulesChanged> change(RulesBook& book, Kind kind, std::string word = {},
                                     model::RulesFiles files = {}) {
    model::RulesChange what;
    what.kind = kind;
    what.event = word;
    if (kind == Kind::rollback && !word.empty()) what.version = word;
    what.turn.by = "admin";
    return change(book, std::move(what), std::move(files));
  }
  Result<ports::RulesChanged> change(RulesBook& book, model::RulesChange change,
                                     model::RulesFiles files) {
    Result<ports::RulesChanged> out = fail(Errc::internal, "");
    run([](RulesBook& to, model::RulesChange what, model::RulesFiles with,
           Result<ports::RulesChanged>& answer) -> boost::asio::awaitable<void> {
      answer = co_await to.change(std::move(what), std::move(with));
    }(book, std::move(change), std::move(files), out));
    return out;
  }
  std::uint64_t seq_of(sim::SimStore& store) { return store.disk().rules_.seq; }

  VirtualLoop lane_;
  sim::VirtualTime& time_ = lane_.time;
  AwayStore first_{time_, time_};
  AwayStore second_{time_, time_, 1};
  AwayStore third_{time_, time_, 2};
  std::vector<ports::RulesStore*> stores_{&first_, &second_};
  std::vector<std::unique_ptr<RulesBook>> books_;
  std::string log_;
  int swaps_ = 0;
};

TEST_F(RulesBookTest, the_first_process_puts_its_files_in_force_in_every_shard_at_once) {
  auto& book = process(offer_of("a"));
  EXPECT_EQ(book.current()->version, "a");
  EXPECT_EQ(book.in_force()->seq, 1U);
  EXPECT_EQ(first_.disk().rules_, second_.disk().rules_);
  EXPECT_EQ(seq_of(second_), 1U);
}

TEST_F(RulesBookTest, an_edit_is_in_force_everywhere_at_the_same_moment_after_the_lead) {
  auto& one = process(offer_of("a"));
  auto& other = process(offer_of("a"));
  one.offer(offer_of("b"));
  pass(2 * second_ns);
  ASSERT_EQ(one.in_force()->seq, 2U);
  ASSERT_EQ(other.in_force()->seq, 2U) << "known before it is in force";
  EXPECT_EQ(other.state().next_version, "b");
  const std::int64_t from_us = one.timeline().turns.back().from_us;
  for (RulesBook* book : {&one, &other}) {
    EXPECT_EQ(book->in_force()->at(from_us - 1)->version, "a");
    EXPECT_EQ(book->in_force()->at(from_us)->version, "b");
    EXPECT_EQ(book->current()->version, "a");
  }
  pass(2 * second_ns);
  EXPECT_EQ(other.current()->version, "b");
  EXPECT_EQ(other.state().refused,
            "the files are version a, which was in force before, and b "
            "replaced it at " +
                format_time_us(from_us) + "; nothing changed. To go back: hunt rules rollback a");
}

TEST_F(RulesBookTest, a_late_pod_neither_goes_back_nor_forgets_what_is_announced) {
  auto& one = process(offer_of("a"));
  one.offer(offer_of("b"));
  pass(2 * second_ns);
  auto& late = process(offer_of("a"));
  EXPECT_EQ(late.current()->version, "a") << "the old set, from the store";
  pass(5 * second_ns);
  EXPECT_EQ(late.current()->version, "b");
  EXPECT_EQ(late.timeline().seq, 2U);
  late.offer(offer_of("b"));
  pass(2 * second_ns);
  EXPECT_EQ(late.state().refused, "") << "its files have come, too";
}

TEST_F(RulesBookTest, a_lower_revision_never_replaces_a_higher_one) {
  auto& one = process(offer_of("a", 7));
  auto& other = process(offer_of("b", 6));
  pass(5 * second_ns);
  EXPECT_EQ(other.current()->version, "a");
  EXPECT_EQ(seq_of(first_), 1U);
  EXPECT_NE(other.state().refused.find("the files are revision 6, and revision 7 was taken"),
            std::string::npos)
      << other.state().refused;
  other.offer(offer_of("b", 8));
  pass(5 * second_ns);
  EXPECT_EQ(one.current()->version, "b");
  EXPECT_EQ(one.state().revision, 8U);
}

TEST_F(RulesBookTest, of_two_that_propose_at_once_the_older_revision_does_not_win) {
  auto& one = process(offer_of("a", 6));
  auto& other = process(offer_of("a", 6));
  for (std::uint64_t revision = 7; revision < 27; revision += 2) {
    one.offer(offer_of(fmt::format("b{}", revision + 1), revision + 1));
    other.offer(offer_of(fmt::format("b{}", revision), revision));
    pass(5 * second_ns);
    ASSERT_EQ(one.state().revision, revision + 1);
    ASSERT_EQ(other.state().revision, revision + 1);
  }
}

TEST_F(RulesBookTest, a_pushed_revision_is_held_to_what_others_have_decided_meanwhile) {
  auto& one = process(offer_of("a", 6));
  auto& other = process(offer_of("a", 6));
  one.offer(offer_of("b", 8));
  pass(second_ns / 10);  // the other has not looked yet
  model::RulesChange push;
  push.kind = Kind::turn;
  push.turn.revision = 7;
  const auto done = change(other, push, {{"x.yaml", "c"}});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().field, "revision");
}

TEST_F(RulesBookTest, a_rollback_stays_though_the_files_are_there_still) {
  auto& book = process(offer_of("a"));
  book.offer(offer_of("b"));
  pass(5 * second_ns);
  ASSERT_TRUE(change(book, Kind::rollback).has_value());
  pass(10 * second_ns);
  EXPECT_EQ(book.current()->version, "a");
  EXPECT_NE(book.state().refused.find("version b, which was in force before"), std::string::npos);
  EXPECT_EQ(change(book, Kind::rollback, "zz").error().code, Errc::not_found);
}

TEST_F(RulesBookTest, alone_an_edit_is_in_force_at_once_also_back_and_a_rollback_stays) {
  auto& book = process(offer_of("a"), true);
  for (const char* version : {"b", "a", "b", "a"}) {
    book.offer(offer_of(version));
    pass(second_ns);
    ASSERT_EQ(book.current()->version, version);
  }
  ASSERT_TRUE(change(book, Kind::rollback).has_value());
  pass(5 * second_ns);
  EXPECT_EQ(book.current()->version, "b");
  EXPECT_EQ(process(offer_of("a"), true).current()->version, "b")
      << "the same files, after a start";
  EXPECT_EQ(process(offer_of("c"), true).current()->version, "c") << "others";
}

TEST_F(RulesBookTest, a_stop_is_in_every_shard_on_return_and_known_within_two_seconds) {
  auto& one = process(offer_of("a"));
  auto& other = process(offer_of("a"));
  const auto done = change(one, Kind::stop, "gala");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_TRUE(done->missing.empty());
  EXPECT_NE(first_.disk().rules_.stop_of("gala"), nullptr);
  EXPECT_NE(second_.disk().rules_.stop_of("gala"), nullptr);
  EXPECT_TRUE(one.current()->events[0].stopped);
  pass(2 * second_ns);
  EXPECT_TRUE(other.current()->events[0].stopped);
  EXPECT_EQ(other.current()->version, "a") << "it is no other version";
  EXPECT_EQ(other.state().stopped, std::vector<std::string>{"gala"});
  EXPECT_EQ(change(one, Kind::stop, "ball").error().code, Errc::not_found);
  EXPECT_EQ(change(one, Kind::start, "ball").error().code, Errc::not_found);
  ASSERT_TRUE(change(other, Kind::start, "gala").has_value());
  pass(2 * second_ns);
  EXPECT_FALSE(one.current()->events[0].stopped);
}

TEST_F(RulesBookTest, a_shard_that_is_away_holds_up_nobody_and_gets_it_later) {
  auto& book = process(offer_of("a"));
  second_.away = true;
  const auto done = change(book, Kind::stop, "gala");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done->missing, std::vector<model::ShardId>{1});
  EXPECT_TRUE(book.current()->events[0].stopped);
  EXPECT_EQ(seq_of(second_), 1U);
  EXPECT_NE(log_.find("do not have change 2 yet: 1."), std::string::npos) << log_;
  pass(2 * second_ns);
  EXPECT_EQ(book.missing(), std::vector<model::ShardId>{1}) << "as long as it lacks it";
  second_.away = false;
  pass(2 * second_ns);
  EXPECT_EQ(seq_of(second_), 2U);
  EXPECT_TRUE(book.missing().empty());
}

TEST_F(RulesBookTest, a_shard_that_hangs_does_not_keep_a_stop_from_the_others) {
  stores_.push_back(&third_);
  auto& book = process(offer_of("a"));
  second_.hangs_ns = 5 * second_ns;
  third_.hangs_ns = 5 * second_ns;
  const std::int64_t begun_ns = time_.now_ns();
  ASSERT_TRUE(change(book, Kind::stop, "gala").has_value());
  EXPECT_LT(time_.now_ns() - begun_ns, 6 * second_ns);
  EXPECT_EQ(seq_of(third_), 2U);
}

TEST_F(RulesBookTest, a_stop_can_be_repeated_and_says_who_does_not_have_it) {
  auto& book = process(offer_of("a"));
  second_.away = true;
  ASSERT_TRUE(change(book, Kind::stop, "gala").has_value());
  const auto again = change(book, Kind::stop, "gala");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->missing, std::vector<model::ShardId>{1});
  second_.away = false;
  const auto at_last = change(book, Kind::stop, "gala");
  ASSERT_TRUE(at_last.has_value()) << at_last.error().message;
  EXPECT_TRUE(at_last->missing.empty());
  EXPECT_EQ(seq_of(second_), 2U);
  EXPECT_EQ(seq_of(first_), 2U) << "nothing changed";
}

TEST_F(RulesBookTest, an_event_can_be_stopped_before_its_rules_are_in_force) {
  auto& book = process(offer_of("a"));
  book.offer(offer_of("b with a ball"));
  pass(2 * second_ns);
  ASSERT_EQ(book.current()->version, "a");
  ASSERT_TRUE(change(book, Kind::stop, "ball").has_value());
  pass(3 * second_ns);
  EXPECT_TRUE(book.current()->events[0].stopped);
}

TEST_F(RulesBookTest, every_turn_of_the_timeline_judges_what_was_accepted_in_it) {
  auto& book = process(offer_of("a"));
  const std::int64_t first_us = time_.wall_us();
  for (const char* version : {"b", "c", "d", "e", "f", "g"}) {
    book.offer(offer_of(version));
    pass(5 * second_ns);
  }
  EXPECT_EQ(book.in_force()->at(first_us)->version, "a");
  EXPECT_EQ(process(offer_of("g")).in_force()->at(first_us)->version, "a") << "also after a start";
}

TEST_F(RulesBookTest, the_same_files_of_another_release_take_nothing_over) {
  auto& one = process(offer_of("a"));
  RulesOffer offer = offer_of("a");
  offer.set = compile_otherwise(offer.files).value();
  auto& other = process(offer, false, compile_otherwise);
  pass(5 * second_ns);
  EXPECT_EQ(seq_of(first_), 1U);
  EXPECT_EQ(one.cannot(), "");
  EXPECT_NE(other.cannot().find("come to version a'"), std::string::npos) << other.cannot();
  EXPECT_FALSE(other.in_force()->turn_at(time_.wall_us()).made);
  EXPECT_NE(other.state().refused.find("the files are those in force"), std::string::npos)
      << other.state().refused;
  offer.revision = 1;  // somebody's will
  other.offer(offer);
  pass(5 * second_ns);
  EXPECT_EQ(other.current()->version, "a'");
  EXPECT_EQ(other.cannot(), "");
  EXPECT_NE(one.cannot(), "");
}

TEST_F(RulesBookTest, without_shard_0_nothing_is_changed_and_nothing_ends) {
  auto& book = process(offer_of("a"));
  first_.away = true;
  const auto done = change(book, Kind::stop, "gala");
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(done.error().message.find("shard 0"), std::string::npos);
  book.offer(offer_of("b"));
  pass(5 * second_ns);
  EXPECT_EQ(book.current()->version, "a");
  EXPECT_EQ(seq_of(second_), 1U);
  first_.away = false;
  pass(5 * second_ns);
  EXPECT_EQ(book.current()->version, "b");
}

TEST_F(RulesBookTest, an_older_copy_of_a_shard_gets_the_newest_again) {
  auto& book = process(offer_of("a"));
  const sim::SimDisk backup = first_.disk();
  book.offer(offer_of("b"));
  pass(5 * second_ns);
  first_.restore(backup);
  pass(2 * second_ns);
  EXPECT_EQ(seq_of(first_), 2U);
  EXPECT_EQ(book.current()->version, "b");
}

TEST_F(RulesBookTest, a_change_that_all_shards_lost_comes_back_from_memory) {
  auto& book = process(offer_of("a"));
  const sim::SimDisk backups[] = {first_.disk(), second_.disk()};
  book.offer(offer_of("b"));
  pass(5 * second_ns);
  first_.restore(backups[0]);
  second_.restore(backups[1]);
  ASSERT_TRUE(change(book, Kind::stop, "gala").has_value()) << "at once, before anybody looked";
  EXPECT_EQ(seq_of(first_), 3U);
  EXPECT_EQ(first_.disk().rules_, second_.disk().rules_);
  EXPECT_EQ(book.current()->version, "b");
}

TEST_F(RulesBookTest, of_two_histories_that_of_shard_0_goes_on_with_a_new_number) {
  auto& book = process(offer_of("a"));
  const sim::SimDisk backup = first_.disk();
  ASSERT_TRUE(change(book, Kind::stop, "gala").has_value());
  model::RulesTimeline another = backup.rules_;
  ++another.seq;
  another.stopped.push_back({"ball", 0, "somebody", ""});
  first_.restore(backup);
  std::optional<Result<void>> set;
  boost::asio::co_spawn(lane_.loop, first_.set_rules_timeline(another, {}),
                        [&set](const std::exception_ptr&, Result<void> done) { set = done; });
  while (!set) pass(second_ns / 1'000);
  ASSERT_TRUE(set->has_value());
  pass(3 * second_ns);
  EXPECT_EQ(seq_of(first_), 3U);
  EXPECT_EQ(first_.disk().rules_, second_.disk().rules_);
  EXPECT_EQ(first_.disk().rules_.stopped, another.stopped);
  EXPECT_EQ(book.timeline(), first_.disk().rules_);
  EXPECT_NE(log_.find("different changes with the number 2"), std::string::npos) << log_;
}

TEST_F(RulesBookTest, a_shard_that_was_away_is_sent_only_what_it_lacks) {
  auto& book = process(offer_of("a"));
  book.offer(offer_of("b"));
  pass(5 * second_ns);
  second_.away = true;
  book.offer(offer_of("c"));
  pass(5 * second_ns);
  const std::size_t before = second_.sets_sent;
  second_.away = false;
  pass(2 * second_ns);
  EXPECT_EQ(seq_of(second_), 3U);
  EXPECT_EQ(second_.sets_sent - before, 1U);
}

TEST_F(RulesBookTest, without_files_it_takes_what_the_stores_have) {
  process(offer_of("a"));
  RulesOffer builtin = offer_of("starlight");
  builtin.builtin = true;
  auto& other = process(builtin);
  pass(5 * second_ns);
  EXPECT_EQ(other.current()->version, "a");
  EXPECT_EQ(seq_of(first_), 1U);
  EXPECT_EQ(other.state().refused, "");
}

TEST_F(RulesBookTest, what_is_pushed_is_in_force_until_files_are_new) {
  auto& book = process(offer_of("a"));
  const auto bad = change(book, Kind::turn, {}, {{"x.yaml", "bad"}});
  EXPECT_EQ(bad.error().code, Errc::invalid_argument);
  ASSERT_TRUE(change(book, Kind::turn, {}, {{"x.yaml", "pushed"}}).has_value());
  pass(5 * second_ns);
  EXPECT_EQ(book.current()->version, "pushed");
  EXPECT_NE(book.state().refused.find("version a, which was in force before"), std::string::npos);
  book.offer(offer_of("c"));
  pass(5 * second_ns);
  EXPECT_EQ(book.current()->version, "c");
}

}  // namespace
}  // namespace hunt::service
