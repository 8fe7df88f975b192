// hunt replay record | run | import | export: the traffic of a hunt into a file, and again.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "adapters/system/stop_signals.h"
#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/rules_commands.h"
#include "apps/shared_flags.h"
#include "apps/world_parts.h"
#include "base/random_bytes.h"
#include "base/text.h"
#include "base/url.h"
#include "codec/output_file.h"
#include "node/secrets.h"
#include "rules/load.h"
#include "rush/recorder.h"
#include "rush/replay_files.h"
#include "rush/replay_here.h"
#include "rush/replay_report.h"
#include "rush/replay_there.h"
#include "rush/skipped_rows.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t tick_every_ns = 100'000'000;
constexpr std::int64_t line_every_ns = 1'000'000'000;
constexpr std::int64_t line_every_ns_in_a_log = 10'000'000'000;

struct ReplayFlags {
  ReplayFlags() { target.url = "inproc:"; }
  std::optional<nats::ServerList> bus;
  std::vector<node::StoreUrl> stores;
  rush::TargetOptions target;
  std::string file;
  std::string trace;
  std::string key_file;
  std::string event_seed_file;
  std::string server_token_file;
  std::string on_error = "abort";
  std::string html;
  double seconds = 0;
  double speed = 1;
  bool json = false;
};

Result<codec::Pseudonyms::Key> read_key(const std::string& path) {
  HUNT_TRY(bytes, node::read_event_seed(path));
  node::warn_of_others(path);
  codec::Pseudonyms::Key key{};
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

// The key of a file that is there; else a new one, which is kept there.
Result<codec::Pseudonyms::Key> read_or_make_key(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno == EEXIST) return read_key(path);
  if (descriptor < 0) {
    return fail(Errc::io, fmt::format("cannot make the key {}: {}", path, std::strerror(errno)),
                "key-file");
  }
  const auto key = random_bytes<32>();
  const std::string text = to_hex(key) + "\n";
  const bool written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (!written) {
    ::unlink(path.c_str());
    return fail(Errc::io, fmt::format("cannot write the key {}: {}", path, std::strerror(error)),
                "key-file");
  }
  std::fprintf(stderr, "hunt: made a key in %s: keep it apart from the recording, which it opens\n",
               path.c_str());
  return key;
}

std::string per_position(std::uint64_t bytes, std::uint64_t positions) {
  if (positions == 0) return "";
  return fmt::format(", {:.2f} a position",
                     static_cast<double>(bytes) / static_cast<double>(positions));
}

std::string figures_line(const rush::RecorderFigures& now, const rush::RecorderFigures& before,
                         double seconds) {
  std::string line = fmt::format("recording: {} positions ({:.0f}/s), {} outcomes, {} bytes",
                                 with_commas(now.positions),
                                 static_cast<double>(now.positions - before.positions) / seconds,
                                 with_commas(now.claims), with_commas(now.bytes));
  if (now.lost + now.missed > 0) {
    line += fmt::format(", {} lost", with_commas(now.lost + now.missed));
  }
  return line;
}

void watch(rush::Recorder& recorder, const system::StopSignals& signals, double seconds) {
  const system::SystemClock clock;
  const bool tty = isatty(STDERR_FILENO) != 0;
  const std::int64_t begun_ns = clock.now_ns();
  std::int64_t shown_ns = begun_ns;
  rush::RecorderFigures before;
  while (!signals.wait(tick_every_ns) && !recorder.failure()) {
    recorder.tick();
    const std::int64_t now_ns = clock.now_ns();
    if (seconds > 0 && static_cast<double>(now_ns - begun_ns) / 1e9 >= seconds) break;
    if (now_ns - shown_ns < (tty ? line_every_ns : line_every_ns_in_a_log)) continue;
    const auto now = recorder.figures();
    const double passed = static_cast<double>(now_ns - shown_ns) / 1e9;
    std::fprintf(stderr, "%s%s%s", tty ? "\r" : "", figures_line(now, before, passed).c_str(),
                 tty ? "\x1b[K" : "\n");
    std::fflush(stderr);
    before = now;
    shown_ns = now_ns;
  }
  if (tty) std::fprintf(stderr, "\n");
}

