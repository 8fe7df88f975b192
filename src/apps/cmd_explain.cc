// hunt explain: what happened to a claim or a player's claims, and why, for support.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/client.h"
#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/explain_stores.h"
#include "apps/shared_flags.h"
#include "apps/time_words.h"
#include "base/hide_user.h"
#include "base/percent.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

constexpr std::int64_t around_us = 10 * 60 * 1'000'000LL;
constexpr std::chrono::milliseconds patience{30'000};
constexpr const char* default_url = "http://127.0.0.1:8080";

struct ExplainFlags {
  std::string who;
  std::string player;
  std::string world;
  std::string tile;
  std::string around;
  std::string since;
  std::vector<std::string> urls;
  std::string admin_token_file;
  std::vector<node::StoreUrl> stores;
  std::string rules;
  bool json = false;
};

Error usage(std::string flag, std::string message) {
  return {Errc::invalid_argument, std::move(message), std::move(flag)};
}

Result<void> read_who(const ExplainFlags& flags, Explained& asked) {
  asked.question.claim = model::parse_claim_id(flags.who);
  if (asked.question.claim) {
    if (flags.player.empty()) return {};
    asked.question.player = model::parse_uuid(flags.player);
    if (asked.question.player) return {};
    return tl::unexpected<Error>(usage(
        "--player", fmt::format("a player is a UUID, found \"{}\"", printable(flags.player))));
  }
  asked.question.player = model::parse_uuid(flags.who);
  if (!asked.question.player) {
    return tl::unexpected<Error>(
        usage("who", fmt::format("name a claim (32 hexadecimal digits) or a player (a UUID), found "
                                 "\"{}\"",
                                 printable(flags.who))));
  }
  if (flags.player.empty()) return {};
  return tl::unexpected<Error>(usage("--player", "goes with a claim: who says that it is theirs"));
}

Result<void> read_tile(const ExplainFlags& flags, Explained& asked) {
  if (flags.tile.empty()) return {};
  const auto comma = flags.tile.find(',');
  const auto x = parse_i64(flags.tile.substr(0, comma));
  const auto y =
      comma == std::string::npos ? std::nullopt : parse_i64(flags.tile.substr(comma + 1));
  const auto fits = [](std::int64_t v) { return v >= INT32_MIN && v <= INT32_MAX; };
  if (!x || !y || !fits(*x) || !fits(*y)) {
    return tl::unexpected<Error>(
        usage("--tile",
              fmt::format("a tile is X,Y, such as 10,-3, found \"{}\"", printable(flags.tile))));
  }
  asked.question.tile = model::Tile{static_cast<std::int32_t>(*x), static_cast<std::int32_t>(*y)};
  if (asked.world.empty()) asked.world = "1";
  return {};
}

Result<void> read_times(const ExplainFlags& flags, std::int64_t now_us, Explained& asked) {
  if (!flags.around.empty() && !flags.since.empty()) {
    return tl::unexpected<Error>(usage("--since", "give --around or --since, not both"));
  }
  if (!flags.around.empty()) {
    auto at_us = read_moment(flags.around, now_us);
    if (!at_us) return tl::unexpected<Error>(usage("--around", at_us.error().message));
    asked.question.from_us = *at_us - around_us;
    asked.question.until_us = *at_us + around_us;
  }
  if (!flags.since.empty()) {
    auto from_us = read_since(flags.since, now_us);
    if (!from_us) return tl::unexpected<Error>(usage("--since", from_us.error().message));
    asked.question.from_us = *from_us;
  }
  return {};
}

Result<Explained> read_question(const ExplainFlags& flags, std::int64_t now_us) {
  Explained asked;
  asked.world = flags.world;
  asked.rules_path = flags.rules;
  HUNT_CHECK(read_who(flags, asked));
  HUNT_CHECK(read_tile(flags, asked));
  HUNT_CHECK(read_times(flags, now_us, asked));
  return asked;
}

std::string target_of(const Explained& asked) {
  const model::Question& question = asked.question;
  std::string out = "/v1/explain?";
  if (question.claim) out += "claim=" + model::format_claim_id(*question.claim) + "&";
  if (question.player) out += "player=" + model::format_uuid(*question.player) + "&";
  if (!asked.world.empty()) out += "world=" + percent_encode(asked.world) + "&";
  if (question.tile) out += fmt::format("x={}&y={}&", question.tile->x, question.tile->y);
  if (question.from_us != model::time_us_min) {
    out += "since=" + percent_encode(format_time_us(question.from_us)) + "&";
  }
  if (question.until_us != model::time_us_max) {
    out += "until=" + percent_encode(format_time_us(question.until_us)) + "&";
  }
  out.pop_back();
  return out;
}

Result<std::string> ask(const std::string& url, const std::string& target,
                        const std::string& token) {
  HUNT_TRY(response, http::http_request(url, "GET", target, {}, token, patience));
  if (response.status / 100 == 2) return response.body;
  Error error = http::error_of(response);
  if (response.status == 404 && error.field.empty()) {
    return fail(Errc::unsupported,
                fmt::format("{} has no /v1/explain: it is no hunt orchestrator, or an older one; "
                            "name its --store instead",
                            url));
  }
  return tl::unexpected<Error>(std::move(error));
}

// Several answers as one: what each process remembers, and once what all have from the ledger.
class Answers {
 public:
  // Errors: corrupt (it is no answer).
  Result<void> add(const std::string& source, const std::string& body) {
    try {
      const json::object one = json::parse(body).as_object();
      const json::array& stories = one.at("stories").as_array();
      if (stories.empty()) throw std::invalid_argument("an answer has a story");
      for (const auto& story : stories) check(story.as_object());
      for (const auto& story : stories) add(story.as_object());
      for (const auto& note : one.at("notes").as_array()) {
        notes_.emplace_back(source + ": " + note.as_string().c_str());
      }
      for (const auto& what : one.at("missing").as_array()) add_missing(what.as_string().c_str());
    } catch (const std::exception&) {
      return fail(Errc::corrupt,
                  fmt::format("{} answered something that is no answer to /v1/explain: {}", source,
                              printable(body)));
    }
    return {};
  }
  void add_missing(const std::string& what) {
    const json::value text(what);
    if (std::find(missing_.begin(), missing_.end(), text) == missing_.end()) {
      missing_.push_back(text);
    }
  }

  [[nodiscard]] json::object merged() {
    const auto when = [](const json::object& story) {
      const auto* at = story.if_contains("at");
      return at == nullptr ? std::string() : std::string(at->as_string());
    };
    std::stable_sort(stories_.begin(), stories_.end(),
                     [&](const auto& a, const auto& b) { return when(a) > when(b); });
    json::object out;
    out["answer"] = stories_.front().at("sentence");
    out["complete"] = missing_.empty();
    json::array stories;
    for (auto& story : stories_) stories.push_back(std::move(story));
    out["stories"] = std::move(stories);
    out["notes"] = std::move(notes_);
    out["missing"] = std::move(missing_);
    return out;
  }
  [[nodiscard]] bool empty() const noexcept { return stories_.empty(); }

 private:
  // Throws what Boost.JSON throws where something is not there that is read later.
  static void check(const json::object& story) {
    static_cast<void>(story.at("sentence").as_string());
    static_cast<void>(story.at("fate").as_string());
    static_cast<void>(story.at("certain").as_bool());
    for (const auto& line : story.at("lines").as_array()) static_cast<void>(line.as_string());
    if (const auto* at = story.if_contains("at")) static_cast<void>(at->as_string());
  }
  static bool is_known(const json::object& story) {
    return story.at("certain").as_bool() || story.contains("at");
  }
  static bool same_claim(const json::object& a, const json::object& b) {
    const auto* left = a.if_contains("claim");
    const auto* right = b.if_contains("claim");
    return left != nullptr && right != nullptr && *left == *right;
  }
  // The same of both; what only one process remembers of it is added.
  static void merge(json::object& to, const json::object& from) {
    // The ledger was read a moment apart: who has the grant has seen more.
    if (from.at("fate") == "granted" && to.at("fate") != "granted") to = from;
    if (from.at("fate") != to.at("fate")) return;
    auto& lines = to.at("lines").as_array();
    for (const auto& line : from.at("lines").as_array()) {
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
  }
  void add(const json::object& story) {
    // That nothing is known says nothing where another process knows something.
    if (!stories_.empty() && !is_known(story)) return;
    if (!stories_.empty() && !is_known(stories_.front())) stories_.clear();
    for (auto& one : stories_) {
      if (same_claim(one, story)) return merge(one, story);
    }
    stories_.push_back(story);
  }

  std::vector<json::object> stories_;
  json::array notes_;
  json::array missing_;
};

// One line of a terminal, whatever a ledger holds that somebody has written into.
std::string shown(const json::value& value) {
  std::string out;
  for (const char c : std::string_view(value.as_string())) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = byte < 0x20 || byte == 0x7f;
    out += control ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

std::string text_of(const json::object& answer) {
  std::string out;
  for (const auto& value : answer.at("stories").as_array()) {
    const json::object& story = value.as_object();
    out += fmt::format("{}\n", shown(story.at("sentence")));
    for (const auto& line : story.at("lines").as_array()) {
      out += fmt::format("  {}\n", shown(line));
    }
    out += "\n";
  }
  for (const auto& note : answer.at("notes").as_array()) out += fmt::format("{}\n", shown(note));
  for (const auto& what : answer.at("missing").as_array()) {
    out += fmt::format("MISSING: {}\n", shown(what));
  }
  return out;
}

Result<void> ask_stores(const ExplainFlags& flags, const Explained& asked, Answers& answers) {
  HUNT_TRY(body, explain_stores(flags.stores, asked));
  return answers.add(node::shown_stores(flags.stores), body);
}

// With --store the processes need not be there.
Result<Answers> ask_all(const ExplainFlags& flags, const Explained& asked,
                        const std::string& token) {
  Answers answers;
  const bool named = !flags.urls.empty();
  const auto urls = named ? flags.urls : std::vector<std::string>{default_url};
  std::optional<Error> failure;
  for (const auto& url : urls) {
    const auto body = ask(url, target_of(asked), token);
    auto added = body ? answers.add(url, *body) : tl::unexpected<Error>(body.error());
    if (added) continue;
    failure = std::move(added.error());
    if (!named && !flags.stores.empty()) continue;
    answers.add_missing(fmt::format("{}: {}", hide_user(url), failure->message));
  }
  if (!answers.empty()) return answers;
  if (flags.stores.empty()) return tl::unexpected<Error>(std::move(*failure));
  HUNT_CHECK(ask_stores(flags, asked, answers));
  return answers;
}

int run(const ExplainFlags& flags) {
  const auto asked = read_question(flags, system::SystemClock().wall_us());
  if (!asked) return report_usage(asked.error());
  const auto token = read_token(flags.admin_token_file);
  if (!token) return report(token.error());
  auto answers = ask_all(flags, *asked, *token);
  if (!answers) return report(answers.error());
  const json::object answer = answers->merged();
  const std::string text = flags.json ? json::serialize(answer) + "\n" : text_of(answer);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return answer.at("complete").as_bool() ? 0 : 1;
}

}  // namespace

void add_explain(CommandLine& line) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* explain = line.app.add_subcommand(
      "explain", "What happened to a claim or a player's claims, and why: for support");
  explain->add_option("who", flags->who, "A claim (32 hexadecimal digits) or a player (a UUID)")
      ->required();
  explain->add_option("--player", flags->player, "With a claim: who says that it is theirs");
  explain->add_option("--world", flags->world, "Only there: its id or name; 1 with --tile");
  explain->add_option("--tile", flags->tile, "X,Y: only there, and also what lies there now");
  explain->add_option("--around", flags->around,
                      "Ten minutes before and after: 14:03 (UTC) or 2026-11-23T14:03:00Z");
  explain->add_option("--since", flags->since, "Nothing older: 20m, 2h, 3d, or a time");
  explain->add_option("--url", flags->urls,
                      "Of an orchestrator; repeat it for all, each remembers what it refused; "
                      "http://127.0.0.1:8080 without it");
  explain->add_option("--admin-token-file", flags->admin_token_file, "The server's admin token");
  add_stores(*explain, flags->stores);
  explain->get_option("--store")->description(
      "Read the ledgers there when no orchestrator answers; of several shards, once for each");
  explain->add_option("--rules", flags->rules,
                      "With --store, to show the roll: the rules file or directory of then; the "
                      "built-in event without it");
  explain->add_flag("--json", flags->json, "The answer as JSON");
  explain->footer(
      "Exit 0: answered from all ledgers and processes; 1: a part is MISSING, as it says.\n"
      "Examples:\n"
      "  hunt explain 0f8fad5b-d9cb-469f-a165-70867728950e --admin-token-file admin.token\n"
      "  hunt explain 0f8fad5b-d9cb-469f-a165-70867728950e --tile 10,-3 --around 14:03\n"
      "  hunt explain 2d8022772e7ea6ea960b0b766f266c08 --url http://a:8080 --url http://b:8080\n"
      "  hunt explain 0f8fad5b-d9cb-469f-a165-70867728950e --store sqlite:hunt.db");
  explain->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
