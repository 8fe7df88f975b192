// hunt rules stop, start, push, rollback: change what is in force, through one orchestrator.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "adapters/http/client.h"
#include "adapters/system/system_clock.h"
#include "apps/rules_commands.h"
#include "apps/shared_flags.h"
#include "base/percent.h"
#include "base/text.h"
#include "codec/json_rules.h"
#include "model/limits.h"
#include "rules/lock_file.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds patience{20};

struct ChangeFlags {
  std::string url = "http://127.0.0.1:8080";
  std::string admin_token_file;
  std::string by;
  std::string note;
  std::string what;  // an event, a version, or a path
  bool as_json = false;

  void add_to(CLI::App& command) {
    command.add_option("--url", url, "Of an orchestrator: one is enough, the stores tell the rest")
        ->capture_default_str();
    command.add_option("--admin-token-file", admin_token_file, "The server's admin token");
    command.add_option("--by", by, "Who does it, for whoever looks later; $USER without it");
    command.add_option("--note", note, "Why, for whoever looks later");
    command.add_flag("--json", as_json, "The timeline after it, as JSON");
  }
};

std::string query_of(const ChangeFlags& flags) {
  std::string by = flags.by;
  if (const char* user = std::getenv("USER"); by.empty() && user != nullptr) by = user;
  return fmt::format("by={}&note={}", percent_encode(by), percent_encode(flags.note));
}

std::string shards_of(const json::array& missing) {
  std::string out;
  for (const auto& shard : missing) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", shard.to_number<std::uint64_t>());
  }
  return out;
}

// Sends it, and prints `done` of the timeline that comes back and of whether all shards have it.
// Exit code 1: a shard is away.
template <class Done>
int send(const ChangeFlags& flags, const std::string& target, std::string body, Done done) {
  const auto token = read_token(flags.admin_token_file);
  if (!token) return report(token.error());
  const auto answer =
      http::http_request(flags.url, "POST", target, std::move(body), *token, patience);
  if (!answer) return report(answer.error());
  if (answer->status != 200) return report(http::error_of(*answer));
  boost::system::error_code error;
  const json::value parsed = json::parse(answer->body, error);
  const json::object* timeline = error ? nullptr : parsed.if_object();
  if (timeline == nullptr || !timeline->contains("turns") || !timeline->contains("missing")) {
    return report({Errc::corrupt, "what came back is no timeline of rules", "url"});
  }
  const json::array& missing = timeline->at("missing").as_array();
  print_line(flags.as_json ? answer->body : done(*timeline, missing.empty()));
  if (missing.empty()) return 0;
  return report({Errc::unavailable,
                 fmt::format("shards that do not have it yet: {}. Each gets it when it answers "
                             "again, from any process",
                             shards_of(missing)),
                 {}});
}

std::string last_turn(const json::object& timeline, bool = true) {
  const json::object& turn = timeline.at("turns").as_array().back().as_object();
  return fmt::format("version {} is in force from {} on", turn.at("version").as_string().c_str(),
                     turn.at("from").as_string().c_str());
}

int run_stop(const ChangeFlags& flags, bool stop) {
  const auto target = fmt::format("/v1/events/{}/{}?{}", percent_encode(flags.what),
                                  stop ? "stop" : "start", query_of(flags));
  return send(flags, target, {}, [&](const json::object&, bool everywhere) {
    const char* where = everywhere ? "" : ", but not in all shards yet";
    if (!stop) return fmt::format("the event {} goes on{}", flags.what, where);
    return fmt::format("the event {0} is stopped{1}. It goes on with: hunt rules start {0}",
                       flags.what, everywhere ? ": nothing of it is granted any more" : where);
  });
}

int run_rollback(const ChangeFlags& flags) {
  std::string target = fmt::format("/v1/rules/rollback?{}", query_of(flags));
  if (!flags.what.empty()) target += "&version=" + percent_encode(flags.what);
  return send(flags, target, {}, [](const json::object& timeline, bool) {
    return last_turn(timeline) + "; the files do not count until they are newer";
  });
}

int run_push(const ChangeFlags& flags) {
  auto files = rules::read_rules_files(flags.what);
  if (!files) return refuse_rules(files.error(), false);
  const auto loaded = rules::compile_rules(*files, system::SystemClock().wall_us());
  if (!loaded) return refuse_rules(loaded.error(), false);
  print_diagnostics(loaded->warnings);
  ChangeFlags told = flags;
  std::string when;
  if (loaded->lock) {
    if (told.note.empty()) told.note = loaded->lock->note;
    if (loaded->lock->revision != 0) when += fmt::format("&revision={}", loaded->lock->revision);
    if (loaded->lock->activates_us) {
      when += "&activates=" + percent_encode(format_time_us(*loaded->lock->activates_us));
    }
  }
  std::erase_if(*files, [](const auto& file) { return rules::is_lock_file(file.name); });
  for (auto& file : *files) file.name = file.name.substr(file.name.rfind('/') + 1);
  std::string body = codec::write_rules_files(*files);
  if (body.size() > limits::body_bytes_max) {
    return report({Errc::too_large,
                   fmt::format("{} bytes as JSON, more than the {} that a request holds: put the "
                               "files where the orchestrators read them (--rules)",
                               with_commas(body.size()), with_commas(limits::body_bytes_max)),
                   "path"});
  }
  const std::string target = fmt::format("/v1/rules?{}{}", query_of(told), when);
  return send(flags, target, std::move(body), last_turn);
}

}  // namespace

void add_rules_stop(CommandLine& line, CLI::App& rules) {
  for (const bool stop : {true, false}) {
    auto* command = stop ? rules.add_subcommand("stop", "end all grants of an event, at once")
                         : rules.add_subcommand("start", "let a stopped event go on");
    auto flags = std::make_shared<ChangeFlags>();
    command->add_option("event", flags->what, "the name of an event")->required();
    flags->add_to(*command);
    command->footer(
        stop ? "Every claim that is not in the ledger yet is closed, whatever it was promised. The "
               "loot stays where it lies.\nOnce this returns 0, no process grants anything of it.\n"
               "Examples:\n"
               "  hunt rules stop winter --admin-token-file admin.token --note 'crown drops twice'"
             : "Examples:\n  hunt rules start winter --admin-token-file admin.token");
    command->callback(
        [&line, flags, stop] { line.run = [flags, stop] { return run_stop(*flags, stop); }; });
  }
}

void add_rules_rollback(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("rollback", "go back to rules that were in force before");
  auto flags = std::make_shared<ChangeFlags>();
  command->add_option("version", flags->what,
                      "a version of the timeline; what was in force before without it");
  flags->add_to(*command);
  command->footer(
      "It stays, whatever the files say, until they have a higher revision or are new.\n"
      "Examples:\n"
      "  hunt rules rollback --admin-token-file admin.token\n"
      "  hunt rules rollback 322b02b91b90e48f --url http://a:8080 --admin-token-file admin.token");
  command->callback([&line, flags] { line.run = [flags] { return run_rollback(*flags); }; });
}

void add_rules_push(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("push", "put rules in force without files on the servers");
  auto flags = std::make_shared<ChangeFlags>();
  command->add_option("path", flags->what, "an event file, or a directory of them")->required();
  flags->add_to(*command);
  command->footer(
      "Revision, time and note of a rules.lock beside the files are taken from there.\n"
      "Examples:\n"
      "  hunt rules push events/ --url http://a:8080 --admin-token-file admin.token");
  command->callback([&line, flags] { line.run = [flags] { return run_push(*flags); }; });
}

}  // namespace hunt::apps
