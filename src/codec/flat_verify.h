// Bytes as a verified FlatBuffers message of hunt.fbs, and the sentences about those that are none.
//
// Not a reader of messages (flat_batch.h and flat_change.h are) but internal to them. Thread: any.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::wire {
struct Message;
}

namespace hunt::codec::detail {

// FlatBuffers reads scalars in place, which needs the message where 8-byte values may stand.
class Aligned {
 public:
  explicit Aligned(std::string_view bytes) {
    const void* at = bytes.data();
    if (reinterpret_cast<std::uintptr_t>(at) % alignof(std::uint64_t) != 0) {
      copy_ = std::make_unique_for_overwrite<std::uint64_t[]>(bytes.size() / 8 + 1);
      std::memcpy(copy_.get(), at, bytes.size());
      at = copy_.get();
    }
    data_ = static_cast<const std::uint8_t*>(at);
  }
  [[nodiscard]] const std::uint8_t* data() const noexcept { return data_; }

 private:
  std::unique_ptr<std::uint64_t[]> copy_;
  const std::uint8_t* data_ = nullptr;
};

// The message, or nothing when it is none. (A Result would cost as much as the verification.)
[[nodiscard]] const wire::Message* verify_message(const std::uint8_t* data, std::size_t size);

// A non-empty text of at most name_bytes_max bytes.
[[nodiscard]] Result<std::string> read_name(std::string_view text, std::string field);

[[nodiscard]] tl::unexpected<Error> wrong(std::string field, std::string_view sentence);
[[nodiscard]] tl::unexpected<Error> broken();
[[nodiscard]] tl::unexpected<Error> too_large(std::size_t bytes, std::size_t bytes_max);
// Why `message`, as verify_message() gave it for `bytes`, has no body of the wanted type.
[[nodiscard]] tl::unexpected<Error> no_body(const wire::Message* message, std::string_view bytes,
                                            std::string_view wanted);

}  // namespace hunt::codec::detail
