// RedisCache over one real server: what the contract cannot see, and what outages come to.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "adapters/redis/entry.h"
#include "adapters/redis/redis_test_support.h"
#include "model/limits.h"

namespace hunt::redis {
namespace {

using model::tile_id_of;

constexpr model::WorldId world = 1;
constexpr model::Tile here{10, -3};
constexpr std::int64_t lease_ns = 300'000'000;
constexpr std::int64_t short_ns = 50'000'000;

model::ChunkKey chunk_here() {
  return model::chunk_of(world, tile_id_of(here));
}

model::TileChange change_of(model::Version version, std::uint64_t epoch = 1) {
  model::TileChange change;
  change.world = world;
  change.row.tile = tile_id_of(here);
  change.row.version = version;
  change.row.table = "starlight";
  change.epoch = epoch;
  return change;
}

ports::ChunkFill filling(std::int64_t from_ms, model::Version version = 1) {
  ports::ChunkFill fill;
  fill.rows.key = chunk_here();
  fill.rows.rows.push_back(change_of(version).row);
  fill.expires_ms = from_ms + 30'000;
  return fill;
}

Result<ports::CachedChunk> read(RedisUnderTest& lane) {
  std::vector<ports::CacheAsk> asks{{chunk_here(), 0}};
  auto chunks = lane.run(lane.cache().read(std::move(asks), lease_ns));
  if (!chunks) return tl::unexpected<Error>(chunks.error());
  return std::move(chunks->front());
}
Result<void> fill(RedisUnderTest& lane, std::int64_t from_ms, model::Version version = 1) {
  std::vector<ports::ChunkFill> fills{filling(from_ms, version)};
  return lane.run(lane.cache().fill(std::move(fills)));
}
Result<void> update(RedisUnderTest& lane, model::Version version) {
  std::vector<model::TileChange> changes{change_of(version)};
  return lane.run(lane.cache().update(std::move(changes)));
}
template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc::internal : result.error().code;
}
// Until a read succeeds again, by itself.
bool recovers(RedisUnderTest& lane) {
  return eventually([&lane] { return read(lane).has_value(); });
}

TEST(RedisCache, hunts_of_two_names_and_two_databases_do_not_meet) {
  const RedisServer server;
  RedisUnderTest hunt(server.url());
  ASSERT_TRUE(fill(hunt, hunt.now_ms()).has_value());
  EXPECT_TRUE(read(hunt)->complete);
  RedisUnderTest second(server.url() + "/2");
  EXPECT_FALSE(read(second)->complete);
  ASSERT_TRUE(fill(second, second.now_ms(), 2).has_value());
  EXPECT_TRUE(read(second)->complete);
  EXPECT_EQ(read(hunt)->rows.rows, std::vector<model::TileRow>{change_of(1).row});
  RedisUnderTest summer(server.url(), {}, RedisUnderTest::patient_ns, true, "summer");
  EXPECT_FALSE(read(summer)->complete);
  EXPECT_EQ(server.shell({"KEYS", "summer:*"}).list.size(), 1U);
  // Each connection says which database it means, the one after a loss too.
  server.shell({"CLIENT", "KILL", "TYPE", "normal"});
  ASSERT_TRUE(recovers(second));
  EXPECT_EQ(read(second)->rows.rows, std::vector<model::TileRow>{change_of(2).row});
}

TEST(RedisCache, another_hunt_of_the_same_name_is_seen_and_its_copies_are_never_served) {
  const RedisServer server;
  const auto lane_of = [&](char id) {
    return std::make_unique<RedisUnderTest>(server.url(), std::function<void()>(),
                                            RedisUnderTest::patient_ns, true, "hunt",
                                            std::string(32, id));
  };
  const auto first = lane_of('a');
  const auto second = lane_of('b');
  ASSERT_TRUE(first->run(first->cache().check()).has_value());
  ASSERT_TRUE(fill(*first, first->now_ms()).has_value());
  EXPECT_TRUE(read(*first)->complete);
  const auto refused = second->run(second->cache().check());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::already_exists);
  for (const char* words : {"another hunt called \"hunt\"", "sqlite:a.db", "--hunt OTHER"}) {
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
  }
  EXPECT_EQ(code_of(read(*second)), Errc::already_exists);
  EXPECT_EQ(code_of(fill(*second, second->now_ms())), Errc::already_exists);
  EXPECT_EQ(code_of(update(*second, 2)), Errc::already_exists);
  EXPECT_TRUE(read(*first)->complete);
  // The note is lost, and the entries are not: what each of them says still keeps the two apart.
  server.shell({"DEL", model::HuntName().owner_key()});
  const auto third = lane_of('c');
  const auto chunk = read(*third);
  ASSERT_TRUE(chunk.has_value()) << chunk.error().message;
  EXPECT_TRUE(!chunk->complete && chunk->leased && chunk->unreadable);
  ASSERT_TRUE(update(*third, 7).has_value());
  const auto after = read(*first);
  EXPECT_TRUE(!after || !after->complete);
}

