// Sha256 and HmacSha256: thin owners of OpenSSL contexts, reused so that a call does not allocate.
//
// Not a general crypto layer: the two functions the protocols need. One object per thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace hunt {

using Digest256 = std::array<std::uint8_t, 32>;
using Bytes = std::span<const std::uint8_t>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  [[nodiscard]] Digest256 of(Bytes data);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class HmacSha256 {
 public:
  // Copies `key`. Bound: any length (the callers use 32 bytes).
  explicit HmacSha256(Bytes key);
  ~HmacSha256();
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256&&) noexcept;
  [[nodiscard]] Digest256 of(Bytes message);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hunt
