#include "model/ids.h"

#include <span>

#include "base/text.h"

namespace hunt::model {

std::array<std::uint8_t, 16> to_bytes(Id128 id) noexcept {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(id.high >> (56 - 8 * i));
    out[8 + i] = static_cast<std::uint8_t>(id.low >> (56 - 8 * i));
  }
  return out;
}

Id128 id_from_bytes(const std::uint8_t* sixteen_bytes) noexcept {
  Id128 id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.high = (id.high << 8) | sixteen_bytes[i];
    id.low = (id.low << 8) | sixteen_bytes[8 + i];
  }
  return id;
}

std::optional<PlayerId> parse_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return {};
  std::array<char, 32> digits{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return {};
    if (!dash) digits[count++] = text[i];
  }
  return parse_claim_id(std::string_view(digits.data(), digits.size()));
}

std::string format_uuid(PlayerId player) {
  std::string text = format_claim_id(player);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

std::optional<ClaimId> parse_claim_id(std::string_view text) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  if (!from_hex(text, bytes)) return {};
  return id_from_bytes(bytes.data());
}

std::string format_claim_id(ClaimId claim) {
  return to_hex(to_bytes(claim));
}

std::string format_u64_hex(std::uint64_t value) {
  const auto bytes = to_bytes({value, 0});
  return to_hex(std::span(bytes).first(8));
}

std::optional<std::uint64_t> parse_u64_hex(std::string_view text) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  if (!from_hex(text, std::span(bytes).first(8))) return {};
  return id_from_bytes(bytes.data()).high;
}

}  // namespace hunt::model
