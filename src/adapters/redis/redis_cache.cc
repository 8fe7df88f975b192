#include "adapters/redis/redis_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/redis/entry.h"
#include "codec/chunk_blob.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::redis {

namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t life_ms = limits::chunk_life_ns / 1'000'000;
constexpr std::uint64_t kept_ms = 40'000;  // PROTOCOLS 6: at least 35 s after any write
constexpr std::size_t writes_max = 256;    // in one exchange
constexpr std::chrono::seconds owner_look_every{2};
constexpr std::uint64_t order_max = std::uint64_t{1} << 53;  // what Lua's numbers can tell apart

ServersOptions servers_options(const RedisOptions& options) {
  ServersOptions out;
  out.deadline = nanoseconds(options.deadline_ns);
  out.seed = options.seed;
  return out;
}

// EVALSHA of a script over one key, with so many arguments more.
CommandWriter run_script(const Script& script, std::string_view key, std::size_t arguments) {
  CommandWriter command(4 + arguments);
  command.add("EVALSHA").add(script.sha1).add(1).add(key);
  return command;
}

// The port knows no `unauthorized`: to a lane a server that keeps it out is one that is not there.
tl::unexpected<Error> for_lane(Error error) {
  if (error.code == Errc::unauthorized) error.code = Errc::unavailable;
  return tl::unexpected<Error>(std::move(error));
}

bool unreadable(const Error& error) {
  return error.code == Errc::corrupt || error.code == Errc::unsupported;
}

}  // namespace

RedisCache::RedisCache(RedisUrl url, RedisOptions options, boost::asio::any_io_executor lane)
    : options_(std::move(options)),
      servers_(std::move(lane), std::move(url), servers_options(options_)) {}

boost::asio::awaitable<Result<void>> RedisCache::check() {
  HUNT_CO_CHECK(co_await servers_.check());
  owner_looked_ = {};
  co_return co_await look_at_owner();
}

// What is between two looks is safe, too: each entry says whose it is.
boost::asio::awaitable<Result<void>> RedisCache::look_at_owner() {
  if (options_.owner.id.empty()) co_return Result<void>{};
  const TimePoint now = std::chrono::steady_clock::now();
  if (owner_looked_ != TimePoint{} && now - owner_looked_ < owner_look_every) {
    if (other_hunt_) co_return tl::unexpected<Error>(*other_hunt_);
    co_return Result<void>{};
  }
  const std::string key = options_.hunt.owner_key();
  std::vector<Call> calls(1);
  calls[0].slot = hash_slot(key);
  calls[0].script = &owner_script();
  CommandWriter command = run_script(owner_script(), key, 2);
  command.add(options_.owner.id).add(options_.owner.stores);
  calls[0].command = command.take();
  const auto answers = co_await servers_.exchange(std::move(calls));
  const Answer& answer = answers.front();
  // Unknown: as long as that lasts the entries speak for themselves.
  owner_looked_ = now;
  if (!answer) co_return Result<void>{};
  other_hunt_.reset();
  model::HuntOwner owner;
  if (answer->list.size() == 2) {
    owner = model::HuntOwner::read(answer->list[0].text + " " + answer->list[1].text);
  }
  if (owner.id == options_.owner.id) co_return Result<void>{};
  other_hunt_ = model::other_hunt(fmt::format("the cache at {}", servers_.url().shown()),
                                  options_.hunt, owner, fmt::format("redis-cli DEL {}", key));
  co_return tl::unexpected<Error>(*other_hunt_);
}

void RedisCache::add_time(CommandWriter& command) const {
  const std::string_view owner = options_.owner.short_id();
  if (!options_.test_time) {
    command.add(fmt::format("{}|", owner));
    return;
  }
  command.add(fmt::format("{}|{}", owner, options_.test_time()));
}

Call RedisCache::read_call(const ports::CacheAsk& ask) const {
  const std::string key = key_of(ask.key);
  Call call;
  call.slot = hash_slot(key);
  call.timed = !options_.test_time;
  call.command = CommandWriter(2).add("HGETALL").add(key).take();
  return call;
}

boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> RedisCache::read(
    std::vector<ports::CacheAsk> asks, std::int64_t lease_ns) {
  HUNT_ASSERT(asks.size() <= limits::chunks_per_load_max);
  HUNT_CO_CHECK(co_await look_at_owner());
  std::vector<Call> calls;
  for (const auto& ask : asks) calls.push_back(read_call(ask));
  auto answers = co_await servers_.exchange(std::move(calls));
  Chunks chunks(asks.size());
  std::vector<std::size_t> wanted;
  std::vector<std::size_t> odd;
  std::vector<std::size_t> down;
  std::optional<Error> first_error;
  for (std::size_t i = 0; i < asks.size(); ++i) {
    if (!answers[i] && !unreadable(answers[i].error())) {
      if (!first_error) first_error = std::move(answers[i]).error();
      down.push_back(i);
      continue;
    }
    auto glance =
        answers[i] ? glance_at(*answers[i], asks[i], now_of(*answers[i]), options_.owner.short_id())
                   : Result<Glance>(tl::unexpect, answers[i].error());
    if (!glance || glance->lease_free) (glance ? wanted : odd).push_back(i);
    chunks[i].unreadable = !glance;
    if (glance) chunks[i] = std::move(glance->chunk);
    if (answers[i]) chunks[i].clock = answers[i]->clock;
  }
  if (first_error && down.size() == asks.size()) co_return for_lane(std::move(*first_error));
  figures_.chunks_unanswered += down.size();
  for (const std::size_t i : down) chunks[i].leased = true;
  if (!wanted.empty() || !odd.empty()) {
    const auto leased = co_await lease(asks, lease_ns, std::move(wanted), std::move(odd), chunks);
    if (!leased) co_return for_lane(leased.error());
  }
  figures_.chunks_read += chunks.size();
  for (const auto& chunk : chunks) figures_.chunks_complete += chunk.complete ? 1 : 0;
  co_return chunks;
}

std::int64_t RedisCache::now_of(const Reply& reply) const {
  return options_.test_time ? options_.test_time() : reply.time_ms;
}

Call RedisCache::lease_call(const ports::CacheAsk& ask, std::int64_t lease_ns) const {
  const std::string key = key_of(ask.key);
  Call call;
  call.slot = hash_slot(key);
  call.script = &lease_script();
  CommandWriter command = run_script(*call.script, key, 4);
  add_time(command);
  command.add(ask.epoch_min);
  command.add(static_cast<std::uint64_t>(lease_ns / 1'000'000));
  command.add(static_cast<std::uint64_t>(refresh_ms));
  call.command = command.take();
  return call;
}

boost::asio::awaitable<Result<void>> RedisCache::lease(const std::vector<ports::CacheAsk>& asks,
                                                       std::int64_t lease_ns,
                                                       std::vector<std::size_t> which,
                                                       std::vector<std::size_t> odd,
                                                       Chunks& chunks) {
  figures_.chunks_unreadable += odd.size();
  std::vector<Call> calls;
  for (const std::size_t i : odd) {
    const std::string key = key_of(asks[i].key);
    Call call;
    call.slot = hash_slot(key);
    call.command = CommandWriter(2).add("DEL").add(key).take();
    calls.push_back(std::move(call));
  }
  const std::size_t deleted = calls.size();
  which.insert(which.end(), odd.begin(), odd.end());
  for (const std::size_t i : which) calls.push_back(lease_call(asks[i], lease_ns));
  const auto answers = co_await servers_.exchange(std::move(calls));
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Answer& answer = answers[deleted + i];
    ports::CachedChunk& chunk = chunks[which[i]];
    // What is complete serves, whether or not somebody can refresh it now.
    if (!answer && chunk.complete) continue;
    if (!answer) co_return tl::unexpected<Error>(answer.error());
    const bool readable = answer->list.size() == 2 && answer->list[1].integer > 0 &&
                          answer->list[1].integer <= limits::cache_ms_max;
    if (!readable) co_return fail(Errc::corrupt, "a lease that cannot be read");
    chunk.leased = answer->list[0].integer == 1;
    chunk.cache_ms = answer->list[1].integer;
  }
  co_return Result<void>{};
}

Call RedisCache::fill_call(const ports::ChunkFill& fill) const {
  const std::string key = key_of(fill.rows.key);
  Call call;
  call.slot = hash_slot(key);
  call.script = &fill_script();
  call.write = true;
  CommandWriter command = run_script(*call.script, key, 6 + 2 * fill.rows.rows.size());
  add_time(command);
  command.add(static_cast<std::uint64_t>(fill.expires_ms)).add(fill.rows.epoch);
  command.add(kept_ms).add(static_cast<std::uint64_t>(life_ms));
  command.add(codec::write_rows(fill.rows.rows));
  for (const auto& row : fill.rows.rows) {
    command.add(field_of(row.tile)).add(model::order_of(fill.rows.epoch, row.version));
  }
  call.command = command.take();
  return call;
}

