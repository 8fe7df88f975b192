// The binary form of what else travels on the bus: invalidations, and failures in place of replies.
//
// Not batches (flat_batch.h). Reading trusts nothing: offsets are verified, then every bound, and
// an error names its field (`tiles[3].loot_table`). Errors: invalid_argument, or too_large for what
// exceeds model/limits.h. Thread: the functions any; a writer one at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "model/change.h"

namespace hunt::codec {

// `machine` names the machine whose monotonic clock counts: `committed_ns` of another's is 0.
// Bound: limits::reply_bytes_max, limits::invalidation_rows_max.
[[nodiscard]] Result<model::Invalidation> read_flat_invalidation(std::string_view bytes,
                                                                 std::uint64_t machine);

// The error that the bytes carry; or why they carry none.
[[nodiscard]] Result<Error> read_flat_failure(std::string_view bytes);

// Keeps its buffer between calls. Lifetime: what write() returns is valid until the next call.
class FlatChangeWriter {
 public:
  FlatChangeWriter();
  ~FlatChangeWriter();
  FlatChangeWriter(FlatChangeWriter&&) noexcept;
  FlatChangeWriter& operator=(FlatChangeWriter&&) noexcept;

  // What the readers above accept, given values within the same bounds.
  [[nodiscard]] std::string_view write(const model::Invalidation& invalidation,
                                       std::uint64_t machine);
  [[nodiscard]] std::string_view write(const Error& error);

 private:
  struct Builder;
  std::unique_ptr<Builder> builder_;
};

}  // namespace hunt::codec
