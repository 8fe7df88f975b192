// The wire forms: bytes to model values and back, each beside the least that any reader of the same
// bytes does. Names are <contestant>/<case>; script/bench compares the contestants of a case.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <boost/json.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "base/prng.h"
#include "codec/flat_batch.h"
#include "codec/hunt_generated.h"
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

// A reply as the reference load gets it: mostly nothing, hints near loot, a claim now and then.
model::BatchReply make_reply(std::size_t positions) {
  Prng prng(11);
  model::BatchReply reply;
  for (std::size_t i = 0; i < positions; ++i) {
    model::PositionOutcome one;
    const auto roll = prng.below(20);
    if (roll < 5) {
      one.outcome = model::Outcome::hint;
      one.distance = static_cast<std::uint16_t>(1 + prng.below(8));
    } else if (roll == 5) {
      one.outcome = model::Outcome::found;
      one.claim_index = static_cast<std::int32_t>(reply.claims.size());
      reply.claims.push_back({{prng.next(), prng.next()}, {}, false});
    }
    reply.outcomes.push_back(one);
  }
  return reply;
}

std::string flat_request(std::size_t positions) {
  PositionsRequest request;
  request.batch = make_batch(positions, true);
  request.world = request.batch.world;
  FlatWriter writer;
  return std::string(writer.write(request));
}

void flat_decode(benchmark::State& state, std::size_t positions) {
  const std::string bytes = flat_request(positions);
  for (auto _ : state) {
    auto request = read_flat_request(bytes);
    if (!request) state.SkipWithError(request.error().message.c_str());
    benchmark::DoNotOptimize(request->batch.positions.data());
  }
  per_byte(state, bytes.size(), positions);
}

// The ceiling: FlatBuffers' own verification, then the positions copied into memory that is there.
void verify_and_memcpy(benchmark::State& state, std::size_t positions) {
  const std::string bytes = flat_request(positions);
  std::vector<model::Position> to(positions);
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (auto _ : state) {
    flatbuffers::Verifier verifier(data, bytes.size());
    if (!wire::VerifyMessageBuffer(verifier)) state.SkipWithError("broken");
    const auto& list = *wire::GetMessage(data)->body_as_Request()->positions();
    std::memcpy(static_cast<void*>(to.data()), list.Data(), list.size() * sizeof(wire::Position));
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  per_byte(state, bytes.size(), positions);
}

void flat_encode(benchmark::State& state, std::size_t positions) {
  PositionsRequest request;
  request.batch = make_batch(positions, true);
  request.world = request.batch.world;
  FlatWriter writer;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto written = writer.write(request);
    bytes = written.size();
    benchmark::DoNotOptimize(written.data());
  }
  per_byte(state, bytes, positions);
}

void copy_of_flat(benchmark::State& state, std::size_t positions) {
  const std::string bytes = flat_request(positions);
  std::vector<char> to(bytes.size());
  for (auto _ : state) {
    std::memcpy(to.data(), bytes.data(), bytes.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  per_byte(state, bytes.size(), positions);
}

void json_encode(benchmark::State& state, std::size_t positions) {
  const model::Batch batch = make_batch(positions, false);
  const model::BatchReply reply = make_reply(positions);
  std::string text;
  for (auto _ : state) {
    text.clear();
    write_reply(batch, reply, text);
    benchmark::DoNotOptimize(text.data());
  }
  per_byte(state, text.size(), positions);
}

// The alternative: Boost.JSON writes the same reply from a tree that is already built.
void boost_serialize(benchmark::State& state, std::size_t positions) {
  std::string text;
  write_reply(make_batch(positions, false), make_reply(positions), text);
  const boost::json::value tree = boost::json::parse(text);
  for (auto _ : state) {
    const std::string again = boost::json::serialize(tree);
    benchmark::DoNotOptimize(again.data());
  }
  per_byte(state, text.size(), positions);
}

#define HUNT_JSON_CASES(contestant)                    \
  BENCHMARK_CAPTURE(contestant, json_100, 100, false); \
  BENCHMARK_CAPTURE(contestant, json_256, 256, false); \
  BENCHMARK_CAPTURE(contestant, json_256_all_fields, 256, true)

HUNT_JSON_CASES(json_decode);
HUNT_JSON_CASES(simdjson_walk);
BENCHMARK_CAPTURE(flat_decode, flat_100, 100);
BENCHMARK_CAPTURE(verify_and_memcpy, flat_100, 100);
BENCHMARK_CAPTURE(flat_decode, flat_256, 256);
BENCHMARK_CAPTURE(verify_and_memcpy, flat_256, 256);
BENCHMARK_CAPTURE(json_encode, json_reply_256, 256);
BENCHMARK_CAPTURE(boost_serialize, json_reply_256, 256);
BENCHMARK_CAPTURE(flat_encode, flat_request_256, 256);
BENCHMARK_CAPTURE(copy_of_flat, flat_request_256, 256);

}  // namespace
}  // namespace hunt::codec

BENCHMARK_MAIN();
