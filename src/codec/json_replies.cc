#include "codec/json_replies.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <iterator>

#include "base/json_string.h"
#include "base/result.h"
#include "base/text.h"
#include "codec/json_reward.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

// Formats to the end of `out`; the format is compiled.
#define HUNT_APPEND(format, ...) \
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(format) __VA_OPT__(, ) __VA_ARGS__)

constexpr std::array<char, 512> make_hex_pairs() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (std::size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = digits[i >> 4];
    pairs[2 * i + 1] = digits[i & 15];
  }
  return pairs;
}
constexpr auto hex_pairs = make_hex_pairs();

// Writes 32 hexadecimal digits, with the dashes of a UUID when asked; returns the end.
char* put_id(char* to, model::Id128 id, bool dashes) noexcept {
  const auto bytes = model::to_bytes(id);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10)) *to++ = '-';
    std::memcpy(to, hex_pairs.data() + 2 * std::size_t{bytes[i]}, 2);
    to += 2;
  }
  return to;
}

char* put_text(char* to, std::string_view text) noexcept {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* put_number(char* to, std::int64_t value) noexcept {
  const fmt::format_int digits(value);
  return put_text(to, {digits.data(), digits.size()});
}

void append_uuid(std::string& out, model::PlayerId player) {
  std::array<char, 36> text;
  out.append(text.data(),
             static_cast<std::size_t>(put_id(text.data(), player, true) - text.data()));
}

// `,"name":"<time>"` unless the time is one of the two that mean "unbounded".
void append_time(std::string& out, std::string_view name, std::int64_t time_us) {
  if (time_us == model::time_us_min || time_us == model::time_us_max) return;
  HUNT_APPEND(R"(,"{}":"{}")", name, format_time_us(time_us));
}

// What is told of a claim, without braces.
void append_claim(std::string& out, const model::ClaimEvent& event) {
  HUNT_APPEND(R"("claim":"{}","outcome":"{}")", model::format_claim_id(event.claim),
              model::name_of(event.outcome));
  if (event.outcome == model::Outcome::granted) append_reward(out, event.reward);
  HUNT_APPEND(R"(,"world":{},"x":{},"y":{},"player":")", event.world, event.tile.x, event.tile.y);
  append_uuid(out, event.player);
  out += R"(","rules":)";
  append_json_string(out, event.rules);
  append_time(out, "at", event.at_us);
}

// A row of the ledger, told in the same fields.
void append_grant(std::string& out, const model::Grant& grant) {
  append_claim(out, model::event_of(grant));
}

// `"name":[...]`: each of `list` by `append`, with commas.
template <class List, class Append>
void append_list(std::string& out, std::string_view name, const List& list, Append append) {
  HUNT_APPEND(R"("{}":[)", name);
  bool first = true;
  for (const auto& entry : list) {
    if (!first) out.push_back(',');
    first = false;
    append(entry);
  }
  out.push_back(']');
}

void append_tiles(std::string& out, std::string_view name, const std::vector<model::Tile>& tiles) {
  append_list(out, name, tiles,
              [&out](const model::Tile& tile) { HUNT_APPEND("[{},{}]", tile.x, tile.y); });
}

void append_outcomes(std::string& out, std::string_view name,
                     const std::array<std::uint64_t, model::outcome_count>& counts) {
  HUNT_APPEND(R"("{}":{{)", name);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    HUNT_APPEND(R"({}"{}":{})", i == 0 ? "" : ",", model::name_of(static_cast<model::Outcome>(i)),
                counts[i]);
  }
  out.push_back('}');
}

double seconds(std::int64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) / 1e9;
}

// Each figure of the table, with a comma before it; those named "l1.hits" in the object "l1".
void append_counts(std::string& out, const model::Counts& counts) {
  std::string_view open;
  for (const auto& figure : model::count_figures) {
    const auto dot = figure.name.find('.');
    const auto object = dot == std::string_view::npos ? "" : figure.name.substr(0, dot);
    const auto key = dot == std::string_view::npos ? figure.name : figure.name.substr(dot + 1);
    const bool first = object != open && !object.empty();
    if (object != open && !open.empty()) out.push_back('}');
    if (first) HUNT_APPEND(R"(,"{}":{{)", object);
    open = object;
    HUNT_APPEND(R"({}"{}":{})", first ? "" : ",", key, counts.*figure.value);
  }
  if (!open.empty()) out.push_back('}');
}

