// A reward: stacks of items, in one canonical text, "star_shard*12,bell,candle". One that is to be
// announced ends with the highest tier of its items: "comet_cape!legendary".
//
// The text is what the ledger keeps and what is compared; one item of count 1 is its bare name, as
// it was before there were stacks. Names hold none of '*', ',' and '!'.
#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace hunt::model {

struct ItemStack {
  std::string_view item;
  std::uint64_t count = 1;  // 1 .. limits: what one find can give of an item
};

inline constexpr std::string_view reward_marks = "*,!";  // which no name holds

// The tier as which it is announced; empty: it is not.
[[nodiscard]] inline std::string_view announced_tier(std::string_view reward) noexcept {
  const std::size_t mark = reward.rfind('!');
  return mark == std::string_view::npos ? std::string_view{} : reward.substr(mark + 1);
}

// The text without that.
[[nodiscard]] inline std::string_view stacks_of(std::string_view reward) noexcept {
  return reward.substr(0, reward.rfind('!'));
}

// Makes it one that is announced. Requires: a tier's name, and a reward that is not.
inline void announce(std::string& reward, std::string_view tier) {
  reward += '!';
  reward += tier;
}

// Appends a stack to a text that is not announced yet: the second, third, … behind a comma.
inline void append_stack(std::string& reward, std::string_view item, std::uint64_t count) {
  if (!reward.empty()) reward += ',';
  reward += item;
  if (count == 1) return;
  reward += '*';
  reward += std::to_string(count);
}

// Shows each stack of a reward's text, in its order; of an empty text none. Total: what is no count
// belongs to the name.
template <typename See>
void for_each_stack(std::string_view reward, See&& see) {
  reward = stacks_of(reward);
  while (!reward.empty()) {
    const std::size_t comma = reward.find(',');
    const std::string_view text = reward.substr(0, comma);
    reward = comma == std::string_view::npos ? std::string_view{} : reward.substr(comma + 1);
    ItemStack stack{text, 1};
    if (const std::size_t star = text.rfind('*'); star != std::string_view::npos) {
      std::uint64_t count = 0;
      const char* end = text.data() + text.size();
      const auto [at, failed] = std::from_chars(text.data() + star + 1, end, count);
      if (failed == std::errc{} && at == end) stack = {text.substr(0, star), count};
    }
    see(stack);
  }
}

// Whether the reward is one item of count 1: then stacks_of() it is the item's name.
[[nodiscard]] inline bool is_one_item(std::string_view reward) noexcept {
  const std::string_view stacks = stacks_of(reward);
  return !stacks.empty() && stacks.find_first_of("*,") == std::string_view::npos;
}

}  // namespace hunt::model
