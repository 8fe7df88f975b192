#include "rules/lock_file.h"

#include <gtest/gtest.h>

namespace hunt::rules {
namespace {

TEST(LockFile, is_read_as_it_was_written) {
  Lock lock;
  lock.version = "322b02b91b90e48f";
  lock.revision = 1287;
  lock.activates_us = 1'800'000'000'000'000;
  lock.zone_data = "2026f";
  lock.note = "Krone \"1/500\" f\u00e4llt doppelt";
  const auto read = read_lock("rules.lock", lock_text(lock));
  ASSERT_TRUE(read.has_value()) << format(read.error().front());
  EXPECT_EQ(read->version, lock.version);
  EXPECT_EQ(read->revision, lock.revision);
  EXPECT_EQ(read->activates_us, lock.activates_us);
  EXPECT_EQ(read->zone_data, lock.zone_data);
  EXPECT_EQ(read->note, lock.note);
}

TEST(LockFile, needs_no_more_than_a_version) {
  const auto read = read_lock("rules.lock", "version: \"322b02b91b90e48f\"\n");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->revision, 0U);
  EXPECT_FALSE(read->activates_us.has_value());
}

TEST(LockFile, says_what_is_wrong_with_revision_and_time) {
  const std::string version = "version: \"322b02b91b90e48f\"\n";
  for (const char* bad : {"revision: 0", "revision: -1", "revision: 1.5", "revision: many",
                          "revision: 9223372036854775808", "revision: [1]", "activates: tomorrow",
                          "activates: 2026-02-30T00:00:00Z", "activates: {a: 1}"}) {
    const auto read = read_lock("rules.lock", version + bad + "\n");
    ASSERT_FALSE(read.has_value()) << bad;
    const std::string told = format(read.error().front());
    const std::string key(bad, std::string(bad).find(':'));
    EXPECT_NE(told.find("rules.lock:2:"), std::string::npos) << told;
    EXPECT_NE(told.find(key + ": expected"), std::string::npos) << told;
  }
}

}  // namespace
}  // namespace hunt::rules
