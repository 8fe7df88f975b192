// The parts that need no server: URLs, slots, names of scripts, commands, entries.
#include <gtest/gtest.h>

#include "adapters/redis/entry.h"
#include "adapters/redis/hash_slot.h"
#include "adapters/redis/message.h"
#include "adapters/redis/redis_url.h"
#include "adapters/redis/sha1.h"
#include "codec/chunk_blob.h"
#include "model/hunt_name.h"

namespace hunt::redis {
namespace {

RedisUrl parsed(const std::string& text) {
  auto url = parse_redis_url(text);
  EXPECT_TRUE(url.has_value()) << text << ": " << url.error().message;
  return url.value_or(RedisUrl{});
}

std::string error_of(const std::string& text) {
  const auto url = parse_redis_url(text);
  EXPECT_FALSE(url.has_value()) << text;
  if (url) return {};
  EXPECT_EQ(url.error().field, "cache");
  return url.error().message;
}

TEST(RedisUrl, names_one_server_or_where_to_begin_in_a_cluster) {
  EXPECT_EQ(parsed("redis://cache:6380").addresses, (std::vector<HostPort>{{"cache", 6380}}));
  EXPECT_EQ(parsed("redis://cache/").addresses, (std::vector<HostPort>{{"cache", 6379}}));
  EXPECT_EQ(parsed("redis://[::1]:7").addresses, (std::vector<HostPort>{{"::1", 7}}));
  const RedisUrl cluster = parsed("redis-cluster://a:1,b,[fe80::2]:3");
  EXPECT_TRUE(cluster.cluster);
  EXPECT_EQ(cluster.addresses, (std::vector<HostPort>{{"a", 1}, {"b", 6379}, {"fe80::2", 3}}));
  EXPECT_EQ(cluster.shown(), "redis-cluster://a:1,b:6379,[fe80::2]:3");
}

TEST(RedisUrl, names_a_database_of_a_server_alone) {
  EXPECT_EQ(parsed("redis://cache:6380").database, 0);
  EXPECT_EQ(parsed("redis://u:p@cache:6380/15").database, 15);
  EXPECT_EQ(parsed("redis://u:p@cache:6380/15").shown(), "redis://cache:6380/15");
  EXPECT_EQ(parsed("redis://cache/0").shown(), "redis://cache:6379");
  EXPECT_EQ(parsed("redis-cluster://a:1,b:2/0").addresses.size(), 2U);
}

TEST(RedisUrl, a_password_is_read_and_never_shown) {
  const RedisUrl url = parsed("redis://hunter:p%40ss%3Aw:rd@cache:6380");
  EXPECT_EQ(url.user, "hunter");
  EXPECT_EQ(url.password, "p@ss:w:rd");
  EXPECT_EQ(url.shown(), "redis://cache:6380");
  EXPECT_EQ(parsed("redis://:secret@cache").password, "secret");
  for (const char* text :
       {"redis://u:secret@cache:0", "redis://secret@cache", "redis://u:%secret@c",
        "secret://u:secret@cache", "redis://u:secret@", "redis://u:secret@c/x",
        "rediss://u:secret@cache", "redis://u:secret@a,b", "redis://cache?password=secret",
        "redis://cache:6379?password=secret", "redis://cache/2&password=secret"}) {
    EXPECT_EQ(error_of(text).find("secret"), std::string::npos) << text;
  }
}

TEST(RedisUrl, says_what_is_wrong) {
  EXPECT_NE(error_of("rediss://cache:1").find("no TLS"), std::string::npos);
  EXPECT_NE(error_of("memcached://cache").find("unknown scheme"), std::string::npos);
  EXPECT_NE(error_of("redis://cache:65536").find("is no port"), std::string::npos);
  EXPECT_NE(error_of("redis://cache:").find("is no port"), std::string::npos);
  EXPECT_NE(error_of("redis://::1:6379").find("brackets"), std::string::npos);
  EXPECT_NE(error_of("redis://[::1").find("without its ]"), std::string::npos);
  EXPECT_NE(error_of("redis://[::1]6379").find(":PORT"), std::string::npos);
  EXPECT_NE(error_of("redis://").find("a host is missing"), std::string::npos);
  EXPECT_NE(error_of("redis-cluster://a:1,,b:2").find("a host is missing"), std::string::npos);
  EXPECT_NE(error_of("redis://a:1,b:2").find("redis-cluster://"), std::string::npos);
  EXPECT_NE(error_of("redis://a:1/2/3").find("is no number of a database"), std::string::npos);
  EXPECT_NE(error_of("redis://a:1/-1").find("is no number of a database"), std::string::npos);
  EXPECT_NE(error_of("redis://a:1/65536").find("is no number of a database"), std::string::npos);
  EXPECT_NE(error_of("redis-cluster://a:1,b:2/2").find("no database but 0"), std::string::npos);
  EXPECT_NE(error_of("redis://a:1?x=y").find("no options"), std::string::npos);
  EXPECT_NE(error_of("redis://user@a:1").find("needs a password"), std::string::npos);
  EXPECT_NE(error_of("redis://user:@a:1").find("the password is empty"), std::string::npos);
}

TEST(HashSlot, is_that_of_the_cluster_specification) {
  EXPECT_EQ(hash_slot("123456789"), 0x31c3U);
  EXPECT_EQ(hash_slot("foo"), 12'182U);
  EXPECT_EQ(hash_slot("{user1000}.following"), hash_slot("user1000"));
  EXPECT_EQ(hash_slot("foo{}{bar}"), hash_slot(std::string("foo{}{bar}")));
  EXPECT_NE(hash_slot("foo{}{bar}"), hash_slot("bar"));
  EXPECT_EQ(hash_slot("foo{bar}{zap}"), hash_slot("bar"));
  EXPECT_EQ(hash_slot(model::HuntName().chunk_key({7, 8})), hash_slot("7:8"));
}

TEST(Sha1, gives_the_known_digests) {
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex(std::string(1'000, 'a')), "291e9a6c66994949b57ba5e650361e98fc36b1ba");
}

TEST(CommandWriter, writes_what_redis_reads) {
  EXPECT_EQ(CommandWriter(3).add("GET").add(1'234).add(std::string_view("\0\r\n", 3)).take(),
            std::string("*3\r\n$3\r\nGET\r\n$4\r\n1234\r\n$3\r\n\0\r\n\r\n", 32));
}

TEST(Entry, keys_and_fields_are_decimal) {
  EXPECT_EQ(model::HuntName().chunk_key({4'294'967'295, 18'014'398'509'481'983}),
            "hunt:{4294967295:18014398509481983}:c");
  EXPECT_EQ(field_of(model::tile_id_of({-2'147'483'648, 2'147'483'647})), "-2147483648,2147483647");
}

TEST(Entry, refuses_what_the_scripts_would_never_return) {
  const model::ChunkKey key{1, 5};
  model::TileRow row;
  row.tile.value = 5 << 10 | 3;
  row.version = 2;
  const std::string blob = codec::write_rows({&row, 1});
  EXPECT_TRUE(read_fill("12|1|" + blob, key).has_value());
  for (const std::string value : {"", "12", "12|", "x|1|", "12||", "-1|1|", "12|1|"}) {
    EXPECT_FALSE(read_fill(value, key).has_value()) << value;
  }
  const std::string field = field_of(row.tile);
  const std::string order = std::to_string(model::order_of(3, 2));
  const auto change = read_change(field, order + "|99|" + blob, key);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->epoch, 3U);
  EXPECT_EQ(change->row, row);
  EXPECT_FALSE(read_change("0,0", order + "|99|" + blob, key).has_value()) << "another tile";
  EXPECT_FALSE(read_change(field, "4|99|" + blob, key).has_value()) << "another version";
  EXPECT_FALSE(read_change(field, order + "|99|" + codec::write_rows({}), key).has_value());
  Reply hash;
  EXPECT_FALSE(glance_at(hash, {key, 0}, 7).has_value()) << "no list";
  hash.kind = Reply::Kind::list;
  EXPECT_TRUE(glance_at(hash, {key, 0}, 7)->lease_free);
  hash.list.resize(1);
  EXPECT_FALSE(glance_at(hash, {key, 0}, 7).has_value()) << "a field without its value";
}

}  // namespace
}  // namespace hunt::redis