void append_latencies(std::string& out, std::string_view name,
                      const model::Latencies<model::LatencySummary>& latencies) {
  HUNT_APPEND(R"("{}":{{)", name);
  const char* comma = "";  // fmt takes no view of nothing
  for (const auto& figure : model::latency_figures<model::LatencySummary>) {
    const auto& one = latencies.*figure.value;
    HUNT_APPEND(R"({}"{}":{{"count":{},"sum":{:.9},"p50":{:.9},"p99":{:.9},"p999":{:.9},)", comma,
                figure.name, one.count, seconds(one.sum_ns), seconds(one.p50_ns),
                seconds(one.p99_ns), seconds(one.p999_ns));
    HUNT_APPEND(R"("max":{:.9}}})", seconds(one.max_ns));
    comma = ",";
  }
  out.push_back('}');
}

// Everything of an outcome but its claim.
char* put_outcome(char* to, const model::Position& position,
                  const model::PositionOutcome& outcome) noexcept {
  to = put_text(to, R"({"player":")");
  to = put_id(to, position.player, true);
  to = put_text(to, R"(","x":)");
  to = put_number(to, position.tile.x);
  to = put_text(to, R"(,"y":)");
  to = put_number(to, position.tile.y);
  to = put_text(to, R"(,"outcome":")");
  to = put_text(to, model::name_of(outcome.outcome));
  *to++ = '"';
  if (outcome.outcome == model::Outcome::hint) {
    to = put_text(to, R"(,"distance":)");
    to = put_number(to, outcome.distance);
  }
  if (outcome.outcome == model::Outcome::busy) {
    to = put_text(to, R"(,"retry_after_ms":)");
    to = put_number(to, limits::retry_after_ms);
  }
  return to;
}

}  // namespace

void write_reply(const model::Batch& batch, const model::BatchReply& reply, std::string& out) {
  HUNT_ASSERT(batch.positions.size() == reply.outcomes.size());
  // The longest fixed part is 127 bytes: names, a UUID, two int32, an outcome, a distance.
  std::array<char, 192> fixed;
  // A guess of the whole: short numbers, and one item for each claim.
  out.reserve(out.size() + batch.positions.size() * 96 + reply.claims.size() * 144 + 16);
  out += R"({"outcomes":[)";
  for (std::size_t i = 0; i < reply.outcomes.size(); ++i) {
    const auto& outcome = reply.outcomes[i];
    char* end = fixed.data();
    if (i != 0) *end++ = ',';
    end = put_outcome(end, batch.positions[i], outcome);
    out.append(fixed.data(), static_cast<std::size_t>(end - fixed.data()));
    if (outcome.claim_index >= 0) {
      const auto index = static_cast<std::size_t>(outcome.claim_index);
      HUNT_ASSERT(index < reply.claims.size());
      const auto& claim = reply.claims[index];
      end = put_text(fixed.data(), R"(,"claim":")");
      end = put_id(end, claim.claim, false);
      *end++ = '"';
      out.append(fixed.data(), static_cast<std::size_t>(end - fixed.data()));
      if (outcome.outcome == model::Outcome::granted) append_reward(out, claim.reward);
      if (claim.repeat) out += R"(,"repeat":true)";
    }
    out.push_back('}');
  }
  out += "]}";
}

void write_claim(const model::Grant& grant, std::string& out) {
  out.push_back('{');
  append_grant(out, grant);
  out.push_back('}');
}

void write_grant_event(const model::ClaimEvent& grant, std::string& out) {
  HUNT_APPEND(R"({{"grant":{{"cursor":"{}",)", grant.cursor);
  append_claim(out, grant);
  out += "}}";
}

void write_claim_event(const model::ClaimEvent& event, std::string& out) {
  out += R"({"claim":{)";
  append_claim(out, event);
  out += "}}";
}

void write_grants(const std::vector<model::Grant>& grants, std::string_view next,
                  std::string& out) {
  out.push_back('{');
  append_list(out, "grants", grants, [&out](const model::Grant& grant) {
    HUNT_APPEND(R"({{"cursor":"{}","spawn":"{}",)", grant.cursor, grant.spawn);
    append_grant(out, grant);
    out.push_back('}');
  });
  HUNT_APPEND(R"(,"next":"{}"}})", next);
}

