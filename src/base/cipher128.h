// Cipher128: 128 bits to 128 other bits under a key, one to one: what only the key's owner can
// undo.
//
// AES-256 on a single block: not for messages, and not secret against who may have single values
// enciphered for him. For identifiers, which are one block each and differ. One object per thread.
#pragma once
#include <array>
#include <cstdint>
#include <memory>

namespace hunt {

using Block128 = std::array<std::uint8_t, 16>;

class Cipher128 {
 public:
  explicit Cipher128(const std::array<std::uint8_t, 32>& key);
  ~Cipher128();
  Cipher128(Cipher128&&) noexcept;
  Cipher128& operator=(Cipher128&&) noexcept;

  [[nodiscard]] Block128 hide(const Block128& plain);
  // show(hide(x)) == x
  [[nodiscard]] Block128 show(const Block128& hidden);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hunt
