// RedisCache over a real Redis Cluster: redirections, moving slots, nodes that go and come.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "adapters/redis/entry.h"
#include "adapters/redis/redis_test_support.h"

namespace hunt::redis {
namespace {

constexpr model::WorldId world = 1;
constexpr std::int64_t lease_ns = 300'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

model::ChunkKey chunk_key(std::uint64_t chunk) {
  return {world, chunk};
}
std::uint16_t slot_of(std::uint64_t chunk) {
  return hash_slot(model::HuntName().chunk_key(chunk_key(chunk)));
}

// The first chunk, from `from` on, whose slot is in the n-th third.
std::uint64_t chunk_of_master(std::size_t master, std::uint64_t from = 0) {
  for (std::uint64_t chunk = from;; ++chunk) {
    if (slot_of(chunk) * std::size_t{3} / slot_count == master) return chunk;
  }
}

ports::ChunkFill filling(std::uint64_t chunk, std::int64_t from_ms) {
  ports::ChunkFill fill;
  fill.rows.key = chunk_key(chunk);
  model::TileRow row;
  row.tile.value = chunk << model::chunk_id_shift;
  row.version = 1;
  fill.rows.rows.push_back(std::move(row));
  fill.expires_ms = from_ms + 30'000;
  return fill;
}

Result<std::vector<ports::CachedChunk>> read(RedisUnderTest& lane,
                                             const std::vector<std::uint64_t>& chunks) {
  std::vector<ports::CacheAsk> asks;
  for (const auto chunk : chunks) asks.push_back({chunk_key(chunk), 0});
  return lane.run(lane.cache().read(std::move(asks), lease_ns));
}

Result<void> fill(RedisUnderTest& lane, const std::vector<std::uint64_t>& chunks) {
  std::vector<ports::ChunkFill> fills;
  for (const auto chunk : chunks) fills.push_back(filling(chunk, lane.now_ms()));
  return lane.run(lane.cache().fill(std::move(fills)));
}

std::vector<std::uint64_t> first_chunks(std::uint64_t count) {
  std::vector<std::uint64_t> chunks;
  for (std::uint64_t chunk = 0; chunk < count; ++chunk) chunks.push_back(chunk);
  return chunks;
}

std::string port_of(RedisCluster& cluster, std::size_t node) {
  return std::to_string(cluster.node(node).port());
}

TEST(RedisClusterCache, finds_every_master_from_one_address) {
  RedisCluster cluster(3);
  RedisUnderTest lane(cluster.url());
  const auto chunks = first_chunks(200);
  ASSERT_TRUE(read(lane, chunks).has_value());
  ASSERT_TRUE(fill(lane, chunks).has_value());
  const auto cached = read(lane, chunks);
  ASSERT_TRUE(cached.has_value());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_TRUE((*cached)[i].complete && (*cached)[i].rows.key == chunk_key(i)) << i;
  }
  std::int64_t keys = 0;
  for (std::size_t node = 0; node < 3; ++node) {
    keys += cluster.shell(node, {"DBSIZE"}).integer;
    EXPECT_GT(cluster.shell(node, {"DBSIZE"}).integer, 30);
  }
  EXPECT_EQ(keys, 200);
  EXPECT_EQ(lane.cache().figures().servers.redirects, 0U);
  EXPECT_EQ(lane.cache().figures().servers.nodes.connects, 3U);
  EXPECT_TRUE(lane.run(lane.cache().check()).has_value());
}

TEST(RedisClusterCache, one_server_meant_where_a_cluster_is_says_so) {
  RedisCluster cluster(3);
  RedisUnderTest lane(fmt::format("redis://127.0.0.1:{}", cluster.node(0).port()));
  const auto chunks = read(lane, {chunk_of_master(1)});
  ASSERT_FALSE(chunks.has_value());
  EXPECT_EQ(chunks.error().code, Errc::unavailable);
  EXPECT_NE(chunks.error().message.find("redis-cluster://"), std::string::npos);
}

// All keys of a slot, from one master to another, as redis-cli --cluster reshard does it.
void move_slot(RedisCluster& cluster, std::uint16_t slot, std::size_t from, std::size_t to,
               const std::function<void()>& halfway) {
  const std::string number = std::to_string(slot);
  cluster.shell(to, {"CLUSTER", "SETSLOT", number, "IMPORTING", cluster.id(from)});
  cluster.shell(from, {"CLUSTER", "SETSLOT", number, "MIGRATING", cluster.id(to)});
  halfway();
  for (;;) {
    const Reply keys = cluster.shell(from, {"CLUSTER", "GETKEYSINSLOT", number, "10"});
    if (keys.list.empty()) break;
    for (const Reply& key : keys.list) {
      const Reply moved = cluster.shell(
          from, {"MIGRATE", "127.0.0.1", port_of(cluster, to), key.text, "0", "5000"});
      ASSERT_EQ(moved.text, "OK");
      halfway();
    }
  }
  for (const std::size_t node : {to, from}) {
    cluster.shell(node, {"CLUSTER", "SETSLOT", number, "NODE", cluster.id(to)});
  }
}

TEST(RedisClusterCache, follows_a_slot_that_moves_while_it_is_read_and_written) {
  RedisCluster cluster(3);
  RedisUnderTest lane(cluster.url());
  // Several chunks of one slot of the first master.
  const std::uint64_t first = chunk_of_master(0);
  std::vector<std::uint64_t> chunks{first};
  for (std::uint64_t chunk = first + 1; chunks.size() < 4; ++chunk) {
    if (slot_of(chunk) == slot_of(first)) chunks.push_back(chunk);
  }
  const std::vector<std::uint64_t> filled(chunks.begin(), chunks.begin() + 2);
  ASSERT_TRUE(fill(lane, filled).has_value());
  model::Version version = 1;
  const auto use = [&] {
    const auto cached = read(lane, chunks);
    ASSERT_TRUE(cached.has_value()) << cached.error().message;
    EXPECT_TRUE((*cached)[0].complete && (*cached)[1].complete);
    EXPECT_EQ((*cached)[0].rows.rows.front().version, version);
    ++version;
    model::TileChange change;
    change.world = world;
    change.row.tile.value = first << model::chunk_id_shift;
    change.row.version = version;
    std::vector<model::TileChange> changes{change};
    const auto written = lane.run(lane.cache().update(std::move(changes)));
    ASSERT_TRUE(written.has_value()) << written.error().message;
  };
  use();
  move_slot(cluster, slot_of(first), 0, 1, use);
  use();
  const auto figures = lane.cache().figures().servers;
  EXPECT_GT(figures.redirects, 0U);
  use();
  use();
  EXPECT_EQ(lane.cache().figures().servers.redirects, figures.redirects) << "the map is new";
  EXPECT_EQ(cluster.shell(1, {"EXISTS", model::HuntName().chunk_key(chunk_key(first))}).integer, 1);
}

TEST(RedisClusterCache, a_slot_of_nobody_is_unavailable_and_the_others_serve) {
  RedisCluster cluster(3);
  for (std::size_t node = 0; node < 3; ++node) {
    cluster.shell(node, {"CONFIG", "SET", "cluster-require-full-coverage", "no"});
  }
  const std::uint64_t lost = chunk_of_master(2);
  for (std::size_t node = 0; node < 3; ++node) {
    cluster.shell(node, {"CLUSTER", "DELSLOTS", std::to_string(slot_of(lost))});
  }
  RedisUnderTest lane(cluster.url());
  const auto none = read(lane, {lost});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Errc::unavailable);
  EXPECT_NE(none.error().message.find(fmt::format("slot {}", slot_of(lost))), std::string::npos)
      << none.error().message;
  EXPECT_FALSE(lane.run(lane.cache().check()).has_value());
  EXPECT_TRUE(read(lane, {chunk_of_master(0), chunk_of_master(1)}).has_value());
  cluster.shell(2, {"CLUSTER", "ADDSLOTS", std::to_string(slot_of(lost))});
  EXPECT_TRUE(eventually([&] { return read(lane, {lost}).has_value(); }));
}

