// A reward in JSON: how every answer, event and row tells it.
//
// Not a reward's own text, which is what the ledger keeps (model/reward.h).
#pragma once
#include <string>
#include <string_view>

namespace hunt::codec {

// `,"items":[{"item":"star_shard","count":12},{"item":"bell","count":1}]`, and before it
// `,"item":"bell"` only where the reward is one item of count 1: who knows nothing but `item` must
// fail rather than credit too little. An empty reward: `,"items":[]`. Behind it, where it is to be
// announced: `,"announce":true,"tier":"legendary"`.
void append_reward(std::string& out, std::string_view reward);

}  // namespace hunt::codec