void write_map(const model::ShardMap& map, const std::vector<std::uint64_t>& epochs,
               std::string& out) {
  HUNT_APPEND(R"({{"version":{},"shards":{},)", map.version, map.shards);
  append_list(out, "ranges", map.ranges, [&](const model::ShardRange& range) {
    HUNT_APPEND(R"({{"world":{},"first_tile":"{}","shard":{},"state":"owned","epoch":{}}})",
                range.first.world, range.first.chunk << model::chunk_id_shift, range.shard,
                epochs.at(range.shard));
  });
  out.push_back('}');
}

void write_tile_page(const model::TilePage& page, std::string& out) {
  out.push_back('{');
  append_list(out, "tiles", page.rows, [&out](const model::TileRow& row) {
    const auto tile = model::tile_of(row.tile);
    HUNT_APPEND(R"({{"x":{},"y":{},"table":)", tile.x, tile.y);
    append_json_string(out, row.table);
    HUNT_APPEND(R"(,"budget":{},"spawn":"{}","version":{})", row.budget, row.spawn, row.version);
    append_time(out, "opens", row.opens_us);
    append_time(out, "closes", row.closes_us);
    append_time(out, "buried_at", row.buried_at_us);
    HUNT_APPEND(R"(,"sold_out":{}}})", row.sold_out);
  });
  if (page.next) HUNT_APPEND(R"(,"next":"{}")", page.next->value);
  out.push_back('}');
}

void write_buried(const std::vector<model::Buried>& buried, std::string& out) {
  std::size_t unchanged = 0;
  for (const auto& tile : buried) unchanged += tile.unchanged ? 1 : 0;
  HUNT_APPEND(R"({{"buried":{},"unchanged":{},)", buried.size() - unchanged, unchanged);
  append_list(out, "tiles", buried, [&out](const model::Buried& one) {
    HUNT_APPEND(R"({{"x":{},"y":{},"spawn":"{}"{}}})", one.tile.x, one.tile.y, one.spawn,
                one.unchanged ? R"(,"unchanged":true)" : "");
  });
  out.push_back('}');
}

void write_burials(const std::vector<model::Burial>& burials, std::string& out) {
  out.push_back('{');
  append_list(out, "tiles", burials, [&out](const model::Burial& burial) {
    HUNT_APPEND(R"({{"x":{},"y":{},"table":)", burial.tile.x, burial.tile.y);
    append_json_string(out, burial.table);
    HUNT_APPEND(R"(,"budget":{})", burial.budget);
    if (!burial.key.empty()) {
      out += R"(,"key":)";
      append_json_string(out, burial.key);
    }
    append_time(out, "opens", burial.opens_us);
    append_time(out, "closes", burial.closes_us);
    out.push_back('}');
  });
  out.push_back('}');
}

void write_positions(const model::Batch& batch, std::string& out) {
  HUNT_APPEND(R"({{"world":{},)", batch.world);
  append_list(out, "positions", batch.positions, [&out](const model::Position& position) {
    out += R"({"player":")";
    append_uuid(out, position.player);
    HUNT_APPEND(R"(","x":{},"y":{},"kind":"{}")", position.tile.x, position.tile.y,
                position.kind == model::Kind::dig ? "dig" : "step");
    if (position.seq != 0) HUNT_APPEND(R"(,"seq":{})", position.seq);
    if (position.sent_at_us != 0) append_time(out, "sent_at", position.sent_at_us);
    out.push_back('}');
  });
  out.push_back('}');
}

void write_world(const model::World& world, std::string& out) {
  HUNT_APPEND(R"({{"id":{},"name":)", world.id);
  append_json_string(out, world.name);
  out.push_back('}');
}

void write_worlds(const std::vector<model::World>& worlds, std::string& out) {
  out.push_back('{');
  append_list(out, "worlds", worlds,
              [&out](const model::World& world) { write_world(world, out); });
  out.push_back('}');
}