TEST(RedisClusterCache, a_cluster_that_is_down_says_so) {
  RedisCluster cluster(3);
  RedisUnderTest lane(cluster.url());
  const std::uint64_t chunk = chunk_of_master(0);
  ASSERT_TRUE(read(lane, {chunk}).has_value());
  cluster.node(1).process().kill();
  EXPECT_TRUE(eventually([&] {
    const auto cached = read(lane, {chunk});
    return !cached && cached.error().message.find("CLUSTERDOWN") != std::string::npos;
  }));
  cluster.node(1).start();
  EXPECT_TRUE(eventually([&] { return read(lane, {chunk}).has_value(); }));
}

// The chunks of a node that is down are their reader's to load; those of the others are answered.
TEST(RedisClusterCache, one_node_that_is_down_takes_only_its_chunks_with_it) {
  RedisCluster cluster(3);
  for (std::size_t node = 0; node < 3; ++node) {
    cluster.shell(node, {"CONFIG", "SET", "cluster-require-full-coverage", "no"});
  }
  RedisUnderTest lane(cluster.url());
  const std::vector<std::uint64_t> chunks{chunk_of_master(0), chunk_of_master(1),
                                          chunk_of_master(2)};
  ASSERT_TRUE(fill(lane, chunks).has_value());
  cluster.node(1).process().kill();
  for (int i = 0; i < 3; ++i) {
    const auto cached = read(lane, chunks);
    ASSERT_TRUE(cached.has_value()) << cached.error().message;
    EXPECT_TRUE((*cached)[0].complete && (*cached)[2].complete);
    EXPECT_TRUE(!(*cached)[1].complete && (*cached)[1].leased && (*cached)[1].cache_ms == 0);
  }
  EXPECT_EQ(lane.cache().figures().chunks_unanswered, 3U);
  const auto nodes = lane.cache().nodes();
  ASSERT_EQ(nodes.size(), 3U);
  for (const auto& node : nodes) {
    const bool killed = node.address == fmt::format("127.0.0.1:{}", cluster.node(1).port());
    EXPECT_EQ(node.failures + node.refused > 0, killed) << node.address;
    EXPECT_GT(node.replies, 0U) << node.address;
    EXPECT_GT(node.reply_ns, 0U) << node.address;
  }
  EXPECT_FALSE(read(lane, {chunks[1]}).has_value()) << "alone it is an error";
  // A fill without the cache's time is left away, one with it fails.
  std::vector<ports::ChunkFill> timeless{filling(chunks[1], 0)};
  EXPECT_TRUE(lane.run(lane.cache().fill(std::move(timeless))).has_value());
  EXPECT_FALSE(fill(lane, {chunks[1]}).has_value());
  cluster.node(1).start();
  EXPECT_TRUE(eventually([&] {
    const auto cached = read(lane, chunks);
    return cached && (*cached)[1].cache_ms != 0;
  }));
}

