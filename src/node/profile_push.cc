#include "node/profile_push.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <string_view>
#include <utility>

#include "adapters/http/client.h"
#include "base/log.h"
#include "base/percent.h"
#include "base/text.h"
#include "base/thread_name.h"
#include "base/url.h"
#include "codec/folded.h"

namespace hunt::node {

namespace {

constexpr std::chrono::milliseconds send_within{2'000};

// The lines alone: what stands before them is not told by everybody's reader.
std::string lines_of(const model::Profile& profile) {
  const std::string text = codec::write_folded(profile);
  return text.substr(text.find('\n') + 1);
}

// Empty: it was taken.
std::string send(const std::string& url, const std::string& instance,
                 const model::Profile& profile) {
  std::string body = lines_of(profile);
  if (body.empty()) return {};  // nothing used the CPU
  const auto response = http::http_request(url, "POST", ingest_target(profile, instance),
                                           std::move(body), {}, send_within, "text/plain");
  if (!response) return response.error().message;
  if (response->status / 100 == 2) return {};
  return fmt::format("it answers with status {}: {}", response->status,
                     printable(response->body, 120));
}

bool sleep(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

void run(const std::stop_token& stop, const std::string& url, const std::string& instance,
         profile::Profiler& profiler) {
  constexpr std::chrono::seconds try_again_after{1};
  do {
    const auto profile = profiler.cpu_in_background(profile_push_every);
    if (stop.stop_requested()) return;
    if (!profile) {
      // Somebody asked for one: that is no trouble.
      if (profile.error().code == Errc::overloaded) continue;
      if (profile.error().code == Errc::unavailable) return;
      log(LogLevel::warning, "profile-push", "no profile is sent: " + profile.error().message);
      if (profile.error().code == Errc::unsupported) return;
      continue;
    }
    const std::string trouble = send(url, instance, *profile);
    if (!trouble.empty()) log(LogLevel::warning, "profile-push", "a profile was lost: " + trouble);
  } while (sleep(stop, try_again_after));
}

}  // namespace

std::string ingest_target(const model::Profile& profile, const std::string& instance) {
  const std::int64_t from_s = profile.began_us / 1'000'000;
  const std::int64_t until_s = (profile.began_us + profile.duration_ns / 1'000) / 1'000'000;
  return fmt::format(
      "/ingest?name={}&from={}&until={}&format=folded&sampleRate={}&spyName=hunt&units=samples"
      "&aggregationType=sum",
      percent_encode(fmt::format("hunt.cpu{{instance={}}}", instance)), from_s, until_s,
      1'000'000'000 / model::profile_period_ns);
}

Result<void> check_push_url(const std::string& url) {
  const Url parts = split_url(url);
  const bool is_http = parts.scheme == Scheme::http;
  if (is_http && parse_server(parts.rest, 80)) return {};
  return fail(Errc::invalid_argument,
              fmt::format("\"{}\" is no server to send profiles to; expected http://HOST:PORT, "
                          "without a path",
                          printable(url)),
              "profile-push");
}

ProfilePush::ProfilePush(std::string url, std::string instance, profile::Profiler& profiler)
    : thread_([url = std::move(url), instance = std::move(instance),
               &profiler](const std::stop_token& stop) {
        name_thread("profile-push");
        run(stop, url, instance, profiler);
      }) {}

void ProfilePush::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace hunt::node
