// What a part of the tail is due to: a part by itself, and what stands behind it.
//
// Not the verdict (attribution.h) and not its words (cause_text.h). Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/attribution.h"
#include "engine/store_calls.h"
#include "engine/tail.h"
#include "model/why.h"

namespace hunt::engine {

inline constexpr double stands_out = 0.5;  // a share below this is no single culprit
// Of a wait without a core: from here on it may be what makes the wait long.
inline constexpr double some_starving = 0.2;

// The wait is one for a core: nothing else that it may be called makes up as much of it.
[[nodiscard]] bool is_starved(const Part& part);
// Calls to the shard fail, and those who wait for it wait to be sent again. Null: they do not.
[[nodiscard]] const Failures* failures_at(const Evidence& evidence, const Part& part);
[[nodiscard]] model::Cause cause_of(const Evidence& evidence, const Part& part);
// One cause may show in several stages, and one kind of it at several shards.
[[nodiscard]] double share_of_cause(const Evidence& evidence, const Tail& tail, model::Cause cause);

// The parts of a tail that are due to what one of them is due to: at its shard the other calls of
// the same cause, and the waits for one of them.
[[nodiscard]] std::vector<const Part*> parts_of_cause(const Evidence& evidence, const Tail& tail,
                                                      const Part& part);

// Who waits for a call or a connection while calls are slow waits because of them. Where none of
// them is over, a probe that is slow, too, tells. So does who waits for another process that reads
// for both, of the same shard.
[[nodiscard]] std::optional<Part> read_behind_fill(const Evidence& evidence, const Tail& tail,
                                                   const Part& part);
[[nodiscard]] std::optional<Part> call_behind_wait(const Evidence& evidence, const Tail& tail,
                                                   const Part& part);
// Reads and grants of a shard go the same way. Where it is not clear what one of them waits for,
// and the other waits for the way, both do. Null: they do not.
[[nodiscard]] const Part* way_behind_call(const Evidence& evidence, const Tail& tail,
                                          const Part& part);
// Calls that broke off were made again, and those of the tail waited for that about as long as the
// calls took then. Null: they did not.
[[nodiscard]] const Part* retry_behind_call(const Evidence& evidence, const Tail& tail,
                                            const Part& part);
// Calls to a shard break off again and again, and half of the tail passes there: that is why,
// however short cores are. The wait to be sent again, where it is worth telling, else the calls.
// Null: it is not so, or the calls told otherwise.
[[nodiscard]] const Part* part_behind_breaks(const Evidence& evidence, const Tail& tail);
[[nodiscard]] double share_of_shard(const Tail& tail, std::uint32_t shard);
// What is stored waits because those who take it have their hands full, or what they took came to
// nothing and is stored again: then the wait is of what fills them. Nothing: they have not.
[[nodiscard]] std::optional<Part> work_behind_backlog(const Evidence& evidence, const Tail& tail,
                                                      const Part& part);
[[nodiscard]] bool may_have_hands_full(const Evidence& evidence, const Part& part);
// What else is slow, whether the slowest met it or not: the calls to a shard, and the looks into
// the cache. At most one part for each that is none of `named`; none whose cause is not known.
[[nodiscard]] std::vector<Part> slow_besides(const Evidence& evidence,
                                             const std::vector<const Part*>& named);
// A call that is over comes back to its lane and waits in the same line as the batches, or for a
// core. The line of a busy lane, when it is long enough to hold most of the call; of a lane that
// stood still, also where it is HTTP's thread that the wait was for: the process stood still.
[[nodiscard]] std::optional<Part> line_behind_call(const Evidence& evidence, const Part& part);
// All of it passes where no core is free; but what the store calls a lock is one.
[[nodiscard]] std::optional<Part> full_machine_behind(const Evidence& evidence, const Tail& tail,
                                                      const Part& part);
// Hardly a look into the cache finds what it looks for, though the cache answers at once: all is
// read from the stores, and that is why these, or the machine, have no time. Nothing: they do.
[[nodiscard]] std::optional<Part> empty_cache_behind(const Evidence& evidence, const Tail& tail);
// The lane has its hands full, or no core for so long, or one answer in ten has none for half of
// its time: then it is no chance.
[[nodiscard]] bool surely_wants_core(const Evidence& evidence);
// A process that stood still catches each batch in another stage: no stage holds half, and all of
// it together lasts as long as the stall.
[[nodiscard]] std::optional<Part> stall_behind(const Evidence& evidence, const Tail& tail);

}  // namespace hunt::engine
