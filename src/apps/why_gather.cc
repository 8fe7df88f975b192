#include "apps/why_gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>

#include "adapters/http/client.h"
#include "adapters/nats/why_ask.h"
#include "adapters/system/system_clock.h"
#include "apps/shared_flags.h"
#include "base/hide_user.h"
#include "base/text.h"
#include "codec/why_reader.h"

namespace hunt::apps {

namespace {

using model::Absence;
using model::Asked;

constexpr std::chrono::milliseconds patience(5'000);

std::string target_of(const codec::WhyQuestion& question) {
  if (question.at) return "/v1/why?at=" + *question.at;
  if (question.since) return "/v1/why?since=" + *question.since;
  return "/v1/why";
}

Asked absent(const std::string& url, Absence absence, std::string reason) {
  Asked asked;
  asked.process.name = hide_user(url);
  asked.absence = absence;
  asked.reason = std::move(reason);
  return asked;
}

// What a status outside 2xx says about who answers so.
Asked refusal_of(const std::string& url, const http::HttpResponse& response, bool of_the_past) {
  const auto answer = codec::read_why_answer(response.body);
  const std::string told = answer ? answer->asked.reason : std::string();
  // What it has no route for, or no parameter; our questions are right otherwise.
  if (response.status == 400 && of_the_past) {
    return absent(url, Absence::older, "an older release, which keeps no past: " + told);
  }
  if (response.status == 404 && (!of_the_past || told.find("route") != std::string::npos)) {
    return absent(url, Absence::older, "it has no /v1/why: no hunt orchestrator, or an old one");
  }
  return absent(url, Absence::refused, http::error_of(response).message);
}

Asked ask_url(const std::string& url, const codec::WhyQuestion& question,
              const std::string& token) {
  const bool of_the_past = question.at || question.since;
  const system::SystemClock clock;
  const std::int64_t begun_us = clock.wall_us();
  const auto response = http::http_request(url, "GET", target_of(question), {}, token, patience);
  const std::int64_t ended_us = clock.wall_us();
  if (!response) return absent(url, Absence::silent, response.error().message);
  if (response->status / 100 != 2) return refusal_of(url, *response, of_the_past);
  auto answer = codec::read_why_answer(response->body);
  if (!answer) {
    return absent(url, Absence::refused,
                  fmt::format("it answered something that is no answer to /v1/why: {}",
                              printable(response->body)));
  }
  Asked asked = std::move(answer->asked);
  if (asked.process.kind.empty()) asked.process.kind = "orchestrator";
  if (asked.process.name.empty()) asked.process.name = url;
  asked.compare_clocks(begun_us, ended_us);
  return asked;
}

// Behind one address may be several processes, and behind two the same.
std::vector<Asked> without_repeats(std::vector<Asked> all) {
  std::vector<Asked> out;
  for (auto& one : all) {
    const bool known = std::any_of(out.begin(), out.end(), [&one](const Asked& other) {
      return !one.process.id.empty() && one.process.id == other.process.id;
    });
    if (!known) out.push_back(std::move(one));
  }
  return out;
}

void tell_names_apart(std::vector<Asked>& all) {
  std::map<std::string, int> counts;
  for (const auto& one : all) ++counts[one.process.name];
  for (auto& one : all) {
    if (counts[one.process.name] == 1 || one.process.id.empty()) continue;
    one.process.name += "#" + one.process.id.substr(0, 6);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Asked& a, const Asked& b) { return a.process.name < b.process.name; });
}

}  // namespace

void FleetFlags::add_to(CLI::App& command, const std::string& about_url) {
  url_ = command.add_option("--url", urls, about_url)->capture_default_str();
  add_bus(command, bus);
  add_hunt(command, hunt);
  add_tokens(command, admin_token_file, server_token_file);
}

Result<WhyTargets> FleetFlags::targets() const {
  // Either token will do.
  HUNT_TRY(token, read_token(server_token_file.empty() ? admin_token_file : server_token_file));
  const bool on_bus = bus && url_->count() == 0;
  return WhyTargets{on_bus ? std::vector<std::string>() : urls, bus, hunt, std::move(token)};
}

Result<std::vector<Asked>> gather_why(const WhyTargets& targets,
                                      const codec::WhyQuestion& question) {
  std::vector<Asked> all;
  if (targets.urls.empty()) {
    nats::NatsOptions options;
    options.servers = *targets.bus;
    options.hunt = targets.hunt;
    options.client_name = "hunt why";
    HUNT_TRY(answered, nats::ask_fleet(options, {question}));
    all = std::move(answered);
  } else {
    std::vector<std::future<Asked>> asked;
    for (const auto& url : targets.urls) {
      asked.push_back(std::async(std::launch::async, ask_url, url, question, targets.token));
    }
    for (auto& one : asked) all.push_back(one.get());
    all = without_repeats(std::move(all));
  }
  tell_names_apart(all);
  return all;
}

}  // namespace hunt::apps
