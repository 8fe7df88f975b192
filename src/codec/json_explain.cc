#include "codec/json_explain.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <vector>

#include "base/json_string.h"
#include "base/text.h"
#include "codec/json_reward.h"

namespace hunt::codec {

namespace {

// `"name":"text"`, with what stands before it.
void append_text(std::string& out, std::string_view name, std::string_view text) {
  out += name;
  append_json_string(out, text);
}

void append_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  out += name;
  out.push_back('[');
  for (const auto& text : texts) append_text(out, &text == &texts.front() ? "" : ",", text);
  out.push_back(']');
}

void append_story(std::string& out, const model::Story& story) {
  const auto end = std::back_inserter(out);
  append_text(out, R"({"fate":)", model::name_of(story.fate));
  fmt::format_to(end, R"(,"certain":{})", story.certain);
  append_text(out, R"(,"sentence":)", story.sentence);
  if (story.claim) append_text(out, R"(,"claim":)", model::format_claim_id(*story.claim));
  if (story.player) append_text(out, R"(,"player":)", model::format_uuid(*story.player));
  if (story.world) {
    fmt::format_to(end, R"(,"world":{},"x":{},"y":{})", *story.world, story.tile.x, story.tile.y);
  }
  if (story.at_us != 0) append_text(out, R"(,"at":)", format_time_us(story.at_us));
  if (story.fate == model::Fate::granted) append_reward(out, story.reward);
  if (!story.rules.empty()) append_text(out, R"(,"rules":)", story.rules);
  if (story.told) fmt::format_to(end, R"(,"told":{})", *story.told);
  append_texts(out, R"(,"lines":)", story.lines);
  out.push_back('}');
}

}  // namespace

std::string write_explanation(const model::Explanation& explanation) {
  std::string out;
  append_text(out, R"({"answer":)", explanation.answer);
  fmt::format_to(std::back_inserter(out), R"(,"complete":{},"stories":[)", explanation.complete);
  for (const auto& story : explanation.stories) {
    if (&story != &explanation.stories.front()) out.push_back(',');
    append_story(out, story);
  }
  out.push_back(']');
  append_texts(out, R"(,"notes":)", explanation.notes);
  append_texts(out, R"(,"missing":)", explanation.missing);
  out.push_back('}');
  return out;
}

}  // namespace hunt::codec
