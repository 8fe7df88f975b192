#include "codec/pseudonyms.h"

#include <string_view>

#include "base/sha256.h"

namespace hunt::codec {

namespace {

Digest256 derived(const Pseudonyms::Key& key, std::string_view purpose) {
  return HmacSha256(key).of(
      {reinterpret_cast<const std::uint8_t*>(purpose.data()), purpose.size()});
}

model::Id128 id_of(const Block128& block) {
  return model::id_from_bytes(block.data());
}

}  // namespace

Pseudonyms::Pseudonyms(const Key& key)
    : players_(derived(key, "hunt recording players")),
      claims_(derived(key, "hunt recording claims")),
      key_id_(model::id_from_bytes(derived(key, "hunt recording key").data()).high) {}

model::PlayerId Pseudonyms::hide_player(model::PlayerId player) {
  return id_of(players_.hide(model::to_bytes(player)));
}
model::PlayerId Pseudonyms::show_player(model::PlayerId pseudonym) {
  return id_of(players_.show(model::to_bytes(pseudonym)));
}
model::ClaimId Pseudonyms::hide_claim(model::ClaimId claim) {
  return id_of(claims_.hide(model::to_bytes(claim)));
}
model::ClaimId Pseudonyms::show_claim(model::ClaimId pseudonym) {
  return id_of(claims_.show(model::to_bytes(pseudonym)));
}

}  // namespace hunt::codec
