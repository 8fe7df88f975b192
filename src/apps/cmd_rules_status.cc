// hunt rules status: which rules are in force in each process, and whether its files are those.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <set>

#include "apps/rules_commands.h"
#include "apps/why_gather.h"
#include "base/moment.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;
using model::Absence;
using model::Asked;

struct StatusFlags {
  FleetFlags fleet;
  bool json = false;
};

// A relay has no rules: nobody is told "nothing" by it.
bool counts(const Asked& one) {
  return one.process.kind != "relay";
}

bool tells(const Asked& one) {
  return one.absence == Absence::none && !one.process.rules.version.empty();
}

// What is coming, and what is stopped.
std::string announced_of(const Asked& one) {
  const model::RulesState& rules = one.process.rules;
  std::string out;
  if (!rules.next_version.empty()) {
    out +=
        fmt::format(", version {} in {}", rules.next_version,
                    shown_span(std::max<std::int64_t>(0, rules.next_from_us - one.process.now_us)));
  }
  for (const auto& event : rules.stopped) out += fmt::format(", {} is stopped", event);
  return out;
}

std::string state_of(const Asked& one) {
  if (one.absence != Absence::none) return one.reason;
  const model::RulesState& rules = one.process.rules;
  if (rules.version.empty()) return "does not tell its rules: an older release";
  const std::string since =
      fmt::format("version {}{} since {} ago", rules.version,
                  rules.revision == 0 ? "" : fmt::format(" (revision {})", rules.revision),
                  shown_span(std::max<std::int64_t>(0, one.process.now_us - rules.since_us)));
  const std::string zones =
      rules.zone_data.empty() ? "" : fmt::format(", time zone data {}", rules.zone_data);
  const std::string more = zones + announced_of(one);
  if (!rules.differs()) return since + more + "; its files are those";
  return fmt::format(
      "{}{}; its files are refused for {}: {}", since, more,
      shown_span(std::max<std::int64_t>(0, one.process.now_us - rules.differ_since_us)),
      rules.refused);
}

// What the lines come to, and whether all is as it should be.
struct Verdict {
  std::string text;
  bool good = false;
};

Verdict verdict_of(const std::vector<Asked>& all) {
  std::set<std::string> versions;
  std::size_t asked = 0;
  std::size_t told = 0;
  std::size_t differ = 0;
  for (const auto& one : all) {
    if (!counts(one)) continue;
    ++asked;
    if (!tells(one)) continue;
    ++told;
    versions.insert(one.process.rules.version);
    differ += one.process.rules.differs() ? 1 : 0;
  }
  const std::size_t silent = asked - told;
  if (told == 0) return {"no orchestrator tells its rules", false};
  if (versions.size() > 1) {
    return {
        fmt::format("{} versions are in force at a time, in {} processes", versions.size(), told),
        false};
  }
  if (silent > 0) {
    return {fmt::format("version {} in {} of {} processes; of the others nothing is known",
                        *versions.begin(), told, asked),
            false};
  }
  const std::string everywhere =
      fmt::format("version {} in {}", *versions.begin(),
                  told == 1 ? "one process" : fmt::format("all {} processes", told));
  if (differ == 0) return {everywhere + ", and the files are those", true};
  const std::string whose = told == 1 ? "its files" : fmt::format("the files of {}", differ);
  return {fmt::format("{}, but {} are refused", everywhere, whose), false};
}

std::string json_of(const std::vector<Asked>& all, const Verdict& verdict) {
  json::array processes;
  for (const auto& one : all) {
    if (!counts(one)) continue;
    const model::RulesState& rules = one.process.rules;
    json::object line{{"name", one.process.name}, {"tells", tells(one)}, {"text", state_of(one)}};
    if (tells(one)) {
      line["version"] = rules.version;
      line["since"] = format_time_us(rules.since_us);
      line["zone_data"] = rules.zone_data;
      line["refused"] = rules.refused;
      line["revision"] = rules.revision;
      line["changes"] = rules.changes;
      line["next"] = rules.next_version;
      json::array stopped;
      for (const auto& event : rules.stopped) stopped.emplace_back(event);
      line["stopped"] = std::move(stopped);
    }
    processes.push_back(std::move(line));
  }
  return json::serialize(json::object{
      {"same", verdict.good}, {"verdict", verdict.text}, {"processes", std::move(processes)}});
}

int run_status(const StatusFlags& flags) {
  const auto targets = flags.fleet.targets();
  if (!targets) return report(targets.error());
  const auto all = gather_why(*targets, {});
  if (!all) return report(all.error());
  const Verdict verdict = verdict_of(*all);
  if (flags.json) {
    print_line(json_of(*all, verdict));
    return verdict.good ? 0 : 1;
  }
  print_line(verdict.text);
  for (const auto& one : *all) {
    if (counts(one)) print_line(fmt::format("  {}: {}", one.process.name, state_of(one)));
  }
  return verdict.good ? 0 : 1;
}

}  // namespace

void add_rules_status(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("status", "which rules are in force in each process");
  auto flags = std::make_shared<StatusFlags>();
  flags->fleet.add_to(*command, "Of an orchestrator; repeat it for several");
  command->add_flag("--json", flags->json, "The same as JSON, one line");
  command->footer(
      "Every process on the bus is asked with --bus, or those at each --url. Exit code 1: they "
      "differ, one says\nnothing, or the files of one are refused.\n"
      "Examples:\n"
      "  hunt rules status\n"
      "  hunt rules status --bus nats://ops:secret@nats:4222");
  command->callback([&line, flags] { line.run = [flags] { return run_status(*flags); }; });
}

}  // namespace hunt::apps