void print_figures(const rush::RecorderFigures& all, const ReplayFlags& flags) {
  if (flags.json) {
    const std::string text = fmt::format(
        R"({{"positions":{},"outcomes":{},"loot":{},"lost":{},"unread":{},"bytes":{}}})",
        all.positions, all.claims, all.loot, all.lost + all.missed, all.unread, all.bytes);
    std::printf("%s\n", text.c_str());
    return;
  }
  std::printf("recorded %s positions, %s outcomes and %s tiles with loot into %s: %s bytes%s\n",
              with_commas(all.positions).c_str(), with_commas(all.claims).c_str(),
              with_commas(all.loot).c_str(), flags.file.c_str(), with_commas(all.bytes).c_str(),
              per_position(all.bytes, all.positions).c_str());
  if (all.lost + all.missed > 0) {
    std::printf("%s batches and outcomes could not be kept: the recording says so\n",
                with_commas(all.lost + all.missed).c_str());
  }
  if (all.unread > 0) {
    std::printf("%s messages were no batches, or of worlds without an id: name the --store\n",
                with_commas(all.unread).c_str());
  }
}

int run_record(const ReplayFlags& flags) {
  if (!flags.bus) {
    return report_usage({Errc::invalid_argument,
                         "inproc: reaches no other process; expected "
                         "nats://[USER:PASSWORD@]HOST:PORT[,…]",
                         "bus"});
  }
  const auto key = read_or_make_key(flags.key_file);
  if (!key) return report(key.error());
  auto writer = codec::RecordingWriter::append(flags.file, codec::Pseudonyms(*key));
  if (!writer) return report(writer.error());
  if (writer->ended_ms() > 0) {
    std::fprintf(stderr, "hunt: goes on with %s, which ends at %s%s\n", flags.file.c_str(),
                 format_time_us(writer->ended_ms() * 1'000).c_str(),
                 writer->cut_bytes() == 0
                     ? ""
                     : fmt::format("; its last {} bytes were no whole block and are cut",
                                   with_commas(writer->cut_bytes()))
                           .c_str());
  }
  const system::StopSignals signals;
  std::unique_ptr<rush::WorldTarget> store;
  if (!flags.stores.empty()) {
    auto opened = rush::open_store_target(flags.stores, true);
    if (!opened) return report(opened.error());
    store = std::move(*opened);
  }
  rush::Recorder recorder({*flags.bus, flags.target.hunt}, std::move(*writer));
  if (const auto started = recorder.start(store.get()); !started) return report(started.error());
  store.reset();
  std::fprintf(stderr, "hunt: records %s into %s; Ctrl-C ends it\n", flags.bus->shown_url().c_str(),
               flags.file.c_str());
  watch(recorder, signals, flags.seconds);
  const auto finished = recorder.finish();
  print_figures(recorder.figures(), flags);
  return finished ? 0 : report(finished.error());
}

bool is_inproc(const ReplayFlags& flags) {
  return split_url(flags.target.url).scheme == Scheme::inproc;
}

// What is for the other kind of target only.
Result<void> check_run(const ReplayFlags& flags) {
  const auto wrong = [](const char* field, const char* message) {
    return fail(Errc::invalid_argument, message, field);
  };
  if (is_inproc(flags)) {
    if (flags.speed != 1) return wrong("speed", "inproc: plays as fast as it can");
    if (!flags.target.http_url.empty()) return wrong("url", "is for --target nats://HOST:PORT");
    if (flags.event_seed_file.empty() == flags.stores.empty()) {
      return wrong("event-seed-file",
                   "rewards follow from the event seed: name its file, or the --store that keeps "
                   "it, but not both");
    }
    return {};
  }
  if (!flags.target.rules_path.empty()) {
    return wrong("rules", "a target that runs has rules of its own; --target inproc: takes these");
  }
  if (!flags.event_seed_file.empty()) return wrong("event-seed-file", "is for --target inproc:");
  if (!flags.stores.empty()) return wrong("store", "is for --target inproc:");
  return {};
}

Result<std::vector<std::uint8_t>> event_seed(const ReplayFlags& flags) {
  if (!flags.event_seed_file.empty()) return node::read_event_seed(flags.event_seed_file);
  HUNT_TRY(store, rush::open_store_target(flags.stores, true));
  return store->event_seed();
}

// The page's file is made before the replay, so that nothing is played in vain.
Result<std::optional<codec::OutputFile>> open_page(const ReplayFlags& flags) {
  if (flags.html.empty()) return std::optional<codec::OutputFile>{};
  HUNT_TRY(page, codec::OutputFile::open(flags.html));
  return std::optional<codec::OutputFile>(std::move(page));
}

int print_run(const ReplayFlags& flags, std::optional<codec::OutputFile>& page,
              const Result<rush::ReplayRun>& run) {
  if (!run) return report(run.error());
  const std::string target = rush::shown_url(flags.target.url);
  if (flags.json) {
    std::printf("%s\n", rush::replay_json(*run, flags.file, target).c_str());
  } else if (flags.html != "-") {
    for (const auto& line : rush::replay_text(*run)) std::printf("%s\n", line.c_str());
  }
  if (!page) return 0;
  Result<void> written = page->write(rush::replay_html(*run, flags.file, target));
  if (written) written = page->close();
  return written ? 0 : report(written.error());
}

int run_here(const ReplayFlags& flags, const codec::Pseudonyms::Key& key) {
  rush::ReplayHereOptions options;
  options.key = key;
  options.rules = rules::builtin_rules();
  if (!flags.target.rules_path.empty()) {
    auto loaded = rules::load_rules(flags.target.rules_path, system::SystemClock().wall_us());
    if (!loaded) return refuse_rules(loaded.error(), flags.json);
    print_diagnostics(loaded->warnings);
    options.rules = std::move(loaded->set);
  }
  auto seed = event_seed(flags);
  if (!seed) return report(seed.error());
  options.event_seed = std::move(*seed);
  auto page = open_page(flags);
  if (!page) return report(page.error());
  return print_run(flags, *page, rush::replay_here(flags.file, options));
}

int run_there(ReplayFlags flags, const codec::Pseudonyms::Key& key) {
  const system::StopSignals signals;
  auto token = read_token(flags.server_token_file);
  if (!token) return report(token.error());
  flags.target.server_token = std::move(*token);
  auto target = rush::open_target(flags.target);
  if (!target) {
    return target.error().code == Errc::invalid_argument ? report_usage(target.error())
                                                         : report(target.error());
  }
  rush::ReplayThereOptions options;
  options.key = key;
  options.speed = flags.speed;
  auto page = open_page(flags);
  if (!page) return report(page.error());
  return print_run(flags, *page, rush::replay_there(flags.file, **target, options, signals));
}

int run_replay(const ReplayFlags& flags) {
  if (const auto good = check_run(flags); !good) return report_usage(good.error());
  const auto key = read_key(flags.key_file);
  if (!key) return report(key.error());
  return is_inproc(flags) ? run_here(flags, *key) : run_there(flags, *key);
}

int run_import(const ReplayFlags& flags) {
  const auto on_bad = flags.on_error == "skip" ? codec::OnBad::skip : codec::OnBad::abort;
  auto trace = codec::TraceReader::open_file(flags.trace, {.on_bad = on_bad});
  if (!trace) return report(trace.error());
  const auto key = read_or_make_key(flags.key_file);
  if (!key) return report(key.error());
  auto writer = codec::RecordingWriter::create(flags.file, codec::Pseudonyms(*key));
  if (!writer) return report(writer.error());
  const auto done = rush::import_trace(*trace, *writer);
  if (!done) {
    ::unlink(flags.file.c_str());  // a part of it would be taken for all of it
    return report(done.error());
  }
  rush::print_skipped(trace->bad());
  std::fprintf(stderr, "hunt: %s positions in %s bytes%s\n", with_commas(done->positions).c_str(),
               with_commas(done->bytes).c_str(),
               per_position(done->bytes, done->positions).c_str());
  return 0;
}

int run_export(const ReplayFlags& flags) {
  auto trace = codec::TraceReader::open_file(flags.file, {});
  if (!trace) return report(trace.error());
  auto out = codec::OutputFile::open(flags.trace);
  if (!out) return report(out.error());
  const bool lines = flags.trace.ends_with(".jsonl") || flags.trace.ends_with(".jsonl.gz");
  const auto done = rush::export_trace(*trace, lines, *out);
  if (!done) return report(done.error());
  std::fprintf(stderr, "hunt: %s positions exported\n", with_commas(done->positions).c_str());
  if (done->cut_bytes > 0) {
    std::fprintf(stderr, "hunt: the last %s bytes of %s are no whole block and were left out\n",
                 with_commas(done->cut_bytes).c_str(), flags.file.c_str());
  }
  return 0;
}

using Flags = std::shared_ptr<ReplayFlags>;

CLI::App* add_part(CommandLine& line, CLI::App& replay, const Flags& flags, const char* name,
                   const char* text, int (*run)(const ReplayFlags&)) {
  CLI::App* part = replay.add_subcommand(name, text);
  part->callback([&line, flags, run] { line.run = [flags, run] { return run(*flags); }; });
  return part;
}

void add_record(CommandLine& line, CLI::App& replay) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* part =
      add_part(line, replay, flags, "record", "Records what passes on a bus", run_record);
  add_bus(*part, flags->bus)->required();
  add_hunt(*part, flags->target.hunt);
  add_stores(*part, flags->stores)
      ->description(
          "The stores of the hunt, once for each shard: what lies there when it begins is "
          "recorded, "
          "for `hunt replay run --target inproc:`");
  part->add_option("-o,--output", flags->file,
                   "The recording; one that is there under the same key goes on")
      ->required();
  part->add_option("--key-file", flags->key_file,
                   "64 hexadecimal digits that hide the players; made where it is not there")
      ->required();
  part->add_option("--seconds", flags->seconds, "Then it ends; 0: with Ctrl-C")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  part->add_flag("--json", flags->json, "The figures as JSON, at the end");
  part->footer(
      "Examples:\n"
      "  hunt replay record --bus nats://127.0.0.1:4222 --key-file replay.key -o monday.rec\n"
      "  hunt replay record --bus nats://nats:4222 --store postgres://db0/hunt \\\n"
      "            --store postgres://db1/hunt --key-file replay.key -o rush.rec --seconds 600");
}

