#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "codec/recording_writer.h"
#include "codec/trace_file.h"
#include "load/crowd.h"
#include "load/walks.h"

namespace hunt::rush {
namespace {

// Walks of the trace that HUNT_TRACE names; without it players are generated.
load::Walks recorded_walks() {
  const char* path = std::getenv("HUNT_TRACE");
  if (path == nullptr) return {};
  auto trace = codec::read_trace_file(path, {});
  EXPECT_TRUE(trace.has_value()) << trace.error().message;
  return trace ? load::Walks(trace->rows) : load::Walks{};
}

// 28,000 players, a step a second, 100 to a game server, a block a second as the recorder writes
// it.
TEST(RecordingSize, of_a_day_of_the_reference_crowd_is_below_two_gib) {
  constexpr std::int64_t seconds = 20;
  load::CrowdOptions options;
  load::Crowd crowd(options, recorded_walks());
  codec::BlockEncoder encoder(codec::Pseudonyms(codec::Pseudonyms::Key{1}));
  model::Batch batch;
  std::uint64_t bytes = 0;
  std::uint64_t positions = 0;
  std::uint64_t first_bytes = 0;
  for (std::int64_t s = 0; s < seconds; ++s) {
    for (std::uint32_t i = 0; i < crowd.servers(); ++i) {
      crowd.next_batch(batch);
      encoder.add_batch(s * 1'000 + i * 1'000 / crowd.servers(), i + 1, codec::Way::asked, batch);
      positions += s > 0 ? batch.positions.size() : 0;
    }
    const std::uint64_t size = encoder.take().size();
    (s > 0 ? bytes : first_bytes) += size;
  }
  const double per_position = static_cast<double>(bytes) / static_cast<double>(positions);
  const double day_gib =
      (per_position * options.players * 86'400 + static_cast<double>(first_bytes)) /
      (1'024.0 * 1'024 * 1'024);
  std::printf("%.3f bytes a position, %.2f GiB a day of %u players\n", per_position, day_gib,
              options.players);
  EXPECT_LT(day_gib, 2.0);
}

}  // namespace
}  // namespace hunt::rush
