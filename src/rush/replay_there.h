// replay_there(): plays a recording against a hunt that runs, open loop, by the very players.
//
// Not `hunt rush`: nobody is made up. Batches are sent when the recording says, at so many times
// its speed, whatever the answers do, and each waits for its terminal outcomes. What lies there,
// and the rules, are the target's own and of now: for the same claims it needs the same spawns and
// the same event seed, as a copy of the stores has them. Thread: a lane of its own.
#pragma once
#include <cstdint>
#include <string>

#include "adapters/system/stop_signals.h"
#include "base/result.h"
#include "codec/pseudonyms.h"
#include "rush/replay_here.h"
#include "rush/target.h"

namespace hunt::rush {

struct ReplayThereOptions {
  static constexpr std::size_t batches_inflight_max = 8'192;
  codec::Pseudonyms::Key key{};
  double speed = 1;  // 0.01 to 10,000
};

// Ends early when a signal comes; then only what was played is compared. Errors: those of
// codec::RecordingReader, ReplayBook and the target.
[[nodiscard]] Result<ReplayRun> replay_there(const std::string& path, RushTarget& target,
                                             const ReplayThereOptions& options,
                                             const system::StopSignals& signals);

}  // namespace hunt::rush
