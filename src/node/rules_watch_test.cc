// Reloading against real files: what editors and Kubernetes do to them, and what bad files do not.
#include "node/rules_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "model/limits.h"

namespace hunt::node {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

std::string event_text(std::string_view item, int weight = 1) {
  return "event: gala\ntables:\n  box:\n    - {item: " + std::string(item) +
         ", weight: " + std::to_string(weight) + "}\n";
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// At once, so that no poll can see a part of it.
void replace(const fs::path& path, const std::string& text) {
  const fs::path whole = path.string() + ".tmp";
  write(whole, text);
  fs::rename(whole, path);
}

class RulesWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hunt_rules_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    file_ = dir_ / "gala.yaml";
    write(file_, event_text("first"));
  }
  void TearDown() override {
    watch_.reset();
    fs::remove_all(dir_);
  }

  void open(const fs::path& path) {
    RulesWatch::Options options;
    options.path = path.string();
    options.interval = milliseconds(5);
    options.on_change = [this](const service::RulesOffer&) { changes_.fetch_add(1); };
    options.log = [this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(line) + "\n";
    };
    auto opened = RulesWatch::open(std::move(options));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    watch_ = std::move(*opened);
    watch_->start();
  }
  [[nodiscard]] std::string item() const { return watch_->current()->items.at(0); }
  [[nodiscard]] std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  template <class Condition>
  static bool soon(Condition condition) {
    for (int i = 0; i < 2'000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(5));
    return condition();
  }
  static void several_polls() { std::this_thread::sleep_for(milliseconds(100)); }

  fs::path dir_;
  fs::path file_;
  std::atomic<int> changes_{0};
  std::unique_ptr<RulesWatch> watch_;

 private:
  std::mutex mutex_;
  std::string log_;
};

TEST_F(RulesWatchTest, the_builtin_event_is_in_force_without_a_path) {
  auto opened = RulesWatch::open({});
  ASSERT_TRUE(opened.has_value());
  (*opened)->start();
  EXPECT_TRUE((*opened)->current()->find_table("starlight").has_value());
}

TEST_F(RulesWatchTest, wrong_files_at_the_start_have_a_stand_in_until_they_are_right) {
  write(file_, "event: [broken\n");
  RulesWatch::Options options;
  options.path = file_.string();
  options.may_be_wrong = true;
  options.interval = milliseconds(5);
  options.on_change = [this](const service::RulesOffer&) { changes_.fetch_add(1); };
  auto opened = RulesWatch::open(std::move(options));
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  watch_ = std::move(*opened);
  EXPECT_NE(watch_->wrong_at_first().find(file_.string()), std::string::npos);
  EXPECT_TRUE(watch_->offer().stand_in);
  EXPECT_TRUE(watch_->state().differs());
  watch_->start();
  write(file_, event_text("first"));
  ASSERT_TRUE(soon([&] { return changes_ == 1; }));
  EXPECT_FALSE(watch_->offer().stand_in);
  EXPECT_EQ(item(), "first");
  EXPECT_FALSE(watch_->state().differs());
}

TEST_F(RulesWatchTest, opening_bad_rules_fails_with_every_diagnostic) {
  write(file_, "event: gala\nend: x\ntables: {box: []}\n");
  RulesWatch::Options options;
  options.path = file_.string();
  std::vector<std::string> lines;
  options.log = [&lines](LogLevel, std::string_view line) { lines.emplace_back(line); };
  const auto opened = RulesWatch::open(std::move(options));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().message.find('\n'), std::string::npos) << opened.error().message;
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find(file_.string() + ":2:1: unknown key"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find(file_.string() + ":3:15: table"), std::string::npos) << lines[1];
}

TEST_F(RulesWatchTest, an_edit_in_place_and_a_rename_over_are_adopted) {
  open(file_);
  EXPECT_EQ(item(), "first");
  write(file_, event_text("second"));
  EXPECT_TRUE(soon([&] { return item() == "second" && changes_ == 1; })) << log();
  replace(file_, event_text("third"));
  EXPECT_TRUE(soon([&] { return item() == "third" && changes_ == 2; })) << log();
}

TEST_F(RulesWatchTest, a_configmap_link_swap_is_adopted) {
  fs::create_directory(dir_ / "..v1");
  fs::create_directory(dir_ / "..v2");
  write(dir_ / "..v1" / "gala.yaml", event_text("first"));
  write(dir_ / "..v2" / "gala.yaml", event_text("second"));
  fs::remove(file_);
  fs::create_symlink("..v1", dir_ / "..data");
  fs::create_symlink("..data/gala.yaml", file_);
  open(dir_);
  EXPECT_EQ(item(), "first");
  fs::create_symlink("..v2", dir_ / "..data_tmp");
  fs::rename(dir_ / "..data_tmp", dir_ / "..data");
  EXPECT_TRUE(soon([&] { return item() == "second"; })) << log();
}

