// Rewards for this folder's tests: any, and the longest.
//
// Not those of rules: names are made of one letter, counts are as large as 64 bits hold.
#pragma once
#include <algorithm>
#include <string>

#include "base/prng.h"
#include "model/limits.h"
#include "model/reward.h"

namespace hunt::codec {

// Of no stack up to limits::items_per_find_max; half of the counts are 1, some are as large as can
// be.
inline std::string any_reward(Prng& prng) {
  std::string reward;
  const auto stacks =
      prng.below(3) == 0 ? prng.below(limits::items_per_find_max + 1) : prng.below(3);
  for (std::uint64_t i = 0; i < stacks; ++i) {
    const std::string item(1 + prng.below(limits::name_bytes_max), static_cast<char>('a' + i));
    const std::uint64_t count = prng.below(2) == 0 ? 1 : prng.next() >> prng.below(64);
    model::append_stack(reward, item, std::max<std::uint64_t>(count, 1));
  }
  if (!reward.empty() && prng.below(3) == 0) model::announce(reward, "tier-" + reward.substr(0, 1));
  return reward;
}

// Of limits::reward_bytes_max bytes in limits::items_per_find_max stacks, each so many of its item.
inline std::string longest_reward(std::uint64_t count = 1) {
  std::string reward;
  const std::size_t written = count == 1 ? 0 : 1 + std::to_string(count).size();
  const std::size_t each = limits::reward_bytes_max / limits::items_per_find_max - 1 - written;
  for (std::size_t i = 0; i < limits::items_per_find_max; ++i) {
    model::append_stack(reward, std::string(each + i / 15, static_cast<char>('a' + i)), count);
  }
  return reward;
}

}  // namespace hunt::codec
