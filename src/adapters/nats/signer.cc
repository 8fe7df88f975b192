#include "adapters/nats/signer.h"

#include "base/result.h"
#include "base/text.h"

namespace hunt::nats {

namespace {

// Subjects and times have no zero byte, so no two messages give the same bytes.
constexpr std::string_view purpose = "hunt message 1";

void append(std::vector<std::uint8_t>& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
  to.push_back(0);
}

}  // namespace

Digest256 Signer::of(std::string_view subject, std::string_view as_of, std::string_view message) {
  HUNT_ASSERT(mac_.has_value());
  buffer_.clear();
  append(buffer_, purpose);
  append(buffer_, subject);
  append(buffer_, as_of);
  buffer_.insert(buffer_.end(), message.begin(), message.end());
  return mac_->of(buffer_);
}

std::string Signer::sign(std::string_view subject, std::string_view as_of,
                         std::string_view message) {
  return to_hex(of(subject, as_of, message));
}

bool Signer::fits(std::string_view signature, std::string_view subject, std::string_view as_of,
                  std::string_view message) {
  Digest256 told{};
  if (signature.size() != 2 * told.size() || !from_hex(signature, told)) return false;
  if (subject.find('\0') != std::string_view::npos || as_of.find('\0') != std::string_view::npos) {
    return false;
  }
  const Digest256 ours = of(subject, as_of, message);
  std::uint8_t differs = 0;  // in the same time, wherever they differ
  for (std::size_t i = 0; i < ours.size(); ++i) {
    differs = static_cast<std::uint8_t>(differs | (ours[i] ^ told[i]));
  }
  return differs == 0;
}

}  // namespace hunt::nats
