// hunt why: where the time goes in a running orchestrator, in one sentence with its evidence.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <memory>

#include "adapters/http/client.h"
#include "adapters/system/stop_signals.h"
#include "apps/command.h"
#include "apps/shared_flags.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

struct WhyFlags {
  std::vector<std::string> urls{"http://127.0.0.1:8080"};
  std::string admin_token_file;
  std::string server_token_file;
  std::string token;
  bool watch = false;
  bool json = false;
};

constexpr std::int64_t watch_every_ns = 2'000'000'000;

Result<std::string> fetch(const std::string& url, const std::string& token) {
  HUNT_TRY(response,
           http::http_request(url, "GET", "/v1/why", {}, token, std::chrono::milliseconds(5'000)));
  if (response.status == 404) {
    return fail(Errc::unsupported,
                fmt::format("{} has no /v1/why: it is no hunt orchestrator, or an old one", url));
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
std::string text_of(const std::string& body) {
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

int show(const WhyFlags& flags) {
  int exit_code = 0;
  for (const auto& url : flags.urls) {
    const auto body = fetch(url, flags.token);
    if (!body) {
      exit_code = report(body.error());
      continue;
    }
    if (flags.json) {
      std::printf("%s\n", body->c_str());
      continue;
    }
    try {
      if (flags.urls.size() > 1) std::printf("%s\n", url.c_str());
      std::printf("%s", text_of(*body).c_str());
    } catch (const std::exception&) {
      exit_code = report({Errc::corrupt,
                          fmt::format("{} answered something that is no answer to /v1/why: {}", url,
                                      printable(*body)),
                          {}});
    }
  }
  std::fflush(stdout);
  return exit_code;
}

int run(WhyFlags flags) {
  // Either will do.
  const bool as_server = !flags.server_token_file.empty();
  auto token = read_token(as_server ? flags.server_token_file : flags.admin_token_file);
  if (!token) return report(token.error());
  flags.token = std::move(*token);
  if (!flags.watch) return show(flags);
  const system::StopSignals signals;
  do {
    show(flags);
  } while (!signals.wait(watch_every_ns));
  return 0;
}

}  // namespace

void add_why(CommandLine& line) {
  auto flags = std::make_shared<WhyFlags>();
  CLI::App* why = line.app.add_subcommand("why", "Where the time goes in a running orchestrator");
  why->add_option("--url", flags->urls, "Of the orchestrator; repeat it for several")
      ->capture_default_str();
  add_tokens(*why, flags->admin_token_file, flags->server_token_file);
  why->add_flag("--watch", flags->watch, "Look again every two seconds until Ctrl-C");
  why->add_flag("--json", flags->json, "The figures as JSON, one line an orchestrator");
  why->footer(
      "Examples:\n"
      "  hunt up --slow-store 495ms                a slow way to the database, on demand\n"
      "  hunt why                                  names it, with evidence and what to do\n"
      "  hunt why --url http://10.0.0.7:8080 --server-token-file game.token --watch");
  why->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
