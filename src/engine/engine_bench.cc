// Engine, L1-hot: position to outcome, beside one hash look-up and one array read per tile of the
// same positions, which fetch a word and decide nothing. Batches of 256 in the reference world:
// uniform, Zipf (each position drawn afresh near the clusters) and a crowd that walks there.
#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>

#include "engine/answer.h"
#include "load/crowd.h"
#include "load/demo_world.h"
#include "load/placement.h"
#include "model/limits.h"

namespace hunt::engine {
namespace {

constexpr std::size_t batch_positions = 256;
constexpr std::size_t batches = 256;

struct Reference {
  std::unique_ptr<L1> l1;
  std::vector<model::Batch> crowd;
  std::vector<model::Batch> zipf;
  std::vector<model::Batch> uniform;
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> map;  // tile id -> 64 bits of its row
  std::vector<std::uint64_t> flat;                              // one word per tile of the world

  std::vector<model::Tile> loot;

  static std::uint64_t flat_index(model::Tile tile) {
    return (static_cast<std::uint64_t>(tile.y + 2'048) << 12) |
           static_cast<std::uint64_t>(tile.x + 2'048);
  }
  Reference() {
    auto rules = std::make_shared<model::RuleSet>();
    rules->version = "0000000000000001";
    rules->events.push_back(
        {"starlight", model::Trigger::step, 8, model::time_us_min, model::time_us_max});
    rules->tables.push_back({"starlight", 0, 0, 1, 1});
    rules->entries.push_back({1, false, 0});
    rules->items.push_back("star_shard");
    l1 = std::make_unique<L1>(256U << 20, rules);
    const load::DemoWorld world = load::make_demo_world({.seed = 1});
    bury(world);
    load::CrowdOptions options;
    options.players = 110 * batch_positions;  // 28,160: whole batches
    options.batch_players = batch_positions;
    options.attractions = world.centres;
    load::Crowd players(options);
    for (std::size_t i = 0; i < batches; ++i) players.next_batch(crowd.emplace_back());
    uniform = elsewhere(crowd, {});
    zipf = elsewhere(crowd, world.centres);
  }
  static std::vector<model::Batch> elsewhere(std::vector<model::Batch> at,
                                             std::vector<model::Tile> attractions) {
    const load::Placement placement(load::demo_world_rect, std::move(attractions));
    Prng prng(7);
    for (model::Batch& batch : at) {
      for (model::Position& position : batch.positions) position.tile = placement.draw(prng);
    }
    return at;
  }
  void bury(const load::DemoWorld& world) {
    std::map<model::ChunkKey, model::ChunkRows> chunks;
    for (std::int32_t y = -65; y <= 64; ++y) {
      for (std::int32_t x = -65; x <= 64; ++x) {
        const auto key = model::chunk_key(1, {x, y});
        chunks[key].key = key;
      }
    }
    flat.resize(std::size_t{4'096} * 4'096);
    model::SpawnId spawn = 1;
    for (const auto& burial : world.burials) {
      model::TileRow row;
      row.tile = model::tile_id_of(burial.tile);
      row.version = 1;
      row.spawn = spawn;
      row.table = burial.table;
      row.budget = burial.budget;
      chunks[model::chunk_of(1, row.tile)].rows.push_back(row);
      map[row.tile.value] = spawn;
      flat[flat_index(burial.tile)] = spawn++;
      loot.push_back(burial.tile);
    }
    for (const auto& [key, rows] : chunks) l1->put(rows, 1, INT64_MAX / 2);
    l1->heartbeat(1);
  }
};

Reference& reference() {
  static Reference one;
  return one;
}

using Input = std::vector<model::Batch> Reference::*;

// Calls `answer_to` with one batch after the other.
template <class AnswerTo>
void each_batch(benchmark::State& state, Input input, AnswerTo answer_to) {
  const auto& in = reference().*input;
  for (const auto& batch : in) answer_to(batch);
  std::size_t i = 0;
  for (auto _ : state) answer_to(in[i++ % batches]);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch_positions));
}

void answer_batch(benchmark::State& state, Input input) {
  Turn turn;
  std::vector<model::PositionOutcome> outcomes(batch_positions);
  each_batch(state, input, [&](const model::Batch& batch) {
    answer(*reference().l1, batch, {2, 2}, outcomes.data(), turn);
    benchmark::DoNotOptimize(outcomes.data());
  });
}

// `find`: from a tile to its word.
template <class Find>
void each_tile(benchmark::State& state, Input input, Find find) {
  std::vector<std::uint64_t> out(batch_positions);
  each_batch(state, input, [&](const model::Batch& batch) {
    for (std::size_t p = 0; p < batch_positions; ++p) out[p] = find(batch.positions[p].tile);
    benchmark::DoNotOptimize(out.data());
  });
}

void flat_map(benchmark::State& state, Input input) {
  each_tile(state, input, [&map = reference().map](model::Tile tile) {
    const auto found = map.find(model::tile_id_of(tile).value);
    return found == map.end() ? 0 : found->second;
  });
}

void flat_array(benchmark::State& state, Input input) {
  each_tile(state, input, [&flat = reference().flat](model::Tile tile) {
    return flat[Reference::flat_index(tile)];
  });
}

// A changed tile, and the first answer on it: its chunk derives its maps again.
void follow_change(benchmark::State& state) {
  Reference own;  // the changes must not be the others'
  Turn turn;
  std::vector<model::PositionOutcome> outcomes(batch_positions);
  model::Batch one;
  one.positions.resize(1);
  model::TileChange change{1, {}};
  change.row.version = 1;
  change.row.table = "starlight";
  std::size_t i = 0;
  for (auto _ : state) {
    one.positions[0].tile = own.loot[i++ * 7'919 % own.loot.size()];
    change.row.tile = model::tile_id_of(one.positions[0].tile);
    ++change.row.version;
    change.row.spawn = i;
    own.l1->apply(change);
    answer(*own.l1, one, {2, 2}, outcomes.data(), turn);
    benchmark::DoNotOptimize(outcomes.data());
  }
}

BENCHMARK(follow_change);
BENCHMARK_CAPTURE(answer_batch, uniform, &Reference::uniform);
BENCHMARK_CAPTURE(flat_map, uniform, &Reference::uniform);
BENCHMARK_CAPTURE(flat_array, uniform, &Reference::uniform);
BENCHMARK_CAPTURE(answer_batch, zipf, &Reference::zipf);
BENCHMARK_CAPTURE(flat_map, zipf, &Reference::zipf);
BENCHMARK_CAPTURE(flat_array, zipf, &Reference::zipf);
BENCHMARK_CAPTURE(answer_batch, crowd, &Reference::crowd);
BENCHMARK_CAPTURE(flat_map, crowd, &Reference::crowd);
BENCHMARK_CAPTURE(flat_array, crowd, &Reference::crowd);

}  // namespace
}  // namespace hunt::engine

BENCHMARK_MAIN();
