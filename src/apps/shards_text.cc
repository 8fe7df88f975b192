// The advice of `hunt shards`, for people and as JSON.
#include <fmt/format.h>

#include <iterator>

#include "apps/shards_commands.h"
#include "base/json_string.h"
#include "base/text.h"
#include "codec/json_shard_map.h"

namespace hunt::apps {

namespace {

constexpr auto scored = static_cast<std::size_t>(shards::Part::score);

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string row_of(const shards::Candidate& one, bool recommended) {
  const shards::Score& score = one.score;
  return fmt::format(
      "{} {:<17} {:>8}  {:>5.2f}  {:>5.2f}  {:>5.2f}  {:>12}  {:>10}  {:>9}  {:>8}\n",
      recommended ? '*' : ' ', one.key, percent(score.crossing[scored]), score.balance[scored],
      score.rows_balance, score.peak_balance, with_commas(score.peak_positions),
      with_commas(score.rows_moved), megabytes(score.rows_moved * shards::row_bytes),
      one.map ? with_commas(one.ranges) : "no map");
}

double seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1e3;
}

std::string head_of(const shards::Counted& counted, const shards::Rows& rows,
                    const TrafficFlags& flags) {
  std::string out;
  if (flags.crowd > 0) {
    out = fmt::format(
        "A crowd of {} on the walks of {} in the demo world of seed {}, {} s, a step "
        "a second and player.\n",
        with_commas(flags.crowd), flags.trace, flags.seed, flags.seconds);
  }
  out += fmt::format(
      "{} positions of {} players in {} chunks; {} shards; hint radius {} tiles.\n"
      "Every other block of {:.0f} s chooses ({} positions), the others score ({}).\n",
      with_commas(counted.positions[0] + counted.positions[1]), with_commas(counted.players),
      with_commas(counted.chunks.size()), counted.shards, counted.hint_radius_tiles,
      seconds(counted.block_ms), with_commas(counted.positions[0]),
      with_commas(counted.positions[1]));
  out += rows.are_loot() ? "Rows are loot tiles.\n"
                         : "Rows: each visited chunk counts as one; --store tells the loot.\n";
  if (counted.chunks.size() < counted.shards) {
    out += fmt::format("Only {} chunks were visited: some shards would have nothing.\n",
                       counted.chunks.size());
  }
  return out;
}

void add_json(const shards::Candidate& one, std::string& out) {
  const shards::Score& score = one.score;
  out += R"({"key":)";
  append_json_string(out, one.key);
  out += R"(,"what":)";
  append_json_string(out, one.what);
  fmt::format_to(
      std::back_inserter(out),
      R"(,"cross_shard_share":{:.6f},"balance":{:.4f},"rows_balance":{:.4f},)"
      R"("peak_balance":{:.4f},"peak_positions":{},"rows_moved":{},"bytes_moved":{},)"
      R"("chosen_by":{{"cross_shard_share":{:.6f},"balance":{:.4f}}},"ranges":{},"loadable":{}}})",
      score.crossing[scored], score.balance[scored], score.rows_balance, score.peak_balance,
      score.peak_positions, score.rows_moved, score.rows_moved * shards::row_bytes,
      score.crossing[0], score.balance[0], one.ranges, one.map.has_value());
}

}  // namespace

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

std::string text_of(const shards::Advice& advice, const shards::Counted& counted,
                    const shards::Rows& rows, const TrafficFlags& flags) {
  std::string out = head_of(counted, rows, flags);
  out += fmt::format("\n  {:<17} {:>8}  {:>5}  {:>5}  {:>5}  {:>12}  {:>10}  {:>9}  {:>8}\n", "key",
                     "crosses", "load", "rows", "peak", "hottest", "rows moved", "bytes", "ranges");
  for (std::size_t i = 0; i < advice.candidates.size(); ++i) {
    out += row_of(advice.candidates[i], i == advice.recommended);
  }
  const shards::Candidate& best = advice.candidates[advice.recommended];
  out += fmt::format(
      "\ncrosses: queries that need several shards. load, rows, peak: the most that a shard has "
      "over "
      "the mean\nof all, of positions, of rows, and of positions in the busiest minute; hottest: "
      "its "
      "positions in that\nminute. rows moved: from where they lie today. ranges: of the map; no "
      "map: "
      "stores cannot take it.\n\nrecommended: {} ({})\n",
      best.key, best.what);
  const auto crosses_less = [&best](const shards::Candidate& one) {
    return !one.map && one.score.crossing[scored] < best.score.crossing[scored] &&
           one.score.balance[scored] <= shards::balance_max;
  };
  for (const shards::Candidate& one : advice.candidates) {
    if (!crosses_less(one)) continue;
    out += fmt::format("{} crosses less, but its {} ranges are more than the {} of a map.\n",
                       one.key, with_commas(one.ranges), with_commas(shards::ranges_max));
  }
  if (best.score.balance[scored] > shards::balance_max) {
    out += fmt::format("No map keeps the load within {} of the mean.\n", shards::balance_max);
  }
  return out;
}

std::string json_of(const shards::Advice& advice, const shards::Counted& counted,
                    const shards::Rows& rows, const TrafficFlags& flags) {
  std::string out = fmt::format(
      R"({{"shards":{},"hint_radius_tiles":{},"crowd":{},"positions":{},"players":{},"chunks":{},)"
      R"("block_seconds":{:.3f},"positions_chosen_by":{},"positions_scored":{},)"
      R"("rows_are":"{}","candidates":[)",
      counted.shards, counted.hint_radius_tiles, flags.crowd,
      counted.positions[0] + counted.positions[1], counted.players, counted.chunks.size(),
      seconds(counted.block_ms), counted.positions[0], counted.positions[1],
      rows.are_loot() ? "loot_tiles" : "visited_chunks");
  for (std::size_t i = 0; i < advice.candidates.size(); ++i) {
    if (i > 0) out.push_back(',');
    add_json(advice.candidates[i], out);
  }
  const shards::Candidate& best = advice.candidates[advice.recommended];
  out += R"(],"recommended":)";
  add_json(best, out);
  out.back() = ',';
  out += R"("map":)";
  codec::write_shard_map(*best.map, out);
  out += "}}";
  return out;
}

}  // namespace hunt::apps
