// hunt flame: which functions of running processes use the CPU or hold the memory, or where their
// requests wait, as a flame graph.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/client.h"
#include "adapters/nats/flame_ask.h"
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
  bool urls_given = false;
  std::optional<nats::ServerList> bus;
  model::HuntName hunt;
  std::string admin_token_file;
  std::string kind = "cpu";
  unsigned seconds = 10;
  bool seconds_given = false;
  std::string output = "flame.svg";
  std::string format;  // empty: as the name of the output ends
  std::string before;  // a folded file
};

constexpr std::size_t folded_bytes_max = std::size_t{64} * 1'024 * 1'024;
constexpr std::chrono::seconds grace{15};  // beyond the profile itself

model::ProfileKind kind_of(const FlameFlags& flags) {
  if (flags.kind == "heap") return model::ProfileKind::heap;
  return flags.kind == "wall" ? model::ProfileKind::wall : model::ProfileKind::cpu;
}

std::string target_of(const FlameFlags& flags) {
  if (flags.kind == "heap") return "/debug/flame?kind=heap&format=folded";
  return fmt::format("/debug/flame?kind={}&format=folded&seconds={}", flags.kind, flags.seconds);
}

Result<model::Profile> profile_of(const std::string& url, const std::string& token,
                                  const FlameFlags& flags) {
  HUNT_TRY(response, http::http_request(url, "GET", target_of(flags), {}, token,
                                        std::chrono::seconds(flags.seconds) + grace));
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
  return codec::read_folded(response.body);
}

[[nodiscard]] bool over_the_bus(const FlameFlags& flags) {
  return flags.bus && !flags.urls_given;
}

Result<model::Profile> profile_of_fleet(const FlameFlags& flags, const std::string& token) {
  nats::NatsOptions options;
  options.servers = *flags.bus;
  options.hunt = flags.hunt;
  options.client_name = "hunt flame";
  HUNT_TRY(answers, nats::ask_fleet_profile(options, kind_of(flags), flags.seconds, token));
  model::Profile all;
  std::size_t answered = 0;
  std::string reason;
  for (const auto& one : answers) {
    const std::string who = fmt::format("{} {}", one.process.kind, one.process.name);
    if (one.profile) {
      codec::add_profile(*one.profile, all);
      ++answered;
      continue;
    }
    reason = fmt::format("{}: {}", who, one.profile.error().message);
    std::fprintf(stderr, "hunt: not in the picture: %s\n", reason.c_str());
  }
  if (answered == 0) return fail(Errc::unavailable, "no process gave a profile; " + reason);
  std::fprintf(stderr, "%zu of %zu processes are in the picture\n", answered, answers.size());
  return all;
}

// All at the same time: a fleet is hot in the same seconds.
Result<model::Profile> profile_of_all(const FlameFlags& flags, const std::string& token) {
  if (flags.kind != "heap") {
    const std::string whom = over_the_bus(flags) ? std::string("every process")
                                                 : fmt::format("{} process{}", flags.urls.size(),
                                                               flags.urls.size() == 1 ? "" : "es");
    std::fprintf(stderr, "watching %s for %u s ...\n", whom.c_str(), flags.seconds);
  }
  if (over_the_bus(flags)) return profile_of_fleet(flags, token);
  std::vector<std::future<Result<model::Profile>>> asked;
  for (const std::string& url : flags.urls) {
    asked.push_back(std::async(std::launch::async, profile_of, url, token, std::cref(flags)));
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
  const std::string title = fmt::format(
      "hunt flame: {} of {}", model::facts_of(profile.kind).what,
      over_the_bus(flags) ? "the fleet" : fmt::format("{}", fmt::join(flags.urls, ", ")));
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

// Names of functions differ between builds, and so do their shares.
void tell_builds(const model::Profile& profile, const model::Profile& before) {
  if (profile.build_id == "several") {
    std::fprintf(stderr, "note: the processes run several builds of hunt\n");
  } else if (!before.build_id.empty() && before.build_id != profile.build_id) {
    std::fprintf(stderr, "note: the file of before is of build %s, this is build %s\n",
                 before.build_id.c_str(), profile.build_id.c_str());
  }
}

int run(const FlameFlags& flags) {
  if (flags.kind == "heap" && flags.seconds_given) {
    return report_usage({Errc::invalid_argument,
                         "memory in use is not watched for a while; expected no --seconds with "
                         "--kind heap",
                         "seconds"});
  }
  const auto token = read_token(flags.admin_token_file);
  if (!token) return report(token.error());
  Result<model::Profile> before = model::Profile{};
  if (!flags.before.empty()) before = read_profile(flags.before);
  if (!before) return report(before.error());
  auto profile = profile_of_all(flags, *token);
  if (!profile) return report(profile.error());
  // Folded stacks do not tell these.
  if (flags.kind != "heap") profile->duration_ns = std::int64_t{flags.seconds} * 1'000'000'000;
  profile->period_ns = model::profile_period_ns;
  if (!flags.before.empty() && before->kind != profile->kind) {
    return report(
        {Errc::invalid_argument,
         fmt::format("{} is of {}, this of {}: they cannot be compared", flags.before,
                     model::facts_of(before->kind).what, model::facts_of(profile->kind).what),
         "diff"});
  }
  tell_builds(*profile, *before);
  const auto written = write(flags, *profile, flags.before.empty() ? nullptr : &*before);
  if (!written) return report(written.error());
  if (flags.output != "-") std::printf("%s\n", flags.output.c_str());
  return 0;
}

}  // namespace

void add_flame(CommandLine& line) {
  auto flags = std::make_shared<FlameFlags>();
  CLI::App* flame =
      line.app.add_subcommand("flame", "Which functions of running processes use CPU and memory");
  const CLI::Option* url =
      flame->add_option("--url", flags->urls, "Of the process; repeat it to see several as one")
          ->capture_default_str();
  add_bus(*flame, flags->bus);
  add_hunt(*flame, flags->hunt);
  flame->add_option("--admin-token-file", flags->admin_token_file, "The server's admin token");
  flame
      ->add_option("--kind", flags->kind,
                   "cpu: which functions use it; heap: which allocated the memory that is in use; "
                   "wall: where requests wait and work, by stages")
      ->check(CLI::IsMember({"cpu", "heap", "wall"}))
      ->capture_default_str();
  const CLI::Option* seconds =
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
      "  hunt flame --kind heap -o heap.svg ...                 who holds the memory\n"
      "  hunt flame --bus nats://127.0.0.1:4222 ...             every process of the hunt\n"
      "  hunt flame -o before.folded ...; hunt flame --diff before.folded ...   what changed\n"
      "  hunt flame -o hunt.pb.gz ...; go tool pprof hunt.pb.gz                 for pprof");
  flame->callback([&line, flags, seconds, url] {
    flags->urls_given = url->count() > 0;
    flags->seconds_given = seconds->count() > 0;
    line.run = [flags] { return run(*flags); };
  });
}

}  // namespace hunt::apps