TEST(RedisCache, nothing_is_done_in_another_database_than_was_meant) {
  const RedisServer server;
  RedisUnderTest lane(server.url() + "/500");  // a server has 16
  const auto refused = read(lane);
  EXPECT_EQ(code_of(refused), Errc::unavailable);
  EXPECT_NE(refused.error().message.find("database 500"), std::string::npos);
  EXPECT_FALSE(fill(lane, lane.now_ms()).has_value());
  EXPECT_EQ(server.shell({"DBSIZE"}).integer, 0);
}

TEST(RedisCache, goes_by_the_clock_of_redis) {
  const RedisServer server;
  RedisUnderTest lane(server.url(), {}, RedisUnderTest::patient_ns, false);
  const auto seconds = [&] { return std::stoll(server.shell({"TIME"}).list.at(0).text) * 1'000; };
  const std::int64_t before_ms = seconds();
  const auto chunk = read(lane);
  ASSERT_TRUE(chunk.has_value()) << chunk.error().message;
  EXPECT_GE(chunk->cache_ms, before_ms);
  EXPECT_LE(chunk->cache_ms, seconds() + 1'000);
  ASSERT_TRUE(chunk->leased);
  ASSERT_TRUE(fill(lane, chunk->cache_ms).has_value());
  const auto filled = read(lane);
  ASSERT_TRUE(filled && filled->complete);
  EXPECT_LE(filled->life_ns, 30'000'000'000);
  // An entry from before, by that clock, is none.
  ASSERT_TRUE(server.shell({"DEL", model::HuntName().chunk_key(chunk_here())}).integer == 1);
  ASSERT_TRUE(fill(lane, before_ms - 30'000).has_value());
  EXPECT_FALSE(read(lane)->complete);
  EXPECT_EQ(lane.cache().figures().fills_refused, 1U);
}

TEST(RedisCache, keys_stay_at_least_35_s_after_any_write_and_no_longer_than_40) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const auto left_ms = [&] {
    return server.shell({"PTTL", model::HuntName().chunk_key(chunk_here())}).integer;
  };
  const auto shorten = [&] {
    server.shell({"PEXPIRE", model::HuntName().chunk_key(chunk_here()), "5000"});
  };
  const auto chunk = read(lane);
  EXPECT_GT(left_ms(), 35'000) << "the lease";
  shorten();
  ASSERT_TRUE(fill(lane, chunk->cache_ms).has_value());
  EXPECT_GT(left_ms(), 35'000);
  shorten();
  ASSERT_TRUE(update(lane, 2).has_value());
  EXPECT_GT(left_ms(), 35'000);
  EXPECT_LE(left_ms(), 40'000);
  shorten();
  ASSERT_TRUE(read(lane)->complete);
  EXPECT_LE(left_ms(), 5'000) << "reading keeps nothing alive";
}

TEST(RedisCache, an_update_touches_the_fill_neither_in_bytes_nor_in_expiry) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  ASSERT_TRUE(fill(lane, read(lane)->cache_ms).has_value());
  const std::string before =
      server.shell({"HGET", model::HuntName().chunk_key(chunk_here()), "#"}).text;
  ASSERT_TRUE(update(lane, 2).has_value());
  EXPECT_EQ(server.shell({"HGET", model::HuntName().chunk_key(chunk_here()), "#"}).text, before);
  const std::string change =
      server.shell({"HGET", model::HuntName().chunk_key(chunk_here()), "10,-3"}).text;
  EXPECT_TRUE(
      change.starts_with(fmt::format("{}|{}|", (std::uint64_t{1} << 40) + 2, lane.now_ms())));
}

TEST(RedisCache, the_largest_order_is_told_apart_from_its_neighbour) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const std::uint64_t last = (std::uint64_t{1} << 40) - 1;
  for (const std::uint64_t version : {last - 1, last}) {
    std::vector<model::TileChange> changes{change_of(version, 8'191)};
    ASSERT_TRUE(lane.run(lane.cache().update(std::move(changes))).has_value());
  }
  EXPECT_EQ(lane.cache().figures().updates_old, 0U);
  std::vector<model::TileChange> beyond{change_of(1, 8'192)};
  const auto refused = lane.run(lane.cache().update(std::move(beyond)));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::corrupt);
}

TEST(RedisCache, loads_its_scripts_where_they_are_missing) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  std::vector<ports::CacheAsk> asks;
  for (std::uint64_t chunk = 0; chunk < 100; ++chunk) asks.push_back({{world, chunk}, 0});
  ASSERT_TRUE(lane.run(lane.cache().read(asks, lease_ns)).has_value());
  EXPECT_EQ(lane.cache().figures().servers.scripts_loaded, 1U);
  EXPECT_EQ(server.shell({"SCRIPT", "EXISTS", lease_script().sha1}).list.at(0).integer, 1);
  server.shell({"SCRIPT", "FLUSH"});
  ASSERT_TRUE(read(lane)->leased);
  EXPECT_EQ(lane.cache().figures().servers.scripts_loaded, 2U);
}

// A script may be gone at any moment: SCRIPT FLUSH, or a server that was started again.
TEST(RedisCache, every_call_goes_on_when_its_script_is_gone) {
  RedisServer server;
  RedisUnderTest lane(server.url());
  const auto flush = [&server] { server.shell({"SCRIPT", "FLUSH"}); };
  for (std::uint64_t version = 1; version <= 2; ++version) {
    flush();
    const auto asked = read(lane);
    ASSERT_TRUE(asked.has_value()) << asked.error().message;
    flush();
    ASSERT_TRUE(fill(lane, asked->cache_ms).has_value());
    flush();
    ASSERT_TRUE(update(lane, version + 1).has_value());
    flush();
    ASSERT_TRUE(lane.run(lane.cache().read_tile(world, here, 0)).has_value());
  }
  EXPECT_EQ(lane.cache().figures().updates_old, 0U);
  server.process().kill();
  server.start();  // empty, without any script
  EXPECT_TRUE(recovers(lane));
  EXPECT_TRUE(update(lane, 3).has_value());
}

TEST(RedisCache, throws_away_what_it_cannot_read_and_asks_for_the_lease) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const auto spoil = [&](const std::string& field, const std::string& value) {
    ASSERT_TRUE(fill(lane, read(lane)->cache_ms).has_value());
    ASSERT_TRUE(update(lane, 2).has_value());
    ASSERT_TRUE(read(lane)->complete);
    server.shell({"HSET", model::HuntName().chunk_key(chunk_here()), field, value});
  };
  const std::string until = std::to_string(lane.now_ms() + 20'000);
  const std::string order = std::to_string((std::uint64_t{1} << 40) + 2);
  spoil("#", until + "|1|\x01garbage");
  auto chunk = read(lane);
  ASSERT_TRUE(chunk.has_value()) << chunk.error().message;
  EXPECT_TRUE(!chunk->complete && chunk->leased && chunk->cache_ms == lane.now_ms());
  spoil("#", until + "|1|\x02of a newer version");
  chunk = read(lane);
  EXPECT_TRUE(chunk && !chunk->complete && chunk->leased);
  spoil("10,-3", order + "|5|");
  chunk = read(lane);
  EXPECT_TRUE(chunk && !chunk->complete && chunk->leased);
  EXPECT_EQ(lane.cache().figures().chunks_unreadable, 3U);
  ASSERT_TRUE(fill(lane, chunk->cache_ms).has_value());
  EXPECT_TRUE(read(lane)->complete);
}

TEST(RedisCache, throws_away_numbers_that_the_protocol_does_not_have) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const std::string key = model::HuntName().chunk_key(chunk_here());
  const auto filled = [&] {
    ASSERT_TRUE(fill(lane, lane.now_ms()).has_value());
    ASSERT_TRUE(read(lane)->complete);
  };
  const auto rows = [&](std::int64_t life_ms, const std::string& epoch) {
    const std::string value = server.shell({"HGET", key, "#"}).text;
    const auto rest = value.substr(value.find('|', value.find('|') + 1));
    server.shell({"HSET", key, "#", std::to_string(lane.now_ms() + life_ms) + "|" + epoch + rest});
  };
  std::uint64_t unreadable = 0;
  const auto is_miss = [&] {
    const auto chunk = read(lane);
    return chunk && !chunk->complete && chunk->leased && chunk->unreadable &&
           lane.cache().figures().chunks_unreadable == ++unreadable;
  };
  filled();
  rows(3'600'000, "1");  // ends in an hour
  EXPECT_TRUE(is_miss());
  filled();
  rows(INT64_MAX - lane.now_ms(), "1");
  EXPECT_TRUE(is_miss());
  filled();
  rows(20'000, "9000000");
  EXPECT_TRUE(is_miss());
  filled();
  const std::string beyond = std::to_string(std::uint64_t{1} << 53);
  server.shell({"HSET", key, "10,-3", beyond + "|1|" + "\x01"});
  EXPECT_TRUE(is_miss());
}

TEST(RedisCache, a_lease_is_held_for_no_longer_than_one_may_be) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const std::string key = model::HuntName().chunk_key(chunk_here());
  for (const std::string until : {"9223372036854775807", "99999999999999999999", "1e300", "inf"}) {
    server.shell({"HSET", key, "l", until});
    EXPECT_TRUE(read(lane)->leased) << until;
    server.shell({"DEL", key});
  }
  server.shell({"HSET", key, "l", std::to_string(lane.now_ms() + 4'000)});
  EXPECT_FALSE(read(lane)->leased);
  server.shell({"HSET", key, "l", std::to_string(lane.now_ms() + 3'600'000)});
  EXPECT_TRUE(read(lane)->leased);
}

TEST(RedisCache, what_no_script_wrote_keeps_no_fill_away) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const std::string key = model::HuntName().chunk_key(chunk_here());
  const std::string far = std::to_string(lane.now_ms() + 3'600'000);
  server.shell(
      {"HSET", key, "#", far + "|8000|", "e", "9000000", "10,-3", "9007199254740992|" + far + "|"});
  ASSERT_TRUE(update(lane, 2).has_value());
  ASSERT_TRUE(fill(lane, lane.now_ms()).has_value());
  const auto chunk = read(lane);
  ASSERT_TRUE(chunk && chunk->complete);
  EXPECT_EQ(chunk->rows.rows, std::vector<model::TileRow>{change_of(2).row});
}

TEST(RedisCache, writes_put_right_what_cannot_be_read) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  for (const std::string nonsense : {"", "nonsense", "|", "|||", "7", "7|", "-7|8|9"}) {
    server.shell({"HSET", model::HuntName().chunk_key(chunk_here()), "#", nonsense, "10,-3",
                  nonsense, "11,-3", nonsense, "e", nonsense, "l", nonsense});
    const auto updated = update(lane, 2);
    ASSERT_TRUE(updated.has_value()) << nonsense << ": " << updated.error().message;
    const auto filled = fill(lane, lane.now_ms());
    ASSERT_TRUE(filled.has_value()) << nonsense << ": " << filled.error().message;
    const auto chunk = read(lane);
    ASSERT_TRUE(chunk && chunk->complete) << nonsense;
    EXPECT_EQ(chunk->rows.rows, std::vector<model::TileRow>{change_of(2).row}) << nonsense;
    server.shell({"FLUSHALL"});
  }
}

TEST(RedisCache, a_key_of_another_type_is_thrown_away_too) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  server.shell({"SET", model::HuntName().chunk_key(chunk_here()), "mine"});
  const auto chunk = read(lane);
  ASSERT_TRUE(chunk.has_value()) << chunk.error().message;
  EXPECT_TRUE(chunk->leased);
  EXPECT_EQ(lane.cache().figures().chunks_unreadable, 1U);
}

TEST(RedisCache, flushall_at_peak_is_a_miss_with_one_lease) {
  const RedisServer server;
  RedisUnderTest one(server.url());
  RedisUnderTest other(server.url());
  ASSERT_TRUE(fill(one, read(one)->cache_ms).has_value());
  server.shell({"FLUSHALL"});
  const auto first = read(one);
  const auto second = read(other);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(!first->complete && first->leased);
  EXPECT_TRUE(!second->complete && !second->leased);
}

TEST(RedisCache, one_tile_is_looked_up_by_its_place) {
  const RedisServer server;
  RedisUnderTest lane(server.url());
  const auto tile = [&](model::Tile at) {
    auto found = lane.run(lane.cache().read_tile(world, at, 0));
    EXPECT_TRUE(found.has_value()) << found.error().message;
    return found.value_or(CachedTile{});
  };
  EXPECT_FALSE(tile(here).complete);
  ASSERT_TRUE(update(lane, 2).has_value());
  EXPECT_FALSE(tile(here).complete);
  EXPECT_EQ(tile(here).row, change_of(2).row);
  ASSERT_TRUE(fill(lane, read(lane)->cache_ms, 3).has_value());
  EXPECT_TRUE(tile(here).complete);
  EXPECT_EQ(tile(here).row, change_of(3).row);
  EXPECT_TRUE(tile({11, -3}).complete);
  EXPECT_FALSE(tile({11, -3}).row.has_value());
}

// ---- outages
// -------------------------------------------------------------------------------------

TEST(RedisCache, a_server_that_sleeps_is_a_deadline_then_unavailable_then_well_again) {
  const RedisServer server;
  RedisUnderTest lane(server.url(), {}, short_ns);
  ASSERT_TRUE(recovers(lane));
  std::thread sleeper([&server] { server.shell({"DEBUG", "SLEEP", "0.6"}); });
  std::vector<Errc> seen;
  EXPECT_TRUE(eventually([&] {
    const auto chunk = read(lane);
    if (!chunk) seen.push_back(chunk.error().code);
    return !seen.empty() && chunk.has_value();
  }));
  sleeper.join();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.front(), Errc::deadline_exceeded);
  for (const Errc code : seen) {
    EXPECT_TRUE(code == Errc::deadline_exceeded || code == Errc::unavailable) << name_of(code);
  }
  EXPECT_TRUE(recovers(lane));
}

TEST(RedisCache, a_write_to_a_server_that_sleeps_has_an_unknown_outcome) {
  RedisServer server;
  RedisUnderTest lane(server.url(), {}, short_ns);
  ASSERT_TRUE(eventually([&] { return update(lane, 1).has_value(); }));
  server.process().signal(SIGSTOP);
  const auto written = update(lane, 2);
  server.process().signal(SIGCONT);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, Errc::unknown_outcome);
  EXPECT_TRUE(eventually([&] { return update(lane, 2).has_value(); }));
}

// The answer of the first read has arrived when the second is asked for; nobody has looked yet.
TEST(RedisCache, a_lane_that_was_busy_for_long_does_not_blame_the_server) {
  const RedisServer server;
  RedisUnderTest lane(server.url(), {}, short_ns);
  ASSERT_TRUE(recovers(lane));
  int missing = 2;
  const auto begin = [&](bool& answered) {
    auto done = [&](const std::exception_ptr&, Result<std::vector<ports::CachedChunk>> chunks) {
      answered = chunks.has_value();
      --missing;
    };
    std::vector<ports::CacheAsk> asks{{chunk_here(), 0}};
    boost::asio::co_spawn(lane.context(), lane.cache().read(std::move(asks), lease_ns),
                          std::move(done));
  };
  bool first = false;
  bool second = false;
  begin(first);
  lane.context().restart();
  lane.context().run_one();  // it is sent
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  begin(second);
  while (missing > 0) lane.context().run_one();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
}

// What is frozen for longer than a second loses its connection, and the next one works.
TEST(RedisCache, a_frozen_server_costs_its_connection) {
  RedisServer server;
  RedisUnderTest lane(server.url(), {}, short_ns);
  ASSERT_TRUE(recovers(lane));
  server.process().signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(read(lane));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return lane.cache().figures().servers.nodes.connects > 1;
  }));
  server.process().signal(SIGCONT);
  EXPECT_TRUE(recovers(lane));
}

TEST(RedisCache, a_server_that_was_killed_is_found_again_when_it_is_back) {
  RedisServer server;
  RedisUnderTest lane(server.url());
  ASSERT_TRUE(fill(lane, read(lane)->cache_ms).has_value());
  server.process().kill();
  EXPECT_EQ(code_of(read(lane)), Errc::unavailable);
  EXPECT_EQ(code_of(read(lane)), Errc::unavailable);
  const auto written = update(lane, 5);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, Errc::unavailable) << "it never left";
  server.start();
  ASSERT_TRUE(recovers(lane));
  EXPECT_FALSE(read(lane)->complete);
}

TEST(RedisCache, says_where_nobody_listens) {
  RedisUnderTest lane(fmt::format("redis://127.0.0.1:{}", testing::free_port()));
  const auto chunk = read(lane);
  ASSERT_FALSE(chunk.has_value());
  EXPECT_EQ(chunk.error().code, Errc::unavailable);
  EXPECT_NE(chunk.error().message.find("127.0.0.1"), std::string::npos);
  RedisUnderTest nowhere("redis://no.such.host.invalid:6379");
  EXPECT_EQ(code_of(read(nowhere)), Errc::unavailable);
}

TEST(RedisCache, a_wrong_password_is_named_and_not_shown) {
  const RedisServer server({"--requirepass", "right-one"});
  const auto check = [&](const std::string& user) {
    RedisUnderTest lane(fmt::format("redis://{}127.0.0.1:{}", user, server.port()));
    const auto chunk = read(lane);
    EXPECT_EQ(code_of(chunk), Errc::unavailable);
    // A lane that starts over: its first word is about the password again.
    RedisUnderTest fresh(fmt::format("redis://{}127.0.0.1:{}", user, server.port()));
    const auto checked = fresh.run(fresh.cache().check());
    EXPECT_FALSE(checked.has_value());
    if (checked) return;
    EXPECT_EQ(checked.error().code, Errc::unauthorized);
    EXPECT_NE(checked.error().message.find("user and password of --cache"), std::string::npos);
    EXPECT_EQ(checked.error().message.find("wrong-one"), std::string::npos);
  };
  check(":wrong-one@");
  check("somebody:wrong-one@");
  check("");
  RedisUnderTest lane(fmt::format("redis://:right-one@127.0.0.1:{}", server.port()));
  EXPECT_TRUE(read(lane).has_value());
  EXPECT_TRUE(lane.run(lane.cache().check()).has_value());
}

// Without the time, an entry that has expired would seem to hold.
TEST(RedisCache, a_user_who_may_not_ask_for_the_time_reads_nothing) {
  const RedisServer server;
  server.shell({"ACL", "SETUSER", "blind", "on", ">pw", "~*", "+@all", "-time"});
  RedisUnderTest lane(fmt::format("redis://blind:pw@127.0.0.1:{}", server.port()), {},
                      RedisUnderTest::patient_ns, false);
  const auto chunk = read(lane);
  ASSERT_FALSE(chunk.has_value());
  EXPECT_EQ(chunk.error().code, Errc::unavailable);
  EXPECT_NE(chunk.error().message.find("NOPERM"), std::string::npos) << chunk.error().message;
}

TEST(RedisCache, needs_no_more_than_the_rights_that_the_reference_names) {
  const RedisServer server;
  server.shell({"ACL", "SETUSER", "hunt", "on", ">pw", "~hunt:*", "+hgetall", "+hset", "+hget",
                "+hmget", "+hdel", "+del", "+pexpire", "+evalsha", "+script|load", "+time",
                "+ping"});
  RedisUnderTest lane(fmt::format("redis://hunt:pw@127.0.0.1:{}", server.port()), {},
                      RedisUnderTest::patient_ns, false);
  ASSERT_TRUE(lane.run(lane.cache().check()).has_value());
  const auto missed = read(lane);
  ASSERT_TRUE(missed.has_value()) << missed.error().message;
  ASSERT_TRUE(update(lane, 2).has_value());
  ASSERT_TRUE(fill(lane, missed->cache_ms).has_value());
  EXPECT_TRUE(read(lane)->complete);
  EXPECT_TRUE(lane.run(lane.cache().read_tile(world, here, 1))->complete);
  server.shell({"HSET", model::HuntName().chunk_key(chunk_here()), "#", "nonsense"});
  EXPECT_TRUE(read(lane)->leased);
}

// Says one thing to whoever connects.
class Impostor {
 public:
  explicit Impostor(std::string words) : words_(std::move(words)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Impostor() {
    stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
  }
  Impostor(const Impostor&) = delete;
  Impostor& operator=(const Impostor&) = delete;
  [[nodiscard]] std::string url() const {
    return fmt::format("redis://127.0.0.1:{}", acceptor_.local_endpoint().port());
  }

 private:
  using tcp = boost::asio::ip::tcp;
  void serve() {
    while (!stopping_) {
      boost::system::error_code error;
      tcp::socket peer(context_);
      acceptor_.accept(peer, error);
      if (error) return;
      std::array<char, 4'096> in{};
      peer.read_some(boost::asio::buffer(in), error);
      boost::asio::write(peer, boost::asio::buffer(words_), error);
      peers_.push_back(std::move(peer));
    }
  }
  std::string words_;
  std::atomic<bool> stopping_ = false;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::vector<tcp::socket> peers_;
  std::thread thread_;
};

TEST(RedisCache, a_server_that_is_no_redis_is_refused_with_a_sentence) {
  const Impostor web("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  RedisUnderTest lane(web.url());
  const auto chunk = read(lane);
  ASSERT_FALSE(chunk.has_value());
  EXPECT_EQ(chunk.error().code, Errc::unavailable);
  EXPECT_NE(chunk.error().message.find("does not speak Redis' protocol"), std::string::npos)
      << chunk.error().message;
}

TEST(RedisCache, replies_that_nobody_asked_for_end_the_connection) {
  const Impostor mail("+OK ready\r\n+OK again\r\n+OK and again\r\n");
  RedisUnderTest lane(mail.url());
  const auto chunk = read(lane);
  EXPECT_FALSE(chunk.has_value());
  EXPECT_TRUE(eventually([&] {
    const auto next = read(lane);
    return !next && next.error().message.find("nobody asked for") != std::string::npos;
  }));
}

TEST(RedisCache, a_silent_server_is_a_deadline) {
  const Impostor mute("");
  RedisUnderTest lane(mute.url(), {}, short_ns);
  EXPECT_EQ(code_of(read(lane)), Errc::deadline_exceeded);
}

TEST(RedisCache, full_memory_is_overloaded_and_leaves_the_fill_as_it_was) {
  const RedisServer server({"--maxmemory-policy", "noeviction"});
  RedisUnderTest lane(server.url());
  ASSERT_TRUE(fill(lane, read(lane)->cache_ms).has_value());
  ASSERT_TRUE(update(lane, 5).has_value());
  server.shell({"CONFIG", "SET", "maxmemory", "1"});
  const auto written = update(lane, 6);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, Errc::overloaded);
  EXPECT_NE(written.error().message.find("allkeys-lru"), std::string::npos);
  lane.advance_ms(1);
  const auto refused = fill(lane, lane.now_ms(), 9);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::overloaded);
  const auto chunk = read(lane);
  ASSERT_TRUE(chunk.has_value()) << chunk.error().message;
  EXPECT_TRUE(chunk->complete);
  EXPECT_EQ(chunk->rows.rows.front().version, 5U);
  lane.advance_ms(25'000);
  const auto due = read(lane);
  ASSERT_TRUE(due.has_value()) << due.error().message;
  EXPECT_TRUE(due->complete && !due->leased) << "what is due for a refresh serves on";
  server.shell({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(update(lane, 6).has_value());
}

TEST(RedisCache, eviction_is_a_miss) {
  const RedisServer server({"--maxmemory-policy", "allkeys-lru"});
  RedisUnderTest lane(server.url());
  ASSERT_TRUE(fill(lane, read(lane)->cache_ms).has_value());
  server.shell({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_TRUE(eventually([&] { return server.shell({"DBSIZE"}).integer == 0; }));
  server.shell({"CONFIG", "SET", "maxmemory", "0"});
  const auto chunk = read(lane);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_TRUE(!chunk->complete && chunk->leased);
}

TEST(RedisCache, a_replica_and_a_cluster_are_named_when_one_server_was_meant) {
  const RedisServer master;
  const RedisServer replica({"--replicaof", fmt::format("127.0.0.1 {}", master.port())});
  RedisUnderTest lane(replica.url());
  std::string said;
  EXPECT_TRUE(eventually([&] {
    const auto chunk = read(lane);
    said = chunk ? "" : chunk.error().message;
    return said.find("is a replica") != std::string::npos;
  })) << said;
  RedisUnderTest other(fmt::format("redis-cluster://127.0.0.1:{}", master.port()));
  const auto chunk = read(other);
  ASSERT_FALSE(chunk.has_value());
  EXPECT_NE(chunk.error().message.find("use redis://"), std::string::npos) << chunk.error().message;
}

TEST(RedisCache, too_much_under_way_is_refused) {
  RedisServer server;
  RedisUnderTest lane(server.url(), {}, 2'000'000'000);
  ASSERT_TRUE(read(lane).has_value());
  server.process().signal(SIGSTOP);
  std::vector<Errc> codes;
  std::size_t missing = 20;
  std::vector<ports::CacheAsk> asks(limits::chunks_per_load_max, {chunk_here(), 0});
  for (std::size_t i = 0; i < 20; ++i) {
    auto done = [&](const std::exception_ptr&, Result<std::vector<ports::CachedChunk>> chunks) {
      codes.push_back(chunks ? Errc::internal : chunks.error().code);
      --missing;
    };
    boost::asio::co_spawn(lane.context(), lane.cache().read(asks, lease_ns), std::move(done));
  }
  while (missing > 0) lane.context().run_one();
  server.process().signal(SIGCONT);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), Errc::overloaded), 4);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), Errc::deadline_exceeded), 16);
  EXPECT_TRUE(recovers(lane));
}

}  // namespace
}  // namespace hunt::redis
