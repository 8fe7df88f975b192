#include "base/cipher128.h"

#include <openssl/evp.h>

#include "base/result.h"

namespace hunt {

struct Cipher128::State {
  EVP_CIPHER_CTX* hides = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* shows = EVP_CIPHER_CTX_new();
  explicit State(const std::array<std::uint8_t, 32>& key) {
    HUNT_ASSERT(hides != nullptr && shows != nullptr);
    const EVP_CIPHER* aes = EVP_aes_256_ecb();
    HUNT_ASSERT(EVP_EncryptInit_ex(hides, aes, nullptr, key.data(), nullptr) == 1);
    HUNT_ASSERT(EVP_DecryptInit_ex(shows, aes, nullptr, key.data(), nullptr) == 1);
    EVP_CIPHER_CTX_set_padding(hides, 0);
    EVP_CIPHER_CTX_set_padding(shows, 0);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    EVP_CIPHER_CTX_free(hides);
    EVP_CIPHER_CTX_free(shows);
  }
};

Cipher128::Cipher128(const std::array<std::uint8_t, 32>& key)
    : state_(std::make_unique<State>(key)) {}
Cipher128::~Cipher128() = default;
Cipher128::Cipher128(Cipher128&&) noexcept = default;
Cipher128& Cipher128::operator=(Cipher128&&) noexcept = default;

Block128 Cipher128::hide(const Block128& plain) {
  Block128 out{};
  int size = 0;
  const int done = EVP_EncryptUpdate(state_->hides, out.data(), &size, plain.data(), 16);
  HUNT_ASSERT(done == 1 && size == 16);
  return out;
}

Block128 Cipher128::show(const Block128& hidden) {
  Block128 out{};
  int size = 0;
  const int done = EVP_DecryptUpdate(state_->shows, out.data(), &size, hidden.data(), 16);
  HUNT_ASSERT(done == 1 && size == 16);
  return out;
}

}  // namespace hunt