TEST(RedisClusterCache, a_replica_that_takes_over_is_found) {
  RedisCluster cluster(3, 1);
  RedisUnderTest lane(cluster.url(), {}, second_ns);
  const std::vector<std::uint64_t> chunks{chunk_of_master(0), chunk_of_master(1)};
  ASSERT_TRUE(eventually([&] { return fill(lane, chunks).has_value(); }));
  ASSERT_TRUE(eventually([&] { return cluster.shell(3, {"DBSIZE"}).integer > 0; }));
  cluster.node(0).process().kill();
  // Its first address is dead, so the map comes from another node.
  EXPECT_TRUE(eventually([&] {
    const auto cached = read(lane, chunks);
    return cached && (*cached)[0].complete && (*cached)[1].complete;
  }));
  EXPECT_TRUE(eventually([&] { return fill(lane, chunks).has_value(); }));
  EXPECT_TRUE(cluster.shell(3, {"ROLE"}).list.at(0).text == "master");
  // The old master comes back as a replica.
  cluster.node(0).start();
  EXPECT_TRUE(eventually(
      [&] { return cluster.shell(0, {"ROLE"}).list.at(0).text != std::string("master"); }));
  EXPECT_TRUE(read(lane, chunks).has_value());
}

TEST(RedisClusterCache, a_master_that_steps_down_under_load_is_followed) {
  RedisCluster cluster(3, 1);
  RedisUnderTest lane(cluster.url());
  const std::vector<std::uint64_t> chunks{chunk_of_master(0)};
  ASSERT_TRUE(fill(lane, chunks).has_value());
  ASSERT_TRUE(eventually([&] { return cluster.shell(3, {"DBSIZE"}).integer > 0; }));
  EXPECT_EQ(cluster.shell(3, {"CLUSTER", "FAILOVER"}).text, "OK");
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(read(lane, chunks).has_value()) << "nothing fails for longer than the deadline";
    return cluster.shell(3, {"ROLE"}).list.at(0).text == "master";
  }));
  const auto cached = read(lane, chunks);
  ASSERT_TRUE(cached.has_value());
  EXPECT_TRUE(cached->front().complete);
}

TEST(RedisClusterCache, starts_from_whichever_address_answers) {
  RedisCluster cluster(3);
  RedisUnderTest lane(fmt::format("redis-cluster://127.0.0.1:{},127.0.0.1:{}", testing::free_port(),
                                  cluster.node(2).port()));
  EXPECT_TRUE(eventually([&] { return read(lane, first_chunks(20)).has_value(); }));
}

}  // namespace
}  // namespace hunt::redis
