#include "codec/json_why.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/moment.h"
#include "base/text.h"

namespace hunt::codec {

namespace {

namespace json = boost::json;

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

json::object verdict_json(const model::Why& why) {
  json::object out;
  out["verdict"] = why.verdict;
  out["confident"] = why.confident;
  out["timeline"] = why.timeline;
  out["stage"] = model::name_of(why.stage);
  out["resource"] = why.resource;
  out["cause"] = model::name_of(why.cause);
  out["share"] = why.share;
  out["tail_seconds"] = seconds(why.tail_ns);
  out["tail_before_seconds"] = nullptr;
  if (why.tail_before_ns > 0) out["tail_before_seconds"] = seconds(why.tail_before_ns);
  out["samples"] = why.samples;
  out["next"] = why.next;
  out["warning"] = why.warning;
  return out;
}

json::object why_json(const model::Why& why) {
  json::object out = verdict_json(why);
  out["age_seconds"] = seconds(why.age_ns);
  json::array stages;
  for (const auto& figures : why.stages) {
    json::object one;
    one["stage"] = model::name_of(figures.stage);
    one["resource"] = figures.resource;
    one["share"] = figures.share;
    one["waited_p99"] = seconds(figures.waited_p99_ns);
    one["worked_p99"] = seconds(figures.worked_p99_ns);
    one["inflight"] = figures.inflight;
    one["limit"] = figures.limit;
    stages.push_back(std::move(one));
  }
  out["stages"] = std::move(stages);
  json::array lanes;
  for (const auto& lane : why.lanes) {
    lanes.push_back(json::object{{"busy", lane.busy}, {"starved", lane.starved}});
  }
  if (!lanes.empty()) out["lanes"] = std::move(lanes);
  return out;
}

json::object name_json(const model::Process& process) {
  json::object out;
  out["id"] = process.id;
  out["kind"] = process.kind;
  out["name"] = process.name;
  out["version"] = process.version;
  return out;
}

// Of files that differ: since when, and why. Of what is announced: its version, and from when on.
json::object rules_json(const model::RulesState& rules) {
  json::object out;
  out["version"] = rules.version;
  out["since"] = format_time_us(rules.since_us);
  out["zone_data"] = rules.zone_data;
  out["refused"] = rules.refused;
  if (rules.differs()) out["differ_since"] = format_time_us(rules.differ_since_us);
  out["revision"] = rules.revision;
  out["changes"] = rules.changes;
  json::array stopped;
  for (const auto& event : rules.stopped) stopped.emplace_back(event);
  out["stopped"] = std::move(stopped);
  if (rules.next_version.empty()) return out;
  out["next"] = rules.next_version;
  out["next_from"] = format_time_us(rules.next_from_us);
  return out;
}

json::object process_json(const model::Process& process) {
  json::object out = name_json(process);
  out["started"] = format_time_us(process.started_us);
  out["now"] = format_time_us(process.now_us);
  if (!process.rules.version.empty()) out["rules"] = rules_json(process.rules);
  return out;
}

json::array names_json(const std::vector<std::string>& names) {
  json::array out;
  for (const auto& name : names) out.emplace_back(name);
  return out;
}

json::array places_json(const model::FleetWhy& fleet) {
  json::array out;
  for (const auto& place : fleet.places) {
    json::object one;
    one["resource"] = place.resource;
    one["stage"] = model::name_of(place.stage);
    one["cause"] = model::name_of(place.cause);
    one["confident"] = place.confident;
    one["contradicted"] = place.contradicted;
    one["hurt"] = names_json(place.hurt);
    one["perhaps"] = names_json(place.perhaps);
    one["fine"] = names_json(place.fine);
    one["tail_seconds"] = seconds(place.tail_ns);
    one["p99_low"] = seconds(place.p99_low_ns);
    one["p99_high"] = seconds(place.p99_high_ns);
    out.push_back(std::move(one));
  }
  return out;
}

json::array processes_json(const std::vector<model::Asked>& asked) {
  constexpr std::string_view absences[] = {"none", "silent", "older", "refused"};
  json::array out;
  for (const auto& process : asked) {
    const bool answered = process.absence == model::Absence::none;
    const bool timed = process.process.now_us > 0;
    json::object one = timed ? process_json(process.process) : name_json(process.process);
    one["answered"] = answered;
    one["absence"] = absences[static_cast<std::size_t>(process.absence)];
    one["reason"] = process.reason;
    one["clock_ahead_seconds"] = nullptr;
    if (timed) {
      one["clock_ahead_seconds"] = static_cast<double>(process.clock_ahead_us) / 1e6;
    }
    if (answered && !process.why.verdict.empty()) one["why"] = why_json(process.why);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string write_why(const model::Why& why) {
  return json::serialize(why_json(why));
}

std::string write_why(const model::Why& why, const model::Process& process) {
  json::object out = why_json(why);
  out["process"] = process_json(process);
  return json::serialize(out);
}

Result<WhyQuestion> read_why_question(std::string_view body) {
  WhyQuestion question;
  if (body.empty()) return question;
  if (body.size() > why_question_bytes_max) {
    return fail(Errc::too_large, fmt::format("a question has at most {} bytes, this one {}",
                                             why_question_bytes_max, body.size()));
  }
  boost::system::error_code bad;
  const json::value parsed = json::parse(json::string_view(body.data(), body.size()), bad);
  if (bad || !parsed.is_object()) {
    return fail(Errc::invalid_argument,
                R"(the question is no JSON object; expected {"at"?,"since"?} or nothing)");
  }
  for (const auto& [key, value] : parsed.get_object()) {
    const std::string name(key.data(), key.size());
    const bool is_at = name == "at";
    if ((!is_at && name != "since") || !value.is_string()) {
      return fail(Errc::invalid_argument,
                  fmt::format("\"{}\" is not asked here; expected \"at\" or \"since\" with a text",
                              printable(name)),
                  printable(name));
    }
    const auto& text = value.get_string();
    (is_at ? question.at : question.since) = std::string(text.data(), text.size());
  }
  return question;
}

std::string write_why_question(const WhyQuestion& question) {
  json::object out;
  if (question.at) out["at"] = *question.at;
  if (question.since) out["since"] = *question.since;
  return out.empty() ? std::string() : json::serialize(out);
}

Result<std::int64_t> moment_of(const WhyQuestion& question, std::int64_t now_us) {
  if (question.at && question.since) {
    return fail(Errc::invalid_argument, "at and since ask for different things; expected one",
                "since");
  }
  return question.at ? parse_moment(*question.at, now_us, "at")
                     : parse_moment(*question.since, now_us, "since");
}

Result<std::string> write_why_at(std::int64_t at_us, const model::WhyPast& past,
                                 const model::Process& process) {
  if (at_us < process.started_us) {
    return fail(Errc::not_found,
                fmt::format("this process started at {}, after {}", shown_time(process.started_us),
                            shown_time(at_us)),
                "at");
  }
  if (past.spells.empty() && (past.kept_from_us == 0 || at_us >= past.kept_from_us)) {
    return fail(
        Errc::not_found,
        past.kept_from_us == 0
            ? "nothing is kept yet: this process looks every 10 s"
            : fmt::format("this process did not look at {}: it stood still", shown_time(at_us)),
        "at");
  }
  if (past.spells.empty()) {
    return fail(Errc::not_found,
                fmt::format("{} is longer ago than the hour that is kept, from {} on",
                            shown_time(at_us), shown_time(past.kept_from_us)),
                "at");
  }
  const model::Spell& spell = past.spells.front();
  json::object out = why_json(spell.why);
  out["at"] = format_time_us(at_us);
  out["from"] = format_time_us(spell.from_us);
  out["to"] = format_time_us(spell.to_us);
  out["process"] = process_json(process);
  return json::serialize(out);
}

std::string write_why_since(std::int64_t from_us, const model::WhyPast& past,
                            const model::Process& process) {
  json::object out;
  out["since"] = format_time_us(from_us);
  out["kept_from"] = nullptr;
  if (past.kept_from_us > 0) out["kept_from"] = format_time_us(past.kept_from_us);
  json::array spells;
  for (const auto& spell : past.spells) {
    json::object one;
    one["from"] = format_time_us(spell.from_us);
    one["to"] = format_time_us(spell.to_us);
    one["looks"] = spell.looks;
    one["why"] = nullptr;
    if (spell.looks > 0) one["why"] = verdict_json(spell.why);
    spells.push_back(std::move(one));
  }
  out["spells"] = std::move(spells);
  out["process"] = process_json(process);
  return json::serialize(out);
}

std::string write_heard(const model::Heard& heard) {
  json::array peers;
  for (const auto& peer : heard.peers) {
    json::object one = name_json(peer.process);
    one["heard"] = format_time_us(peer.heard_us);
    peers.push_back(std::move(one));
  }
  json::array left(heard.left.begin(), heard.left.end());
  return R"("peers":)" + json::serialize(peers) + R"(,"left":)" + json::serialize(left);
}

std::string with_heard(std::string answer, const model::Heard& heard) {
  if (answer.empty() || answer.back() != '}') return answer;
  answer.pop_back();
  return answer + "," + write_heard(heard) + "}";
}

std::string write_fleet_why(const model::FleetWhy& fleet, const std::vector<model::Asked>& asked) {
  json::object out = why_json(fleet.why);
  json::object counts;
  counts["orchestrators"] = fleet.orchestrators;
  counts["relays"] = fleet.relays;
  counts["absent"] = fleet.absent;
  out["answered"] = std::move(counts);
  out["places"] = places_json(fleet);
  out["notes"] = names_json(fleet.notes);
  out["processes"] = processes_json(asked);
  return json::serialize(out);
}

std::string write_fleet_past(const model::FleetPast& past, const std::vector<model::Asked>& asked) {
  json::object out;
  out["verdict"] = past.verdict;
  out["since"] = format_time_us(past.from_us);
  out["now"] = format_time_us(past.now_us);
  json::array spells;
  for (const auto& spell : past.spells) {
    json::object one;
    one["from"] = format_time_us(spell.from_us);
    one["to"] = format_time_us(spell.to_us);
    one["kept"] = spell.kept;
    if (spell.kept) {
      for (auto& [key, value] : verdict_json(spell.fleet.why)) one[key] = std::move(value);
      one["places"] = places_json(spell.fleet);
    }
    spells.push_back(std::move(one));
  }
  out["spells"] = std::move(spells);
  out["notes"] = names_json(past.notes);
  out["processes"] = processes_json(asked);
  return json::serialize(out);
}

}  // namespace hunt::codec
