// replay_here(): plays a recording in this process, on the time of the recording: the same
// positions, the loot that it tells, and the rules that are given.
//
// Not a node: no network, no store, no latency; judging, claim ids, rolls and the decision are
// those of the engine. Claims that were recorded are decided when and in the order in which the
// ledger decided them, so who was first then is first now; a claim that is new is decided when its
// player comes. Reads the file twice: the claims first. Deterministic. Worlds have no names in a
// recording, but for world 1, `demo`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/pseudonyms.h"
#include "model/rule_set.h"
#include "rush/replay_book.h"

namespace hunt::rush {

struct ReplayHereOptions {
  codec::Pseudonyms::Key key{};
  model::RuleSet rules;
  std::vector<std::uint8_t> event_seed;  // 32 bytes
};

struct ReplayRun {
  std::uint64_t batches = 0;
  std::uint64_t positions = 0;
  std::uint64_t shed = 0;  // positions answered `busy`
  std::uint64_t unanswered = 0;
  std::string last_error;        // why; empty: all were answered
  std::int64_t recorded_ms = 0;  // how long the recording is
  std::int64_t played_ms = 0;    // how long the replay took
  std::int64_t late_ms_max = 0;  // behind its schedule
  std::uint64_t lost = 0;        // batches and claims that the recorder could not keep
  std::uint64_t cut_bytes = 0;   // of the file's end
  ReplayFacts facts;
  ReplayComparison compared;
};

// Errors: those of codec::RecordingReader and ReplayBook; not_found (the recording tells no loot).
[[nodiscard]] Result<ReplayRun> replay_here(const std::string& path,
                                            const ReplayHereOptions& options);

}  // namespace hunt::rush
