// HuntName: what a hunt is called on servers that it shares with others, and every name there that
// is made of it: subjects, streams, consumers and queue group of NATS, keys of Redis.
//
// Not the identity of a hunt: two may be called the same by mistake, which their stores tell apart.
// No name of a server's is made anywhere else. A value; "hunt" where nothing else is said.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/tile.h"

namespace hunt::model {

class HuntName {
 public:
  HuntName() = default;
  // 1 to 32 of a-z, 0-9, '_' and '-'. Errors: invalid_argument, field `hunt`.
  [[nodiscard]] static Result<HuntName> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  // Subjects. `shard`: "0", "7", "any", or "*" for all.
  [[nodiscard]] std::string asks(std::string_view shard) const { return under("ask.", shard); }
  [[nodiscard]] std::string positions(std::string_view shard) const { return under("pos.", shard); }
  [[nodiscard]] std::string invalidations(std::string_view shard) const {
    return under("inval.", shard);
  }
  [[nodiscard]] std::string claims(std::string_view world) const { return under("claims.", world); }
  [[nodiscard]] std::string letters() const { return under("dlq", {}); }
  [[nodiscard]] std::string map() const { return under("map", {}); }
  // Where processes say that they are there, and are asked why it is slow, and for profiles. These
  // are verbs of the NATS service protocol's own subjects, so that who may ask `$SRV.PING` may ask
  // it, too.
  [[nodiscard]] std::string here() const { return under("here", {}); }
  [[nodiscard]] std::string why() const { return "$SRV.WHY." + text_; }
  [[nodiscard]] std::string flame() const { return "$SRV.FLAME." + text_; }
  [[nodiscard]] std::string ping() const { return "$SRV.PING." + text_; }
  // Who shares the asks, and the map.
  [[nodiscard]] const std::string& queue() const noexcept { return text_; }

  // Streams, in capitals: HUNT_POS, HUNT_CLAIMS, HUNT_DLQ; and the durable consumer of a shard.
  [[nodiscard]] std::string positions_stream() const { return stream("_POS"); }
  [[nodiscard]] std::string claims_stream() const { return stream("_CLAIMS"); }
  [[nodiscard]] std::string letters_stream() const { return stream("_DLQ"); }
  [[nodiscard]] std::string consumer(std::string_view shard) const;

  // "hunt:{<world>:<chunk>}:c": all keys of a chunk are in one slot of a cluster.
  [[nodiscard]] std::string chunk_key(ChunkKey key) const;
  // Whose hunt the keys are of.
  [[nodiscard]] std::string owner_key() const { return text_ + ":hunt"; }

  friend bool operator==(const HuntName&, const HuntName&) = default;

 private:
  [[nodiscard]] std::string under(std::string_view part, std::string_view last) const;
  [[nodiscard]] std::string stream(std::string_view end) const;

  std::string text_ = "hunt";
};

// Whether a subject is of a hunt, of whatever name: nobody's outcomes may be sent there.
[[nodiscard]] bool is_hunt_subject(std::string_view subject) noexcept;

}  // namespace hunt::model
