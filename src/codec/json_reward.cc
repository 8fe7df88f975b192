#include "codec/json_reward.h"

#include "base/json_string.h"
#include "model/reward.h"

namespace hunt::codec {

void append_reward(std::string& out, std::string_view reward) {
  if (model::is_one_item(reward)) {
    out += R"(,"item":)";
    append_json_string(out, model::stacks_of(reward));
  }
  out += R"(,"items":[)";
  const char* before = R"({"item":)";
  model::for_each_stack(reward, [&](const model::ItemStack& stack) {
    out += before;
    append_json_string(out, stack.item);
    out += R"(,"count":)";
    out += std::to_string(stack.count);
    out.push_back('}');
    before = R"(,{"item":)";
  });
  out.push_back(']');
  const std::string_view tier = model::announced_tier(reward);
  if (tier.empty()) return;
  out += R"(,"announce":true,"tier":)";
  append_json_string(out, tier);
}

}  // namespace hunt::codec
