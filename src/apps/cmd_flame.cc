// hunt flame: which functions of running processes use the CPU, as a flame graph.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/client.h"
#include "apps/command.h"
#include "apps/shared_flags.h"
#include "base/input_file.h"
#include "codec/flame_svg.h"
#include "codec/folded.h"
#include "codec/output_file.h"
#include "codec/pprof.h"
#include "ports/profiler.h"

namespace hunt::apps {

namespace {

struct FlameFlags {
  std::vector<std::string> urls{"http://127.0.0.1:8080"};
  std::string admin_token_file;
  unsigned seconds = 10;
  std::string output = "flame.svg";
  std::string format;  // empty: as the name of the output ends
  std::string before;  // a folded file
};

constexpr std::size_t folded_bytes_max = std::size_t{64} * 1'024 * 1'024;
constexpr std::chrono::seconds grace{15};  // beyond the profile itself

Result<model::Profile> profile_of(const std::string& url, const std::string& token,
                                  unsigned seconds) {
  HUNT_TRY(response, http::http_request(
                         url, "GET", fmt::format("/debug/flame?format=folded&seconds={}", seconds),
                         {}, token, std::chrono::seconds(seconds) + grace));
  if (response.status == 404) {
    return fail(Errc::unsupported,
                fmt::format("{} has no /debug/flame: it is no hunt process, or an "
                            "old one",
                            url));
  }
  if (response.status / 100 != 2) {
    Error error = http::error_of(response);
    error.message = fmt::format("{}: {}", url, error.message);
    return tl::unexpected<Error>(std::move(error));
  }
  HUNT_TRY(profile, codec::read_folded(response.body));
  profile.duration_ns = std::int64_t{seconds} * 1'000'000'000;
  profile.period_ns = model::profile_period_ns;
  return profile;
}

// All at the same time: a fleet is hot in the same seconds.
Result<model::Profile> profile_of_all(const FlameFlags& flags, const std::string& token) {
  std::fprintf(stderr, "%s\n",
               fmt::format("watching {} process{} for {} s ...", flags.urls.size(),
                           flags.urls.size() == 1 ? "" : "es", flags.seconds)
                   .c_str());
  std::vector<std::future<Result<model::Profile>>> asked;
  for (const std::string& url : flags.urls) {
    asked.push_back(std::async(std::launch::async, profile_of, url, token, flags.seconds));
  }
  model::Profile all;
  for (auto& one : asked) {
    HUNT_TRY(profile, one.get());
    codec::add_profile(profile, all);
  }
  return all;
}

Result<model::Profile> read_profile(const std::string& path) {
  HUNT_TRY(text, read_whole_file(path, folded_bytes_max));
  auto profile = codec::read_folded(text);
  if (!profile) {
    profile.error().message = fmt::format("{}: {} (hunt flame --format folded writes such files)",
                                          path, profile.error().message);
  }
  return profile;
}

std::string format_of(const FlameFlags& flags) {
  if (!flags.format.empty()) return flags.format;
  if (flags.output.ends_with(".folded")) return "folded";
  return flags.output.ends_with(".pb.gz") ? "pprof" : "svg";
}

Result<void> write(const FlameFlags& flags, const model::Profile& profile,
                   const model::Profile* before) {
  const std::string format = format_of(flags);
  const std::string title = fmt::format("hunt flame: {}", fmt::join(flags.urls, ", "));
  // A file whose name ends in ".gz" is packed when it is written.
  const bool packed = flags.output.ends_with(".gz");
  std::string text;
  if (format == "folded") text = codec::write_folded(profile);
  if (format == "pprof")
    text = packed ? codec::write_pprof(profile) : codec::write_packed_pprof(profile);
  if (format == "svg") text = codec::write_flame_svg(profile, title, before);
  HUNT_TRY(file, codec::OutputFile::open(flags.output));
  HUNT_CHECK(file.write(text));
  return file.close();
}

int run(const FlameFlags& flags) {
  const auto token = read_token(flags.admin_token_file);
  if (!token) return report(token.error());
  Result<model::Profile> before = model::Profile{};
  if (!flags.before.empty()) before = read_profile(flags.before);
  if (!before) return report(before.error());
  const auto profile = profile_of_all(flags, *token);
  if (!profile) return report(profile.error());
  const auto written = write(flags, *profile, flags.before.empty() ? nullptr : &*before);
  if (!written) return report(written.error());
  if (flags.output != "-") std::printf("%s\n", flags.output.c_str());
  return 0;
}

}  // namespace

void add_flame(CommandLine& line) {
  auto flags = std::make_shared<FlameFlags>();
  CLI::App* flame =
      line.app.add_subcommand("flame", "Which functions of running processes use the CPU");
  flame->add_option("--url", flags->urls, "Of the process; repeat it to see several as one")
      ->capture_default_str();
  flame->add_option("--admin-token-file", flags->admin_token_file, "The server's admin token");
  flame->add_option("--seconds", flags->seconds, "How long to watch")
      ->check(CLI::Range(1U, static_cast<unsigned>(ports::profile_length_max.count())))
      ->capture_default_str();
  flame->add_option("-o,--output", flags->output, "The file to write; - for standard output")
      ->capture_default_str();
  flame
      ->add_option("--format", flags->format,
                   "svg (a picture), pprof or folded; by the file's name without it")
      ->check(CLI::IsMember({"svg", "pprof", "folded"}));
  flame->add_option("--diff", flags->before,
                    "A folded file of before: red is what has grown since, blue what has shrunk");
  flame->footer(
      "Examples:\n"
      "  hunt flame --admin-token-file admin.token              flame.svg: open it in a browser\n"
      "  hunt flame --url http://10.0.0.7:8080 --url http://10.0.0.8:8080 --seconds 30 ...\n"
      "  hunt flame -o before.folded ...; hunt flame --diff before.folded ...   what changed\n"
      "  hunt flame -o hunt.pb.gz ...; go tool pprof hunt.pb.gz                 for pprof");
  flame->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
