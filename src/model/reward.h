// A reward: stacks of items, in one canonical text, "star_shard*12,bell,candle".
//
// The text is what the ledger keeps and what is compared; one item of count 1 is its bare name, as
// it was before there were stacks. Item names hold neither '*' nor ','.
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

// Appends a stack to a text: the second, third, … behind a comma.
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

// Whether the reward is one item of count 1: then its text is the item's name.
[[nodiscard]] inline bool is_one_item(std::string_view reward) noexcept {
  return !reward.empty() && reward.find_first_of("*,") == std::string_view::npos;
}

}  // namespace hunt::model
