#include "codec/why_reader.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "base/text.h"

namespace hunt::codec {

namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 4'096;
constexpr std::size_t name_bytes_max = 128;

std::string text_at(const json::object& from, std::string_view key,
                    std::size_t bytes_max = text_bytes_max) {
  const json::value* value = from.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_string()) return {};
  const auto& text = value->get_string();
  // What comes from elsewhere is shown to a terminal: no control bytes.
  return printable(std::string_view(text.data(), text.size()), bytes_max);
}
double number_at(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_number()) return 0;
  return value->to_number<double>();
}
std::int64_t ns_at(const json::object& from, std::string_view key) {
  return static_cast<std::int64_t>(std::clamp(number_at(from, key), -1e9, 1e9) * 1e9);
}
std::uint64_t count_at(const json::object& from, std::string_view key) {
  return static_cast<std::uint64_t>(std::clamp(number_at(from, key), 0.0, 9e15));
}
bool bool_at(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(json::string_view(key.data(), key.size()));
  return value != nullptr && value->is_bool() && value->get_bool();
}
std::int64_t time_at(const json::object& from, std::string_view key) {
  return parse_time_us(text_at(from, key)).value_or(0);
}
const json::object* object_at(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(json::string_view(key.data(), key.size()));
  return value == nullptr ? nullptr : value->if_object();
}
const json::array* array_at(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(json::string_view(key.data(), key.size()));
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<model::Stage> stage_of(std::string_view name) {
  for (const auto& facts : model::stages) {
    if (facts.name == name) return facts.stage;
  }
  return {};
}
model::Cause cause_of(std::string_view name) {
  for (std::size_t i = 0; i < model::cause_count; ++i) {
    const auto cause = static_cast<model::Cause>(i);
    if (model::name_of(cause) == name) return cause;
  }
  return model::Cause::unclear;
}

model::Why why_of(const json::object& from) {
  model::Why why;
  why.verdict = text_at(from, "verdict");
  why.next = text_at(from, "next");
  why.warning = text_at(from, "warning");
  why.confident = bool_at(from, "confident");
  why.timeline = text_at(from, "timeline", name_bytes_max);
  why.stage = stage_of(text_at(from, "stage", name_bytes_max)).value_or(model::Stage::queue);
  why.resource = text_at(from, "resource", name_bytes_max);
  why.cause = cause_of(text_at(from, "cause", name_bytes_max));
  if (why.cause == model::Cause::unclear) why.confident = false;
  why.share = number_at(from, "share");
  why.tail_ns = ns_at(from, "tail_seconds");
  why.tail_before_ns = ns_at(from, "tail_before_seconds");
  why.samples = count_at(from, "samples");
  why.age_ns = ns_at(from, "age_seconds");
  if (const json::array* lanes = array_at(from, "lanes")) {
    for (const auto& entry : *lanes) {
      const json::object* one = entry.if_object();
      if (one != nullptr)
        why.lanes.push_back({number_at(*one, "busy"), number_at(*one, "starved")});
    }
  }
  const json::array* stages = array_at(from, "stages");
  if (stages == nullptr) return why;
  for (const auto& entry : *stages) {
    const json::object* one = entry.if_object();
    if (one == nullptr) continue;
    const auto stage = stage_of(text_at(*one, "stage", name_bytes_max));
    if (!stage) continue;
    why.stages.push_back({*stage, text_at(*one, "resource", name_bytes_max),
                          number_at(*one, "share"), ns_at(*one, "waited_p99"),
                          ns_at(*one, "worked_p99"), count_at(*one, "inflight"),
                          count_at(*one, "limit")});
  }
  return why;
}

model::RulesState rules_of(const json::object& process) {
  model::RulesState rules;
  const json::object* from = object_at(process, "rules");
  if (from == nullptr) return rules;
  rules.version = text_at(*from, "version", name_bytes_max);
  rules.since_us = time_at(*from, "since");
  rules.zone_data = text_at(*from, "zone_data", name_bytes_max);
  rules.differ_since_us = time_at(*from, "differ_since");
  rules.refused = text_at(*from, "refused");
  rules.revision = count_at(*from, "revision");
  rules.changes = count_at(*from, "changes");
  rules.next_version = text_at(*from, "next", name_bytes_max);
  rules.next_from_us = time_at(*from, "next_from");
  if (const json::array* stopped = array_at(*from, "stopped")) {
    for (const auto& event : *stopped) {
      if (const json::string* name = event.if_string()) rules.stopped.emplace_back(*name);
    }
  }
  return rules;
}

model::Process process_of(const json::object& from) {
  return {text_at(from, "id", name_bytes_max),
          text_at(from, "kind", name_bytes_max),
          text_at(from, "name", name_bytes_max),
          text_at(from, "version", name_bytes_max),
          time_at(from, "started"),
          time_at(from, "now"),
          rules_of(from)};
}

model::Spell spell_of(const json::object& from) {
  model::Spell spell;
  spell.from_us = time_at(from, "from");
  spell.to_us = time_at(from, "to");
  spell.looks = static_cast<std::uint32_t>(std::min<std::uint64_t>(count_at(from, "looks"), 1'000));
  const json::object* why = object_at(from, "why");
  if (why == nullptr) spell.looks = 0;
  if (why != nullptr) spell.why = why_of(*why);
  return spell;
}

Result<json::value> parse(std::string_view body) {
  boost::system::error_code bad;
  json::value parsed;
  if (body.size() <= why_answer_bytes_max) {
    parsed = json::parse(json::string_view(body.data(), body.size()), bad);
  }
  if (bad || !parsed.is_object()) return fail(Errc::corrupt, "it is no JSON object");
  return parsed;
}

}  // namespace

Result<WhyAnswer> read_why_answer(std::string_view body) {
  HUNT_TRY(parsed, parse(body));
  const json::object& from = parsed.get_object();
  WhyAnswer answer;
  const json::object* error = object_at(from, "error");
  if (error != nullptr) {
    answer.asked.absence = model::Absence::refused;
    answer.asked.reason = text_at(*error, "message");
  }
  if (const json::object* process = object_at(from, "process")) {
    answer.asked.process = process_of(*process);
  }
  answer.has_why = from.contains("verdict") && from.contains("cause");
  if (answer.has_why) answer.asked.why = why_of(from);
  if (const json::array* spells = array_at(from, "spells")) {
    answer.has_spells = true;
    answer.asked.past.kept_from_us = time_at(from, "kept_from");
    for (const auto& one : *spells) {
      if (one.is_object()) answer.asked.past.spells.push_back(spell_of(one.get_object()));
    }
  }
  if (const json::array* peers = array_at(from, "peers")) {
    for (const auto& one : *peers) {
      if (!one.is_object()) continue;
      answer.heard.peers.push_back(
          {process_of(one.get_object()), time_at(one.get_object(), "heard")});
    }
  }
  if (const json::array* left = array_at(from, "left")) {
    for (const auto& id : *left) {
      if (id.is_string()) answer.heard.left.emplace_back(id.get_string());
    }
  }
  if (error == nullptr && !answer.has_why && !answer.has_spells) {
    return fail(Errc::corrupt, "it has neither a verdict nor spells");
  }
  return answer;
}

Result<Beat> read_beat(std::string_view body) {
  HUNT_TRY(parsed, parse(body));
  Beat beat{process_of(parsed.get_object()), bool_at(parsed.get_object(), "leaves")};
  if (beat.process.id.empty()) return fail(Errc::corrupt, "it has no id");
  return beat;
}

std::string write_beat(const Beat& beat) {
  json::object out;
  out["id"] = beat.process.id;
  out["kind"] = beat.process.kind;
  out["name"] = beat.process.name;
  out["version"] = beat.process.version;
  if (beat.leaves) out["leaves"] = true;
  return json::serialize(out);
}

Result<model::Process> read_ping(std::string_view body) {
  HUNT_TRY(parsed, parse(body));
  const json::object& from = parsed.get_object();
  model::Process process;
  process.kind = "orchestrator";
  process.version = text_at(from, "version", name_bytes_max);
  process.name = text_at(from, "id", name_bytes_max);  // of the lane; the process has its own
  if (const json::object* metadata = object_at(from, "metadata")) {
    process.id = text_at(*metadata, "process", name_bytes_max);
  }
  return process;
}

}  // namespace hunt::codec
