#include "codec/json_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

namespace json = boost::json;

Result<std::string> text_of(const json::object& file, std::string_view key, std::size_t index) {
  const json::value* value = file.if_contains(key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text != nullptr && !text->empty()) return std::string(*text);
  const std::string field = fmt::format("files[{}].{}", index, key);
  return fail(Errc::invalid_argument, fmt::format("{}: expected text", field), field);
}

}  // namespace

std::string write_rules(const model::RulesTimeline& timeline,
                        const std::vector<model::ShardId>& missing) {
  json::array turns;
  for (const auto& turn : timeline.turns) {
    turns.push_back(json::object{{"version", turn.version},
                                 {"revision", turn.revision},
                                 {"from", format_time_us(turn.from_us)},
                                 {"by", turn.by},
                                 {"note", turn.note}});
  }
  json::array stopped;
  for (const auto& one : timeline.stopped) {
    stopped.push_back(json::object{{"event", one.event},
                                   {"since", format_time_us(one.since_us)},
                                   {"by", one.by},
                                   {"note", one.note}});
  }
  json::array shards;
  for (const auto shard : missing) shards.emplace_back(shard);
  return json::serialize(json::object{{"seq", timeline.seq},
                                      {"turns", std::move(turns)},
                                      {"stopped", std::move(stopped)},
                                      {"missing", std::move(shards)}});
}

Result<model::RulesFiles> parse_rules_files(std::string_view body) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(body.data(), body.size()), error);
  const json::object* whole = error ? nullptr : parsed.if_object();
  const json::value* list = whole == nullptr ? nullptr : whole->if_contains("files");
  const json::array* entries = list == nullptr ? nullptr : list->if_array();
  if (entries == nullptr || entries->empty() || whole->size() != 1) {
    return fail(Errc::invalid_argument,
                R"(expected {"files":[{"name":"event.yaml","text":"…"}]} and nothing else)",
                "files");
  }
  if (entries->size() > limits::rules_files_max) {
    return fail(Errc::too_large, fmt::format("files: at most {}", limits::rules_files_max),
                "files");
  }
  model::RulesFiles files;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const json::object* entry = (*entries)[i].if_object();
    if (entry == nullptr || entry->size() != 2) {
      return fail(Errc::invalid_argument,
                  fmt::format("files[{}]: expected an object with name and text", i), "files");
    }
    HUNT_TRY(name, text_of(*entry, "name", i));
    HUNT_TRY(text, text_of(*entry, "text", i));
    if (std::any_of(files.begin(), files.end(),
                    [&](const auto& one) { return one.name == name; })) {
      const std::string field = fmt::format("files[{}].name", i);
      return fail(Errc::invalid_argument,
                  fmt::format("{}: another file has the name \"{}\"", field, printable(name)),
                  field);
    }
    files.push_back({std::move(name), std::move(text)});
  }
  return files;
}

std::string write_rules_files(const model::RulesFiles& files) {
  json::array entries;
  for (const auto& file : files) {
    entries.push_back(json::object{{"name", file.name}, {"text", file.text}});
  }
  return json::serialize(json::object{{"files", std::move(entries)}});
}

}  // namespace hunt::codec
