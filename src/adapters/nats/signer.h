// Signer: what one process of a hunt tells another carries the hunt's signature, so that nobody
// else who may publish on these subjects is believed.
//
// Not secrecy. HMAC-SHA256 with the key that is kept in the stores, over the subject, the time of
// acceptance (where one is told) and the message. Who has no key (`hunt rush`, who only asks) signs
// nothing and believes what it hears. Thread: one at a time.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

namespace hunt::nats {

inline constexpr const char* signature_header = "Hunt-Signature";

class Signer {
 public:
  // `key`: empty for none.
  explicit Signer(Bytes key) {
    if (!key.empty()) mac_.emplace(key);
  }

  [[nodiscard]] bool has_key() const noexcept { return mac_.has_value(); }
  // 64 hexadecimal digits; with a key only.
  [[nodiscard]] std::string sign(std::string_view subject, std::string_view as_of,
                                 std::string_view message);
  // With a key only: whether somebody who has it signed just this.
  [[nodiscard]] bool fits(std::string_view signature, std::string_view subject,
                          std::string_view as_of, std::string_view message);

 private:
  [[nodiscard]] Digest256 of(std::string_view subject, std::string_view as_of,
                             std::string_view message);

  std::optional<HmacSha256> mac_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace hunt::nats
