#include "codec/json_explain.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "base/text.h"

namespace hunt::codec {

namespace {

namespace json = boost::json;

json::array array_of(const std::vector<std::string>& lines) {
  json::array out;
  for (const auto& line : lines) out.emplace_back(line);
  return out;
}

json::object object_of(const model::Story& story) {
  json::object out;
  out["fate"] = model::name_of(story.fate);
  out["certain"] = story.certain;
  out["sentence"] = story.sentence;
  if (story.claim) out["claim"] = model::format_claim_id(*story.claim);
  if (story.player) out["player"] = model::format_uuid(*story.player);
  if (story.world) {
    out["world"] = *story.world;
    out["x"] = story.tile.x;
    out["y"] = story.tile.y;
  }
  if (story.at_us != 0) out["at"] = format_time_us(story.at_us);
  if (!story.reward.empty()) out["item"] = story.reward;
  if (!story.rules.empty()) out["rules"] = story.rules;
  if (story.told) out["told"] = *story.told;
  out["lines"] = array_of(story.lines);
  return out;
}

}  // namespace

std::string write_explanation(const model::Explanation& explanation) {
  json::array stories;
  for (const auto& story : explanation.stories) stories.push_back(object_of(story));
  json::object out;
  out["answer"] = explanation.answer;
  out["complete"] = explanation.complete;
  out["stories"] = std::move(stories);
  out["notes"] = array_of(explanation.notes);
  out["missing"] = array_of(explanation.missing);
  return json::serialize(out);
}

}  // namespace hunt::codec
