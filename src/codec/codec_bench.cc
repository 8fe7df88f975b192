// The wire forms: bytes to model values and back, each beside the least that any reader of the same
// bytes does. Names are <contestant>/<case>; script/bench compares the contestants of a case.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/prng.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"

namespace hunt::codec {
namespace {

// A batch as a game server sends it in one tick: random UUIDs, tiles of the reference world, 5 %
// digs; with `all`, the optional fields, too.
model::Batch make_batch(std::size_t positions, bool all) {
  Prng prng(7);
  model::Batch batch;
  for (std::size_t i = 0; i < positions; ++i) {
    model::Position position;
    position.player = {prng.next(), prng.next()};
    position.tile = {static_cast<std::int32_t>(prng.between(-2'048, 2'047)),
                     static_cast<std::int32_t>(prng.between(-2'048, 2'047))};
    position.kind = prng.below(20) == 0 ? model::Kind::dig : model::Kind::step;
    if (all) {
      position.seq = 1'000 + prng.below(100'000);
      position.sent_at_us = 1'795'458'600'000'000 + static_cast<std::int64_t>(i);
    }
    batch.positions.push_back(position);
  }
  return batch;
}

std::string json_of(const model::Batch& batch) {
  std::string text;
  write_positions(batch, text);
  return text;
}

void per_byte(benchmark::State& state, std::size_t bytes, std::size_t positions) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(positions));
}

void json_decode(benchmark::State& state, std::size_t positions, bool all) {
  const std::string text = json_of(make_batch(positions, all));
  PositionsReader reader;
  for (auto _ : state) {
    auto request = reader.parse(text);
    if (!request) state.SkipWithError(request.error().message.c_str());
    benchmark::DoNotOptimize(request->batch.positions.data());
  }
  per_byte(state, text.size(), positions);
}

// The ceiling: simdjson steps over every field of the same bytes, padded beforehand, and reads
// strings and numbers as they come; nothing is checked and nothing is kept.
void simdjson_walk(benchmark::State& state, std::size_t positions, bool all) {
  const simdjson::padded_string text(json_of(make_batch(positions, all)));
  simdjson::ondemand::parser parser;
  for (auto _ : state) {
    std::size_t sum = 0;
    std::size_t members = 0;
    auto document = parser.iterate(text);
    for (auto entry : document["positions"].get_array()) {
      for (auto member : entry.get_object()) {
        simdjson::ondemand::field field;
        if (std::move(member).get(field) == simdjson::SUCCESS) ++members;
        const char first = *field.value().raw_json_token().data();
        if (first == '"') {
          std::string_view value;
          if (field.value().get_string().get(value) == simdjson::SUCCESS) sum += value.size();
        } else {
          std::int64_t value = 0;
          if (field.value().get_int64().get(value) == simdjson::SUCCESS) {
            sum += static_cast<std::size_t>(value);
          }
        }
      }
    }
    benchmark::DoNotOptimize(sum);
    if (members != positions * (all ? 6 : 4)) state.SkipWithError("the walk missed a field");
  }
  per_byte(state, text.size(), positions);
}

#define HUNT_JSON_CASES(contestant)                    \
  BENCHMARK_CAPTURE(contestant, json_100, 100, false); \
  BENCHMARK_CAPTURE(contestant, json_256, 256, false); \
  BENCHMARK_CAPTURE(contestant, json_256_all, 256, true)

HUNT_JSON_CASES(json_decode);
HUNT_JSON_CASES(simdjson_walk);

}  // namespace
}  // namespace hunt::codec

BENCHMARK_MAIN();
