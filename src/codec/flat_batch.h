// The binary form of batches and replies (src/codec/hunt.fbs, FlatBuffers), read and written.
//
// Not JSON (json_requests.h, json_replies.h) and not a transport. Reading trusts nothing: offsets
// are verified, then every bound and enumerator, and an error names its field
// (`positions[3].kind`). A message never begins with '{', so one subject can carry both forms.
// Errors: invalid_argument, or too_large for what exceeds model/limits.h. Thread: the functions
// any; a writer one at a time.
#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"
#include "codec/json_requests.h"
#include "model/batch.h"

namespace hunt::codec {

// Bound: limits::body_bytes_max (checked before reading), limits::batch_positions_max. Any
// alignment; bytes that are not aligned to 8 are copied first.
[[nodiscard]] Result<PositionsRequest> read_flat_request(std::string_view bytes);

// Bound: limits::reply_bytes_max, limits::batch_positions_max outcomes and as many claims, each
// with limits::items_per_find_max stacks.
[[nodiscard]] Result<model::BatchReply> read_flat_reply(std::string_view bytes);

// Keeps its buffer between calls. Lifetime: what write() returns is valid until the next call.
class FlatWriter {
 public:
  FlatWriter();
  ~FlatWriter();
  FlatWriter(FlatWriter&&) noexcept;
  FlatWriter& operator=(FlatWriter&&) noexcept;

  // What the readers above accept, given values within the same bounds.
  [[nodiscard]] std::string_view write(const PositionsRequest& request);
  [[nodiscard]] std::string_view write(const model::BatchReply& reply);

 private:
  struct Builder;
  std::unique_ptr<Builder> builder_;
};

}  // namespace hunt::codec
