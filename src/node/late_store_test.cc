#include "node/late_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/system/system_clock.h"
#include "base/random_bytes.h"
#include "base/text.h"
#include "node/open_store.h"

namespace hunt::node {
namespace {

class LateStores : public ::testing::Test {
 protected:
  LateStores()
      : path_(std::filesystem::temp_directory_path() /
              ("hunt-late-" + to_hex(random_bytes<8>()) + ".db")) {}
  ~LateStores() override {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }

  const std::string path_;
  const system::SystemClock clock_;
  NotOpen not_open_{"postgres://db:5432/hunt"};
};

TEST_F(LateStores, are_unavailable_until_they_are_there) {
  LateStore late(not_open_);
  const auto before = run_here(late.info());
  ASSERT_FALSE(before.has_value());
  EXPECT_EQ(before.error().code, Errc::unavailable);
  EXPECT_EQ(before.error().message, "postgres://db:5432/hunt is not open yet: it is being opened");
  not_open_.set_why({Errc::unauthorized, "no such user", {}});
  EXPECT_EQ(run_here(late.verify()).error().message,
            "postgres://db:5432/hunt is not open yet: no such user");
  EXPECT_EQ(run_here(late.grant_claims({})).error().code, Errc::unavailable);
  EXPECT_EQ(run_here(late.load_chunks({})).error().code, Errc::unavailable);
  EXPECT_EQ(run_here(late.set_shard_map({})).error().code, Errc::unavailable);

  auto opened = OpenStore::open(StoreUrl::sqlite(path_), clock_, {});
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  late.set((*opened)->store());
  EXPECT_TRUE(run_here(late.info()).has_value());
  EXPECT_EQ(run_here(late.worlds()).value().size(), 1U);
  EXPECT_TRUE(run_here(late.verify()).has_value());
  (*opened)->close();
}

TEST_F(LateStores, have_a_feed_that_is_unavailable_until_then) {
  LateFeed late(not_open_);
  EXPECT_EQ(run_here(late.resume()).error().code, Errc::unavailable);
  EXPECT_EQ(run_here(late.next({}, 0)).error().code, Errc::unavailable);
  auto opened = OpenStore::open(StoreUrl::sqlite(path_), clock_, {});
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  late.set((*opened)->feed());
  EXPECT_TRUE(run_here(late.resume()).has_value());
  (*opened)->close();
}

}  // namespace
}  // namespace hunt::node
