// Pseudonyms: what stands in a recording in place of players and claims.
//
// One to one under a key: without it nobody gets from a pseudonym to an id or tries out ids that he
// has; with it a recording can be played again by the very players, which alone gives the very
// claims and rewards. A hash would not do: the id of a claim is a plain hash of its player, so
// claims have to be hidden, too, and be found again. One object per thread.
#pragma once
#include <array>
#include <cstdint>

#include "base/cipher128.h"
#include "model/ids.h"

namespace hunt::codec {

class Pseudonyms {
 public:
  using Key = std::array<std::uint8_t, 32>;
  explicit Pseudonyms(const Key& key);

  [[nodiscard]] model::PlayerId hide_player(model::PlayerId player);
  [[nodiscard]] model::PlayerId show_player(model::PlayerId pseudonym);
  [[nodiscard]] model::ClaimId hide_claim(model::ClaimId claim);
  [[nodiscard]] model::ClaimId show_claim(model::ClaimId pseudonym);
  // Names the key without telling it; stands at the beginning of a recording.
  [[nodiscard]] std::uint64_t key_id() const noexcept { return key_id_; }

 private:
  Cipher128 players_;
  Cipher128 claims_;
  std::uint64_t key_id_;
};

}  // namespace hunt::codec
