#include "base/sha256.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/result.h"

namespace hunt {

struct Sha256::State {
  EVP_MD* digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { HUNT_ASSERT(digest != nullptr && context != nullptr); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(digest);
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Digest256 Sha256::of(Bytes data) {
  Digest256 out;
  unsigned int length = 0;
  const bool ok = EVP_DigestInit_ex2(state_->context, state_->digest, nullptr) == 1 &&
                  EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1 &&
                  EVP_DigestFinal_ex(state_->context, out.data(), &length) == 1;
  HUNT_ASSERT(ok && length == out.size());
  return out;
}

struct HmacSha256::State {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* context = nullptr;
  explicit State(Bytes key) {
    HUNT_ASSERT(mac != nullptr);
    context = EVP_MAC_CTX_new(mac);
    HUNT_ASSERT(context != nullptr);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    HUNT_ASSERT(EVP_MAC_init(context, key.data(), key.size(), params) == 1);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
  }
};

HmacSha256::HmacSha256(Bytes key) : state_(std::make_unique<State>(key)) {}
HmacSha256::~HmacSha256() = default;
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;

Digest256 HmacSha256::of(Bytes message) {
  Digest256 out;
  std::size_t length = 0;
  // A null key keeps the one given at construction.
  const bool ok = EVP_MAC_init(state_->context, nullptr, 0, nullptr) == 1 &&
                  EVP_MAC_update(state_->context, message.data(), message.size()) == 1 &&
                  EVP_MAC_final(state_->context, out.data(), &length, out.size()) == 1;
  HUNT_ASSERT(ok && length == out.size());
  return out;
}

}  // namespace hunt
