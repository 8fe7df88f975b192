#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "codec/recording_writer.h"
#include "engine/claim_id.h"
#include "engine/roll.h"
#include "rules/load.h"
#include "rush/replay_files.h"
#include "rush/replay_here.h"
#include "rush/replay_report.h"

namespace hunt::rush {
namespace {

constexpr codec::Pseudonyms::Key key{1, 2, 3};
constexpr std::int64_t begin_ms = 1'700'000'000'000;

model::PlayerId player(std::uint64_t number) {
  return {0xabcdef, number};
}

// The built-in event with other weights for what its table holds.
model::RuleSet rules_with(std::uint64_t first_weight) {
  model::RuleSet rules = rules::builtin_rules();
  auto& table = rules.tables.front();
  EXPECT_TRUE(table.is_short());
  auto& entry = rules.entries[table.first_entry];
  table.total_weight += first_weight - entry.weight;
  entry.weight = first_weight;
  rules.version = "00000000000000" + std::to_string(10 + first_weight % 80);
  return rules;
}

// A hunt on paper: what its recorder would have heard. `budget` players may take each spawn.
class Traffic {
 public:
  explicit Traffic(std::string name)
      : path_(std::filesystem::temp_directory_path() /
              ("hunt_replay_" + std::to_string(getpid()) + name)) {
    std::filesystem::remove(path_);
    auto made = codec::RecordingWriter::create(path_, codec::Pseudonyms(key));
    EXPECT_TRUE(made.has_value());
    writer_.emplace(std::move(*made));
  }
  ~Traffic() { std::filesystem::remove(path_); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  void bury(model::Tile tile, model::SpawnId spawn, std::uint32_t budget,
            model::Version version = 1) {
    model::TileRow row;
    row.tile = model::tile_id_of(tile);
    row.version = version;
    row.spawn = spawn;
    row.table = rules_.tables.front().name;
    row.budget = budget;
    writer_->block().add_loot(t_ms_, 1, row);
  }
  void step(std::uint64_t who, model::Tile tile) {
    model::Batch batch;
    batch.positions.push_back({player(who), tile});
    writer_->block().add_batch(++t_ms_, 1, codec::Way::asked, batch);
  }
  // What the ledger said, `later_ms` after now by its clock.
  void told(std::uint64_t who, model::Tile tile, model::SpawnId spawn, model::Outcome outcome,
            std::int64_t later_ms = 0) {
    model::ClaimEvent event;
    event.outcome = outcome;
    event.world = 1;
    event.tile = tile;
    event.player = player(who);
    event.claim = ids_.of(1, model::tile_id_of(tile), spawn, event.player);
    event.at_us = (t_ms_ + later_ms) * 1'000;
    if (outcome == model::Outcome::granted) {
      event.cursor = ++cursor_;
      event.rules = rules_.version;
      event.reward = roller_.reward(rules_, 0, event.claim, event.at_us);
    }
    writer_->block().add_claim(t_ms_, event);
  }
  ReplayRun replay(model::RuleSet rules, std::uint8_t seed = 9) {
    EXPECT_TRUE(writer_->flush().has_value());
    ReplayHereOptions options;
    options.key = key;
    options.rules = std::move(rules);
    options.event_seed.assign(32, seed);
    auto run = replay_here(path_, options);
    EXPECT_TRUE(run.has_value()) << run.error().message;
    return run ? std::move(*run) : ReplayRun();
  }
  [[nodiscard]] const model::RuleSet& rules() const { return rules_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
  const model::RuleSet rules_ = rules_with(7);
  engine::Roller roller_{std::vector<std::uint8_t>(32, 9)};
  engine::ClaimIds ids_;
  std::optional<codec::RecordingWriter> writer_;
  std::int64_t t_ms_ = begin_ms;
  std::uint64_t cursor_ = 0;
};

// 40 players on 40 spawns.
void play_alone(Traffic& traffic) {
  for (std::int32_t i = 0; i < 40; ++i) traffic.bury({i * 7, -i}, 100 + i, 2);
  for (std::int32_t i = 0; i < 40; ++i) {
    traffic.step(i, {i * 7, -i});
    traffic.told(i, {i * 7, -i}, 100 + i, model::Outcome::granted, 3);
  }
}

TEST(ReplayHere, gives_every_claim_its_reward_again_by_the_same_rules) {
  Traffic traffic("same");
  play_alone(traffic);
  const ReplayRun run = traffic.replay(traffic.rules());
  EXPECT_EQ(run.positions, 40U);
  EXPECT_EQ(run.compared.claims_then, 40U);
  EXPECT_EQ(run.compared.same, 40U);
  EXPECT_EQ(run.compared.differ, 0U);
  EXPECT_TRUE(run.compared.items.empty());
}

TEST(ReplayHere, names_the_items_that_one_changed_weight_changes) {
  Traffic traffic("weight");
  play_alone(traffic);
  const ReplayRun run = traffic.replay(rules_with(70'000));
  EXPECT_EQ(run.compared.claims_now, 40U);
  EXPECT_GT(run.compared.differ, 10U);
  ASSERT_FALSE(run.compared.changes.empty());
  EXPECT_EQ(run.compared.changes.front().why, Why::rules);
  const model::RuleSet& rules = traffic.rules();
  const auto& heavier = rules.items[rules.entries[rules.tables.front().first_entry].index];
  std::int64_t sum = 0;
  bool named = false;
  for (const auto& item : run.compared.items) {
    sum += static_cast<std::int64_t>(item.now) - static_cast<std::int64_t>(item.then);
    if (item.item != heavier) continue;
    named = true;
    EXPECT_GT(item.now, item.then);
  }
  EXPECT_TRUE(named);
  EXPECT_EQ(sum, 0);
}

TEST(ReplayHere, says_when_the_event_seed_is_another) {
  Traffic traffic("seed");
  play_alone(traffic);
  const ReplayRun run = traffic.replay(traffic.rules(), 10);
  ASSERT_FALSE(run.compared.changes.empty());
  for (const auto& change : run.compared.changes) EXPECT_EQ(change.why, Why::seed);
}

// The first to come is told last: by the ledger he was the second, and it was sold out.
TEST(ReplayHere, decides_in_the_order_of_the_ledger) {
  Traffic traffic("order");
  traffic.bury({5, 5}, 7, 1);
  traffic.step(1, {5, 5});
  traffic.step(2, {5, 5});
  traffic.told(1, {5, 5}, 7, model::Outcome::sold_out, 1);
  traffic.told(2, {5, 5}, 7, model::Outcome::granted, 2);
  const ReplayRun run = traffic.replay(traffic.rules());
  EXPECT_EQ(run.compared.same, 2U);
  EXPECT_EQ(run.compared.differ, 0U);
}

TEST(ReplayHere, takes_a_spawn_that_sold_out_for_as_large_as_it_was_when_recording_began) {
  Traffic traffic("late");
  traffic.bury({5, 5}, 7, 50);
  traffic.step(1, {5, 5});
  traffic.told(1, {5, 5}, 7, model::Outcome::granted);
  traffic.step(2, {5, 5});
  traffic.told(2, {5, 5}, 7, model::Outcome::sold_out);
  const ReplayRun run = traffic.replay(traffic.rules());
  EXPECT_EQ(run.compared.same, 2U);
}

TEST(ReplayHere, follows_loot_that_is_buried_again) {
  Traffic traffic("again");
  traffic.bury({5, 5}, 7, 1);
  traffic.step(1, {5, 5});
  traffic.told(1, {5, 5}, 7, model::Outcome::granted);
  traffic.bury({5, 5}, 8, 1, 2);
  traffic.step(1, {5, 5});
  traffic.told(1, {5, 5}, 8, model::Outcome::granted);
  traffic.bury({5, 5}, 7, 1, 1);  // an older copy, told late
  traffic.step(2, {5, 5});
  traffic.told(2, {5, 5}, 8, model::Outcome::sold_out);
  const ReplayRun run = traffic.replay(traffic.rules());
  EXPECT_EQ(run.compared.same, 3U);
  EXPECT_EQ(run.compared.differ, 0U);
}

TEST(ReplayHere, tells_why_a_claim_is_gone_and_takes_none_for_new_that_was_not_heard) {
  Traffic traffic("why");
  traffic.bury({1, 1}, 1, 5);
  traffic.bury({2, 2}, 2, 5);
  traffic.step(1, {1, 1});
  traffic.told(1, {1, 1}, 1, model::Outcome::granted);
  traffic.told(2, {1, 1}, 1, model::Outcome::granted);   // whose position is not recorded
  traffic.told(3, {9, 9}, 33, model::Outcome::granted);  // where no loot is told
  traffic.step(4, {2, 2});                               // whose outcome is not recorded
  const ReplayRun run = traffic.replay(traffic.rules());
  EXPECT_EQ(run.compared.same, 1U);
  EXPECT_EQ(run.compared.differ, 2U);
  std::vector<Why> whys;
  for (const auto& change : run.compared.changes) {
    whys.push_back(change.why);
    ASSERT_EQ(change.examples.size(), 1U);
  }
  std::sort(whys.begin(), whys.end());
  EXPECT_EQ(whys, (std::vector<Why>{Why::loot, Why::recording}));
}

// Then a dig was wanted; by the rules now a step is enough, and the first to come has it.
TEST(ReplayHere, lets_those_find_it_whom_other_rules_let) {
  Traffic traffic("step");
  traffic.bury({1, 1}, 1, 1);
  traffic.step(1, {1, 1});
  traffic.step(2, {1, 1});
  traffic.told(2, {1, 1}, 1, model::Outcome::granted);
  const ReplayRun run = traffic.replay(rules_with(8));
  EXPECT_EQ(run.compared.grants_now, 1U);
  ASSERT_EQ(run.compared.changes.size(), 2U);
  for (const auto& change : run.compared.changes) {
    EXPECT_EQ(change.why, Why::rules);
    if (change.then.empty()) {
      EXPECT_EQ(change.examples[0].player, player(1));
    } else {
      EXPECT_EQ(change.now, "sold_out");
    }
  }
}

TEST(ReplayHere, says_what_a_recording_without_loot_is_good_for) {
  Traffic traffic("bare");
  traffic.step(1, {1, 1});
  ReplayHereOptions options;
  options.key = key;
  options.rules = traffic.rules();
  options.event_seed.assign(32, 9);
  const auto run = replay_here(traffic.path(), options);
  ASSERT_FALSE(run.has_value());
  EXPECT_NE(run.error().message.find("tells no loot"), std::string::npos);
}

TEST(ReplayReport, tells_changes_as_text_and_json) {
  Traffic traffic("report");
  play_alone(traffic);
  const ReplayRun run = traffic.replay(rules_with(70'000));
  std::string text;
  for (const auto& line : replay_text(run)) text += line + "\n";
  EXPECT_NE(text.find("played 40 positions in 40 batches"), std::string::npos) << text;
  EXPECT_NE(text.find("rules: by other rules"), std::string::npos) << text;
  EXPECT_NE(text.find("recorded"), std::string::npos);
  const std::string json = replay_json(run, "monday.rec", "inproc:");
  EXPECT_NE(json.find(R"("claims":{"recorded":40,"replayed":40,"same":)"), std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("why":"rules")"), std::string::npos);
  const std::string page = replay_html(run, "a<b.rec", "inproc:");
  EXPECT_NE(page.find("a&lt;b.rec against inproc:"), std::string::npos);
  EXPECT_NE(page.find("<h2>Items</h2>"), std::string::npos);
}

TEST(ReplayFiles, come_back_as_they_were_but_for_their_players) {
  const std::string text =
      "t_ms,player,world,x,y,kind\n5,ann,1,3,-4,step\n5,bob,1,8,8,dig\n5,ann,2,3,-4,step\n"
      "9,ann,2,3,-3,step\n";
  const std::string path = std::filesystem::temp_directory_path() /
                           ("hunt_replay_" + std::to_string(getpid()) + "files");
  std::filesystem::remove(path);
  {
    auto trace = codec::TraceReader::of_lines(codec::LineReader::from_text("t", text), {});
    auto writer = codec::RecordingWriter::create(path, codec::Pseudonyms(key));
    ASSERT_TRUE(writer.has_value());
    const auto done = import_trace(trace, *writer);
    ASSERT_TRUE(done.has_value()) << done.error().message;
    EXPECT_EQ(done->positions, 4U);
  }
  auto trace = codec::TraceReader::open_file(path, {});
  ASSERT_TRUE(trace.has_value());
  auto out = codec::OutputFile::open(path + ".csv");
  ASSERT_TRUE(out.has_value());
  ASSERT_TRUE(export_trace(*trace, false, *out).has_value());
  std::ifstream in(path + ".csv");
  std::string back((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  for (const auto& [id, name] : {std::pair(0, "ann"), std::pair(1, "bob")}) {
    const std::string hidden = trace->players()[static_cast<std::size_t>(id)];
    for (auto at = back.find(hidden); at != std::string::npos; at = back.find(hidden)) {
      back.replace(at, hidden.size(), name);
    }
  }
  EXPECT_EQ(back, text);
  std::filesystem::remove(path);
  std::filesystem::remove(path + ".csv");
}

TEST(ReplayFiles, refuse_worlds_without_an_id) {
  const std::string path = std::filesystem::temp_directory_path() /
                           ("hunt_replay_" + std::to_string(getpid()) + "world");
  std::filesystem::remove(path);
  auto trace = codec::TraceReader::of_lines(
      codec::LineReader::from_text("t", "t_ms,player,world,x,y\n1,a,nether,1,1\n"), {});
  auto writer = codec::RecordingWriter::create(path, codec::Pseudonyms(key));
  ASSERT_TRUE(writer.has_value());
  const auto done = import_trace(trace, *writer);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().field, "world");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace hunt::rush