boost::asio::awaitable<Result<void>> RedisCache::fill(std::vector<ports::ChunkFill> fills) {
  HUNT_ASSERT(fills.size() <= limits::chunks_per_load_max);
  HUNT_CO_CHECK(co_await look_at_owner());
  std::vector<Call> calls;
  for (const auto& fill : fills) {
    // Without the cache's time, from a node that was down when it was asked for.
    if (fill.expires_ms > life_ms) calls.push_back(fill_call(fill));
  }
  const auto answers = co_await servers_.exchange(std::move(calls));
  Result<void> out;
  for (const auto& answer : answers) {
    if (!answer) {
      if (out) out = for_lane(answer.error());
      continue;
    }
    ++figures_.fills;
    if (answer->list.size() != 2) continue;
    figures_.fills_refused += answer->list[0].integer == 0 ? 1 : 0;
    figures_.changes_dropped += static_cast<std::uint64_t>(answer->list[1].integer);
  }
  co_return out;
}

Call RedisCache::update_call(const model::TileChange& change) const {
  const std::string key = key_of(model::chunk_of(change.world, change.row.tile));
  Call call;
  call.slot = hash_slot(key);
  call.script = &update_script();
  call.write = true;
  CommandWriter command = run_script(*call.script, key, 6);
  add_time(command);
  command.add(kept_ms).add(field_of(change.row.tile));
  command.add(model::order_of(change.epoch, change.row.version)).add(change.epoch);
  command.add(codec::write_rows(std::span(&change.row, 1)));
  call.command = command.take();
  return call;
}

boost::asio::awaitable<Result<void>> RedisCache::update(std::vector<model::TileChange> changes) {
  HUNT_CO_CHECK(co_await look_at_owner());
  Result<void> out;
  for (std::size_t at = 0; at < changes.size(); at += writes_max) {
    std::vector<Call> calls;
    const std::size_t end = std::min(changes.size(), at + writes_max);
    for (std::size_t i = at; i < end; ++i) {
      if (model::order_of(changes[i].epoch, changes[i].row.version) >= order_max) {
        co_return fail(Errc::corrupt, fmt::format("epoch {} with version {} is beyond 2^53",
                                                  changes[i].epoch, changes[i].row.version));
      }
      calls.push_back(update_call(changes[i]));
    }
    const auto answers = co_await servers_.exchange(std::move(calls));
    for (const auto& answer : answers) {
      if (!answer && out) out = for_lane(answer.error());
      if (!answer) continue;
      ++figures_.updates;
      figures_.updates_old += answer->integer == 0 ? 1 : 0;
    }
  }
  co_return out;
}

boost::asio::awaitable<Result<CachedTile>> RedisCache::read_tile(model::WorldId world,
                                                                 model::Tile tile,
                                                                 std::uint64_t epoch_min) {
  const model::TileId id = model::tile_id_of(tile);
  const model::ChunkKey chunk = model::chunk_of(world, id);
  const std::string key = key_of(chunk);
  const std::string field = field_of(id);
  std::vector<Call> calls(1);
  calls[0].slot = hash_slot(key);
  calls[0].script = &tile_script();
  CommandWriter command = run_script(*calls[0].script, key, 3);
  add_time(command);
  calls[0].command = command.add(epoch_min).add(field).take();
  const auto answers = co_await servers_.exchange(std::move(calls));
  const Answer& answer = answers.front();
  if (!answer) co_return for_lane(answer.error());
  if (answer->list.size() != 3) co_return fail(Errc::corrupt, "the tile's entry cannot be read");
  CachedTile out;
  out.complete = answer->list[0].integer == 1;
  if (answer->list[1].kind == Reply::Kind::text) {
    HUNT_CO_TRY(fill, read_fill(answer->list[1].text, chunk));
    out.epoch = fill.rows.epoch;
    for (auto& row : fill.rows.rows) {
      if (row.tile == id) out.row = std::move(row);
    }
  }
  if (answer->list[2].kind == Reply::Kind::text) {
    HUNT_CO_TRY(change, read_change(field, answer->list[2].text, chunk));
    const bool newer = !out.row || model::order_of(change.epoch, change.row.version) >
                                       model::order_of(out.epoch, out.row->version);
    if (newer) {
      out.row = std::move(change.row);
      out.epoch = change.epoch;
    }
  }
  co_return out;
}

RedisFigures RedisCache::figures() const {
  RedisFigures out = figures_;
  out.servers = servers_.figures();
  return out;
}

}  // namespace hunt::redis
