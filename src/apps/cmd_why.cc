// hunt why: where the time goes in a running hunt, in one sentence with its evidence: of one
// process, or of all of them; now, at a moment of the last hour, or over some of it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "adapters/http/client.h"
#include "adapters/system/stop_signals.h"
#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/why_gather.h"
#include "apps/why_text.h"
#include "base/input_file.h"
#include "base/moment.h"
#include "base/text.h"
#include "engine/attribution.h"
#include "engine/evidence_text.h"
#include "engine/fleet_past.h"
#include "engine/fleet_why.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

struct WhyFlags {
  FleetFlags fleet;
  std::string at;
  std::string since;
  std::vector<std::string> judge;
  bool watch = false;
  bool evidence = false;
  bool json = false;
};

constexpr std::int64_t watch_every_ns = 2'000'000'000;

Result<std::string> fetch(const std::string& url, const std::string& path,
                          const std::string& token) {
  HUNT_TRY(response,
           http::http_request(url, "GET", path, {}, token, std::chrono::milliseconds(5'000)));
  if (response.status == 404) {
    return fail(Errc::unsupported,
                fmt::format("{} has no {}: it is no hunt orchestrator, or an old one", url, path));
  }
  if (response.status / 100 != 2) return tl::unexpected<Error>(http::error_of(response));
  return response.body;
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * 30 + 0.5);
  return std::string(full, '#') + std::string(30 - full, '.');
}

double number(const json::object& from, const char* key) {
  return from.at(key).to_number<double>();
}

// Throws what Boost.JSON throws on a body of another shape.
std::string text_of_one(const std::string& body) {
  const json::value parsed = json::parse(body);
  const json::object& why = parsed.as_object();
  std::string out = fmt::format("{}\n  {}\n", why.at("verdict").as_string().c_str(),
                                why.at("next").as_string().c_str());
  const json::value* warning = why.if_contains("warning");  // an older server has none
  if (warning != nullptr && !warning->as_string().empty()) {
    out += fmt::format("  {}\n", warning->as_string().c_str());
  }
  for (const auto& entry : why.at("stages").as_array()) {
    const json::object& stage = entry.as_object();
    const double p99 = std::max(number(stage, "waited_p99"), number(stage, "worked_p99"));
    out +=
        fmt::format("  {:<12} {:<8} {} {:>4.0f} %   p99 {:.3f} ms",
                    stage.at("stage").as_string().c_str(), stage.at("resource").as_string().c_str(),
                    bar(number(stage, "share")), number(stage, "share") * 100, p99 * 1e3);
    if (number(stage, "limit") > 0) {
      out += fmt::format("   {:.0f} of {:.0f} in flight", number(stage, "inflight"),
                         number(stage, "limit"));
    }
    out += "\n";
  }
  return out + fmt::format("  shares are of the slowest 1 % of {:.0f} {} in the last seconds\n",
                           number(why, "samples"), why.at("timeline").as_string().c_str());
}

int show_body(const WhyFlags& flags, const std::string& body, const std::string& whose) {
  try {
    std::printf("%s%s", flags.json ? body.c_str() : text_of_one(body).c_str(),
                flags.json ? "\n" : "");
  } catch (const std::exception&) {
    return report({Errc::corrupt,
                   fmt::format("{} answered something that is no answer to /v1/why: {}", whose,
                               printable(body)),
                   {}});
  }
  std::fflush(stdout);
  return 0;
}

int show_one(const WhyFlags& flags, const WhyTargets& targets) {
  const std::string& url = targets.urls.front();
  const auto body = fetch(url, "/v1/why", targets.token);
  return body ? show_body(flags, *body, url) : report(body.error());
}

// What one process would say now: its lines, to be kept and judged again.
int show_evidence(const WhyTargets& targets) {
  if (targets.urls.size() != 1) {
    return report_usage(
        {Errc::invalid_argument, "evidence is of one process: expected one --url", "evidence"});
  }
  const auto body = fetch(targets.urls.front(), "/v1/why/evidence", targets.token);
  if (!body) return report(body.error());
  std::printf("%s", body->c_str());
  std::fflush(stdout);
  return 0;
}

// What this release says of the evidence in a file.
Result<model::Why> why_kept(const std::string& path) {
  const auto text = read_whole_file(path, engine::evidence_bytes_max);
  if (!text) {
    return fail(text.error().code, "cannot read evidence: " + text.error().message, "judge");
  }
  HUNT_TRY(evidence, engine::read_evidence(*text));
  return engine::attribute(evidence);
}

void show_merged(const WhyFlags& flags, const model::FleetWhy& fleet,
                 const std::vector<model::Asked>& all) {
  std::printf("%s", flags.json ? (codec::write_fleet_why(fleet, all) + "\n").c_str()
                               : text_of(fleet).c_str());
}

// A file of one process; of several one sentence for all, in which each has the name of its file.
int judge_kept(const WhyFlags& flags) {
  std::vector<model::Asked> all;
  for (const auto& path : flags.judge) {
    auto why = why_kept(path);
    if (!why) return report(why.error());
    model::Asked& one = all.emplace_back();
    one.process.kind = "orchestrator";
    one.process.name = path;
    one.why = std::move(*why);
  }
  if (all.size() == 1) {
    return show_body(flags, codec::write_why(all.front().why), flags.judge.front());
  }
  show_merged(flags, engine::merge_fleet(all), all);
  std::fflush(stdout);
  return 0;
}

// The times that are asked for, by our clock.
struct Asking {
  std::optional<std::int64_t> at_us;
  std::optional<std::int64_t> since_us;
};

Result<Asking> read_times(const WhyFlags& flags, std::int64_t now_us) {
  Asking asking;
  if (!flags.at.empty() && !flags.since.empty()) {
    return fail(Errc::invalid_argument, "--at and --since ask for different things; expected one",
                "since");
  }
  if (flags.watch && !(flags.at.empty() && flags.since.empty())) {
    return fail(Errc::invalid_argument, "the past does not change: expected no --at or --since",
                "watch");
  }
  if (!flags.at.empty()) {
    HUNT_TRY(at_us, parse_moment(flags.at, now_us, "at"));
    asking.at_us = at_us;
  }
  if (!flags.since.empty()) {
    HUNT_TRY(since_us, parse_moment(flags.since, now_us, "since"));
    asking.since_us = since_us;
  }
  return asking;
}

// As so long ago: the clocks of the processes may differ from ours, and seconds are seconds.
codec::WhyQuestion question_of(const Asking& asking, std::int64_t now_us) {
  codec::WhyQuestion question;
  const auto ago = [now_us](std::int64_t then_us) {
    return fmt::format("{}s", (now_us - then_us + 999'999) / 1'000'000);
  };
  if (asking.at_us) question.at = ago(*asking.at_us);
  if (asking.since_us) question.since = ago(*asking.since_us);
  return question;
}

bool answered(const model::Asked& one) {
  return one.absence == model::Absence::none;
}

// Each that says nothing, on stderr.
int report_silence(const std::vector<model::Asked>& all) {
  for (const auto& one : all) {
    if (answered(one)) continue;
    report({Errc::unavailable,
            fmt::format("{} gave no verdict: {}", one.process.name, one.reason),
            {}});
  }
  return 1;
}

void note_missing_relay(const std::vector<model::Asked>& all, std::vector<std::string>& notes) {
  const bool any = std::any_of(all.begin(), all.end(),
                               [](const model::Asked& one) { return one.process.kind == "relay"; });
  if (!any) notes.emplace_back("no relay answers: none runs, or one of an older release");
}

int show_fleet(const WhyFlags& flags, const WhyTargets& targets, const Asking& asking,
               std::int64_t now_us) {
  const auto all = gather_why(targets, question_of(asking, now_us));
  if (!all) return report(all.error());
  if (std::none_of(all->begin(), all->end(), answered)) return report_silence(*all);
  const bool on_bus = targets.urls.empty();
  if (asking.since_us) {
    model::FleetPast past = engine::merge_past(*all, *asking.since_us, now_us);
    if (on_bus) note_missing_relay(*all, past.notes);
    std::printf("%s", flags.json ? (codec::write_fleet_past(past, *all) + "\n").c_str()
                                 : text_of(past).c_str());
  } else {
    model::FleetWhy fleet = engine::merge_fleet(*all);
    if (on_bus) note_missing_relay(*all, fleet.notes);
    if (asking.at_us && !flags.json) {
      std::printf("at %s, %s ago: ", shown_time(*asking.at_us).c_str(),
                  shown_span(now_us - *asking.at_us).c_str());
    }
    show_merged(flags, fleet, *all);
  }
  std::fflush(stdout);
  // An URL was named by somebody: that it says nothing is a failure. On the bus it is news.
  return on_bus || std::all_of(all->begin(), all->end(), answered) ? 0 : report_silence(*all);
}

int show(const WhyFlags& flags, const WhyTargets& targets) {
  const std::int64_t now_us = system::SystemClock().wall_us();
  const auto asking = read_times(flags, now_us);
  if (!asking) return report_usage(asking.error());
  const bool one = targets.urls.size() == 1;
  if (one && !asking->at_us && !asking->since_us) return show_one(flags, targets);
  return show_fleet(flags, targets, *asking, now_us);
}

int run(const WhyFlags& flags) {
  if (!flags.judge.empty()) return judge_kept(flags);
  const auto targets = flags.fleet.targets();
  if (!targets) return report(targets.error());
  if (flags.evidence) return show_evidence(*targets);
  if (!flags.watch) return show(flags, *targets);
  const system::StopSignals signals;
  do {
    if (const int code = show(flags, *targets); code == 2) return code;
  } while (!signals.wait(watch_every_ns));
  return 0;
}

}  // namespace

void add_why(CommandLine& line) {
  auto flags = std::make_shared<WhyFlags>();
  CLI::App* why = line.app.add_subcommand("why", "Where the time goes in a running hunt");
  flags->fleet.add_to(*why, "Of the orchestrator; repeat it for several");
  why->add_option("--at", flags->at,
                  "What it said then: 14:03 (UTC), 12m (ago) or 2026-11-29T14:03Z; the last hour "
                  "is kept");
  why->add_option("--since", flags->since,
                  "What was wrong since then, from when to when: 20m, or as --at");
  why->add_flag("--watch", flags->watch, "Look again every two seconds until Ctrl-C");
  why->add_flag("--evidence", flags->evidence,
                "What one process would judge now, as text to be kept");
  why->add_option(
      "--judge", flags->judge,
      "Judges evidence that was kept, and asks nobody; repeat it for several processes");
  why->add_flag("--json", flags->json, "The figures as JSON, one line a look");
  why->footer(
      "Every process on the bus is asked with --bus, or those at each --url; more than one is one "
      "sentence for\nall. Without both it is the orchestrator of this machine.\n"
      "Examples:\n"
      "  hunt up --slow-store 495ms                a slow way to the database, on demand\n"
      "  hunt why                                  names it, with evidence and what to do\n"
      "  hunt why --bus nats://ops:secret@nats:4222 --since 20m\n"
      "  hunt why --url http://10.0.0.7:8080 --server-token-file game.token --watch");
  why->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