void write_world_stats(const model::World& world, const model::WorldStats& stats,
                       std::string& out) {
  HUNT_APPEND(R"({{"id":{},"name":)", world.id);
  append_json_string(out, world.name);
  HUNT_APPEND(
      R"(,"stats":{{"tiles":{},"open":{},"sold_out":{},"budget":{},"remaining":{},"grants":{})",
      stats.tiles, stats.open, stats.sold_out, stats.budget, stats.remaining, stats.grants);
  HUNT_APPEND(R"(,"age_seconds":{:.9})", seconds(stats.age_ns));
  if (stats.tiles != 0) {
    HUNT_APPEND(R"(,"bounds":[{},{},{},{}])", stats.bounds.low.x, stats.bounds.low.y,
                stats.bounds.high.x, stats.bounds.high.y);
  }
  out += "}}";
}

void write_stats(const model::Stats& stats, std::string_view not_ready, std::string& out) {
  out += R"({"version":)";
  append_json_string(out, stats.version);
  out += R"(,"rules":)";
  append_json_string(out, stats.rules);
  HUNT_APPEND(R"(,"rules_revision":{},)", stats.rules_revision);
  append_list(out, "rules_stopped", stats.rules_stopped,
              [&out](const std::string& event) { append_json_string(out, event); });
  out += R"(,"event":)";
  append_json_string(out, stats.event);
  out += R"(,"store":)";
  append_json_string(out, stats.store);
  out += R"(,"store_error":)";
  append_json_string(out, stats.store_error);
  out.push_back(',');
  append_list(out, "stores_failing", stats.stores_failing, [&out](const auto& one) {
    HUNT_APPEND(R"({{"shard":{},"seconds":{:.9},"reason":)", one.shard, seconds(one.since_ns));
    append_json_string(out, one.reason);
    out.push_back('}');
  });
  out.push_back(',');
  append_list(out, "tables_missing", stats.tables_missing, [&out](const auto& one) {
    out += R"({"table":)";
    append_json_string(out, one.table);
    HUNT_APPEND(R"(,"spawns":{}}})", one.spawns);
  });
  out += R"(,"not_ready":)";
  append_json_string(out, not_ready);
  out += R"(,"warning":)";
  append_json_string(out, stats.warning);
  HUNT_APPEND(R"(,"uptime_seconds":{:.9},"relay_silence_seconds":{:.9},"lanes":{},)",
              seconds(stats.uptime_ns), seconds(stats.relay_silence_ns), stats.lanes);
  append_outcomes(out, "positions", stats.positions);
  out.push_back(',');
  append_outcomes(out, "claims", stats.claims);
  append_counts(out, stats);
  out.push_back(',');
  append_list(out, "shard_looks", stats.shard_looks,
              [&out](std::uint64_t count) { HUNT_APPEND("{}", count); });
  out.push_back(',');
  append_latencies(out, "latency_seconds", stats.lately);
  out.push_back(',');
  append_latencies(out, "latency_since_start_seconds", stats.since_start);
  out.push_back('}');
}

void write_live(const model::LiveView& view, std::string& out) {
  HUNT_APPEND(R"({{"bounds":[{},{},{},{}],)", view.bounds.low.x, view.bounds.low.y,
              view.bounds.high.x, view.bounds.high.y);
  append_list(out, "players", view.players, [&out](const model::LivePlayer& player) {
    HUNT_APPEND("[{},{},{},{}]", player.tag, player.tile.x, player.tile.y,
                player.kind == model::Kind::dig ? 1 : 0);
  });
  out.push_back(',');
  append_list(out, "finds", view.finds, [&out](const model::ClaimEvent& find) {
    HUNT_APPEND(R"({{"claim":"{}","outcome":"{}","world":{},"x":{},"y":{},"player":")",
                model::format_claim_id(find.claim), model::name_of(find.outcome), find.world,
                find.tile.x, find.tile.y);
    append_uuid(out, find.player);
    out.push_back('"');
    if (find.outcome == model::Outcome::granted) append_reward(out, find.reward);
    append_time(out, "at", find.at_us);
    out.push_back('}');
  });
  out.push_back(',');
  append_tiles(out, "loot_open", view.loot_open);
  out.push_back(',');
  append_tiles(out, "loot_gone", view.loot_gone);
  out.push_back('}');
}

}  // namespace hunt::codec