void add_run(CommandLine& line, CLI::App& replay) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* part = add_part(line, replay, flags, "run",
                            "Plays a recording again and compares what comes", run_replay);
  part->add_option("file", flags->file, "A recording of `hunt replay record`")->required();
  part->add_option("--key-file", flags->key_file, "The key that it was recorded under")->required();
  part->add_option("--target", flags->target.url,
                   "inproc: for this process, on the time and with the loot of the recording; "
                   "http://HOST:PORT, ws://HOST:PORT/v1/stream or nats://HOST:PORT[,…] for a hunt "
                   "that runs")
      ->capture_default_str();
  part->add_option("--rules", flags->target.rules_path,
                   "With inproc: event files to play it by; without, the built-in event");
  part->add_option("--event-seed-file", flags->event_seed_file,
                   "With inproc: 64 hexadecimal digits from which rewards follow");
  add_stores(*part, flags->stores)
      ->description("With inproc: the store that keeps the event seed, instead of its file");
  part->add_option("--speed", flags->speed, "With a hunt that runs: times the recording's own")
      ->check(CLI::Range(0.01, 10'000.0))
      ->capture_default_str();
  add_hunt(*part, flags->target.hunt);
  part->add_option("--url", flags->target.http_url,
                   "With nats://: http://HOST:PORT of a `hunt serve` on the same bus, which tells "
                   "its rules");
  part->add_option("--server-token-file", flags->server_token_file, "The game servers' token");
  part->add_flag("--json", flags->json, "The comparison as JSON");
  part->add_option("--html", flags->html, "It as a page, too; - for standard output");
  part->footer(
      "Examples:\n"
      "  hunt replay run monday.rec --key-file replay.key --event-seed-file seed.hex --rules new/\n"
      "  hunt replay run monday.rec --key-file replay.key --target http://10.0.0.7:8080 --speed 4");
}

void add_import_export(CommandLine& line, CLI::App& replay) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* in = add_part(line, replay, flags, "import",
                          "Makes a recording of a trace: CSV or JSON Lines", run_import);
  in->add_option("trace", flags->trace, "The trace: t_ms, player, world, x, y and maybe kind")
      ->required();
  in->add_option("-o,--output", flags->file, "The recording, a new file")->required();
  in->add_option("--key-file", flags->key_file,
                 "64 hexadecimal digits that hide the players; made where it is not there")
      ->required();
  add_on_error(*in, flags->on_error, "What a bad row does: abort or skip");
  in->footer(
      "Examples:\n"
      "  hunt replay import walks.csv.gz --key-file replay.key -o walks.rec");
  auto other = std::make_shared<ReplayFlags>();
  CLI::App* out = add_part(line, replay, other, "export",
                           "Writes the positions of a recording as CSV or JSON Lines", run_export);
  out->add_option("file", other->file, "A recording")->required();
  other->trace = "-";
  out->add_option("-o,--output", other->trace,
                  "The file to write, JSON Lines where it ends in .jsonl, packed where it ends in "
                  ".gz; - for standard output")
      ->capture_default_str();
  out->footer(
      "Players are told by their pseudonyms.\n"
      "Examples:\n"
      "  hunt replay export monday.rec -o monday.csv.gz");
}

}  // namespace

void add_replay(CommandLine& line) {
  CLI::App* replay =
      line.app.add_subcommand("replay", "Record the traffic of a hunt, and play it again");
  replay->require_subcommand(1);
  add_record(line, *replay);
  add_run(line, *replay);
  add_import_export(line, *replay);
}

}  // namespace hunt::apps
