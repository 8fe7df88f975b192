#include "codec/json_replies.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <iterator>

#include "base/result.h"
#include "base/text.h"
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

// The length of the valid UTF-8 sequence at the front of `text`, or 0.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf && follows(1)) return 2;
  if ((lead & 0xf0U) == 0xe0 && follows(1) && follows(2)) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4 && follows(1) && follows(2) && follows(3)) {
    const bool outside = (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) >= 0x90);
    return outside ? 0 : 4;
  }
  return 0;
}

// `,"name":"<time>"` unless the time is one of the two that mean "unbounded".
void append_time(std::string& out, std::string_view name, std::int64_t time_us) {
  if (time_us == model::time_us_min || time_us == model::time_us_max) return;
  HUNT_APPEND(R"(,"{}":"{}")", name, format_time_us(time_us));
}

// What is told of a claim, without braces. An empty item is left out.
void append_claim(std::string& out, const model::ClaimEvent& event) {
  HUNT_APPEND(R"("claim":"{}","outcome":"{}")", model::format_claim_id(event.claim),
              model::name_of(event.outcome));
  if (!event.item.empty()) {
    out += R"(,"item":)";
    append_json_string(out, event.item);
  }
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

void append_latency(std::string& out, std::string_view name, const model::LatencySummary& summary) {
  HUNT_APPEND(R"("{}":{{"count":{},"p50":{:.9},"p99":{:.9},"p999":{:.9},"max":{:.9}}})", name,
              summary.count, seconds(summary.p50_ns), seconds(summary.p99_ns),
              seconds(summary.p999_ns), seconds(summary.max_ns));
}

// Everything of an outcome but the item, which alone has no fixed bound.
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

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
      HUNT_APPEND("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back('"');
}

void write_reply(const model::Batch& batch, const model::BatchReply& reply, std::string& out) {
  HUNT_ASSERT(batch.positions.size() == reply.outcomes.size());
  // The longest fixed part is 127 bytes: names, a UUID, two int32, an outcome, a distance.
  std::array<char, 192> fixed;
  out.reserve(out.size() + batch.positions.size() * 96 + reply.claims.size() * 96 + 16);
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
      if (!claim.item.empty()) {
        out += R"(,"item":)";
        append_json_string(out, claim.item);
      }
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
  out += R"(,"event":)";
  append_json_string(out, stats.event);
  out += R"(,"store":)";
  append_json_string(out, stats.store);
  out += R"(,"store_error":)";
  append_json_string(out, stats.store_error);
  out += R"(,"not_ready":)";
  append_json_string(out, not_ready);
  out += R"(,"warning":)";
  append_json_string(out, stats.warning);
  HUNT_APPEND(R"(,"uptime_seconds":{:.9},"lanes":{},"batches":{},)", seconds(stats.uptime_ns),
              stats.lanes, stats.batches);
  append_outcomes(out, "positions", stats.positions);
  out.push_back(',');
  append_outcomes(out, "claims", stats.claims);
  HUNT_APPEND(R"(,"grants":{},"repeats":{},"claims_waiting":{},"claim_retries":{},"shed":{})",
              stats.grants, stats.repeats, stats.claims_waiting, stats.claim_retries, stats.shed);
  HUNT_APPEND(R"(,"l1":{{"hits":{},"misses":{},"loot_lookups":{},"loot_misses":{},"chunks":{},)",
              stats.l1_hits, stats.l1_misses, stats.loot_lookups, stats.loot_misses,
              stats.l1_chunks);
  HUNT_APPEND(R"("bytes":{},"evictions":{},"chunks_loaded":{}}},)", stats.l1_bytes,
              stats.l1_evictions, stats.chunks_loaded);
  HUNT_APPEND(R"("l2":{{"hits":{},"misses":{},"errors":{}}},"cross_shard":{},)", stats.l2_hits,
              stats.l2_misses, stats.cache_errors, stats.cross_shard);
  HUNT_APPEND(R"("rules_rejected":{},"relay_silence_seconds":{:.9},)", stats.rules_rejected,
              seconds(stats.relay_silence_ns));
  out += R"("latency_seconds":{)";
  append_latency(out, "answer", stats.answer);
  out.push_back(',');
  append_latency(out, "cache_read", stats.cache_read);
  out.push_back(',');
  append_latency(out, "store_load", stats.store_load);
  out.push_back(',');
  append_latency(out, "store_grant", stats.store_grant);
  out.push_back(',');
  append_latency(out, "invalidation", stats.invalidation);
  out += "}}";
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
    if (!find.item.empty()) {
      out += R"(,"item":)";
      append_json_string(out, find.item);
    }
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
