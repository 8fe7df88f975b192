// Shard maps as files: what is written is read again, and what no map may say is told by its place.
#include "codec/json_shard_map.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace hunt::codec {
namespace {

std::string refusal(std::string_view text) {
  const auto map = parse_shard_map(text);
  if (map) return "";
  return fmt::format("{}: {}", map.error().field, map.error().message);
}

TEST(ShardMapFile, is_read_as_it_was_written) {
  model::ShardMap map;
  map.version = 7;
  map.shards = 3;
  map.ranges = {{{0, 0}, 2}, {{1, 5}, 0}, {{1, 1ULL << 53}, 1}, {{2, 0}, 0}};
  std::string text;
  write_shard_map(map, text);
  const auto again = parse_shard_map(text);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->version, 7U);
  EXPECT_EQ(again->shards, 3U);
  EXPECT_EQ(again->ranges, map.ranges);
}

TEST(ShardMapFile, may_be_what_a_server_tells) {
  const auto map =
      parse_shard_map(R"({"version":2,"shards":1,"ranges":[{"world":0,"first_tile":"0","shard":0,)"
                      R"("state":"owned","epoch":3}]})");
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_EQ(map->ranges.size(), 1U);
}

TEST(ShardMapFile, that_no_store_can_follow_is_refused_by_its_place) {
  const auto ranges = [](std::string_view list) {
    return fmt::format(R"({{"shards":2,"ranges":[{}]}})", list);
  };
  constexpr std::string_view first = R"({"world":0,"first_tile":"0","shard":0})";
  EXPECT_NE(refusal(ranges("")).find("does not cover"), std::string::npos);
  EXPECT_NE(refusal(ranges(R"({"world":1,"first_tile":"0","shard":0})")).find("does not cover"),
            std::string::npos);
  const std::string overlap =
      refusal(ranges(fmt::format(R"({},{{"world":0,"first_tile":"0","shard":1}})", first)));
  EXPECT_NE(overlap.find("overlap"), std::string::npos) << overlap;
  EXPECT_NE(overlap.find("ranges[1]"), std::string::npos) << overlap;
  const std::string absent =
      refusal(ranges(fmt::format(R"({},{{"world":1,"first_tile":"0","shard":2}})", first)));
  EXPECT_NE(absent.find("ranges[1].shard"), std::string::npos) << absent;
  EXPECT_NE(absent.find("shard 2"), std::string::npos) << absent;
  EXPECT_NE(refusal(ranges(fmt::format(R"({},{{"world":1,"first_tile":"7","shard":1}})", first)))
                .find("first tile of a chunk"),
            std::string::npos);
  std::string many(first);
  for (std::size_t i = 1; i <= map_ranges_max; ++i) {
    many += fmt::format(R"(,{{"world":{},"first_tile":"0","shard":0}})", i);
  }
  EXPECT_NE(refusal(ranges(many)).find("holds 1025 ranges"), std::string::npos);
  EXPECT_NE(refusal(R"({"shards":65,"ranges":[]})"), "");
  EXPECT_NE(refusal(R"({"shards":0,"ranges":[]})"), "");
  EXPECT_NE(refusal(R"({"shards":2,"ranges":[{"world":0)"), "");
  EXPECT_NE(refusal("t_ms,player,world,x,y"), "");
}

}  // namespace
}  // namespace hunt::codec