TEST_F(RulesWatchTest, a_bad_file_keeps_the_old_rules_and_is_told_once) {
  open(file_);
  replace(file_, "event: gala\ntables: {box: [{item: second, weight: 0}]}\n");
  ASSERT_TRUE(soon([&] { return watch_->state().rejected == 1; }));
  several_polls();
  EXPECT_EQ(item(), "first");
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(watch_->state().rejected, 1U);
  EXPECT_TRUE(watch_->state().differs());
  EXPECT_EQ(watch_->state().version, watch_->current()->version);
  EXPECT_NE(watch_->state().refused.find(file_.string() + ":2:"), std::string::npos);
  const std::string text = log();
  const auto at = text.find(file_.string() + ":2:");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_EQ(text.find(file_.string() + ":2:", at + 1), std::string::npos) << text;
  fs::remove(file_);
  EXPECT_TRUE(soon([&] { return watch_->state().rejected == 2; }));
  EXPECT_EQ(item(), "first");
  replace(file_, event_text("first"));
  EXPECT_TRUE(soon([&] { return log().find("is valid again, and still version") != log().npos; }));
  EXPECT_FALSE(watch_->state().differs());
  EXPECT_EQ(watch_->state().refused, "");
  EXPECT_EQ(changes_, 0);
  replace(file_, event_text("third"));
  EXPECT_TRUE(soon([&] { return item() == "third"; })) << log();
}

TEST_F(RulesWatchTest, what_is_offered_has_the_files_without_their_folders_and_what_the_lock_says) {
  open(dir_);
  const std::string version = watch_->current()->version;
  write(dir_ / "rules.lock", "version: \"" + version +
                                 "\"\nrevision: 7\nnote: hello\n"
                                 "activates: \"2027-01-01T00:00:00Z\"\n");
  ASSERT_TRUE(soon([&] { return changes_ == 1; })) << log();
  const auto offer = watch_->offer();
  EXPECT_EQ(offer.revision, 7U);
  EXPECT_EQ(offer.note, "hello");
  EXPECT_EQ(offer.activates_us, 1'798'761'600'000'000);
  EXPECT_EQ(offer.set->version, version);
  ASSERT_EQ(offer.files.size(), 1U);
  EXPECT_EQ(offer.files[0].name, "gala.yaml");
}

TEST_F(RulesWatchTest, a_directory_with_a_lock_is_taken_when_all_of_it_is_there) {
  const auto version_of = [](const std::vector<rules::RulesFile>& files) {
    return rules::compile_rules(files, 0)->set.version;
  };
  const rules::RulesFile one{"gala.yaml", event_text("second")};
  const rules::RulesFile two{"more.yaml", "event: more\ntables: {m: [{item: x, weight: 1}]}\n"};
  open(dir_);
  write(dir_ / "rules.lock", "version: \"" + version_of({one, two}) + "\"\n");
  replace(file_, one.text);
  ASSERT_TRUE(soon([&] { return log().find("the lock is for version") != log().npos; })) << log();
  several_polls();
  EXPECT_EQ(item(), "first");
  EXPECT_EQ(changes_, 0);
  write(dir_ / "more.yaml", two.text);
  EXPECT_TRUE(soon([&] { return item() == "second" && changes_ == 1; })) << log();
}

TEST_F(RulesWatchTest, a_new_comment_is_no_change) {
  open(file_);
  replace(file_, "# only a comment\n" + event_text("first"));
  several_polls();
  EXPECT_EQ(changes_, 0);
  replace(file_, event_text("first", 2));
  EXPECT_TRUE(soon([&] { return changes_ == 1; }));
}

TEST_F(RulesWatchTest, readers_see_whole_sets_while_writers_swap_them) {
  open(file_);
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 1; !stop.stop_requested(); ++i) {
      replace(file_, event_text("item_" + std::to_string(i)));
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  EXPECT_TRUE(soon([&] {
    const auto set = watch_->current();
    EXPECT_EQ(set->items.size(), 1U);
    EXPECT_EQ(set->version.size(), 16U);
    return changes_ >= 5;
  })) << log();
  EXPECT_EQ(watch_->state().rejected, 0U) << log();
}

}  // namespace
}  // namespace hunt::node
