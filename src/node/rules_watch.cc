#include "node/rules_watch.h"

#include <fmt/format.h>

#include <condition_variable>
#include <stop_token>
#include <utility>

#include "adapters/system/system_clock.h"
#include "base/thread_name.h"
#include "model/limits.h"
#include "rules/zones.h"

namespace hunt::node {

namespace {

std::string lines_of(const std::vector<rules::Diagnostic>& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) {
    if (!out.empty()) out += '\n';
    out += rules::format(diagnostic);
  }
  return out;
}

// As they are kept: without the folders of this machine, and without the lock, which is of them.
model::RulesFiles kept_files(const std::vector<rules::RulesFile>& files) {
  model::RulesFiles kept;
  for (const auto& file : files) {
    if (rules::is_lock_file(file.name)) continue;
    kept.push_back({file.name.substr(file.name.rfind('/') + 1), file.text});
  }
  return kept;
}

}  // namespace

RulesWatch::RulesWatch(Options options) : options_(std::move(options)) {}

RulesWatch::~RulesWatch() = default;

Result<std::unique_ptr<RulesWatch>> RulesWatch::open(Options options) {
  std::unique_ptr<RulesWatch> watch(new RulesWatch(std::move(options)));
  if (watch->options_.path.empty()) {
    watch->adopt_builtin();
    return watch;
  }
  const Reading reading = read(watch->options_.path);
  auto loaded = reading.files
                    ? rules::compile_rules(*reading.files, system::SystemClock().wall_us())
                    : rules::RulesResult(tl::unexpected(reading.files.error()));
  watch->judged_ = reading.digest;
  watch->last_seen_ = reading.digest;
  if (!loaded) {
    watch->wrong_at_first_ =
        fmt::format("the rules {} are not valid; nothing is started", watch->options_.path);
    if (watch->options_.log) {
      for (const auto& diagnostic : loaded.error()) {
        watch->options_.log(LogLevel::warning, rules::format(diagnostic));
      }
    }
    if (!watch->options_.may_be_wrong) {
      return fail(Errc::invalid_argument, watch->wrong_at_first_);
    }
    watch->adopt_builtin();
    watch->offer_.stand_in = true;
    watch->note_refused(loaded.error());
    return watch;
  }
  watch->adopt(std::move(*loaded), *reading.files);
  return watch;
}

void RulesWatch::adopt_builtin() {
  adopt({rules::builtin_rules(), {}},
        {{"starlight.yaml", std::string(rules::builtin_rules_text())}});
  offer_.builtin = true;
}

void RulesWatch::start() {
  HUNT_ASSERT(!thread_.joinable());
  if (options_.path.empty() || options_.path == "-") return;
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

service::RulesOffer RulesWatch::offer() const {
  const std::lock_guard lock(mutex_);
  return offer_;
}

model::RulesState RulesWatch::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void RulesWatch::watch(const std::stop_token& stop) {
  name_thread("rules-watch");
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    stopped.wait_for(lock, stop, options_.interval, [] { return false; });
    if (!stop.stop_requested()) look();
  }
}

RulesWatch::Reading RulesWatch::read(const std::string& path) {
  Reading out{rules::read_rules_files(path), {}};
  // Lengths keep apart what moves from one file to the next; a failure has a content of its own.
  std::vector<std::uint8_t> bytes;
  const auto put = [&](std::string_view text) {
    const std::string length = fmt::format("{}:", text.size());
    bytes.insert(bytes.end(), length.begin(), length.end());
    bytes.insert(bytes.end(), text.begin(), text.end());
  };
  if (out.files) {
    for (const auto& file : *out.files) {
      put(file.name);
      put(file.text);
    }
  } else {
    put(lines_of(out.files.error()));
  }
  out.digest = Sha256().of(bytes);
  return out;
}

void RulesWatch::look() {
  const Reading reading = read(options_.path);
  const bool settled = reading.digest == std::exchange(last_seen_, reading.digest);
  if (!settled || reading.digest == judged_) return;
  judged_ = reading.digest;
  judge(reading);
}

void RulesWatch::judge(const Reading& reading) {
  auto loaded = reading.files
                    ? rules::compile_rules(*reading.files, system::SystemClock().wall_us())
                    : rules::RulesResult(tl::unexpected(reading.files.error()));
  const service::RulesOffer before = offer();
  const bool was_refused = state().differs();
  if (!loaded) return refuse(loaded.error());
  adopt(std::move(*loaded), *reading.files);
  service::RulesOffer now = offer();
  const bool same = now.set->version == before.set->version;  // a comment, or back to what it was
  if (same && was_refused && !before.stand_in && options_.log) {
    options_.log(LogLevel::info, fmt::format("rules: {} is valid again, and still version {}",
                                             options_.path, now.set->version));
  }
  const bool another = !same || before.stand_in || now.revision != before.revision;
  if (another && options_.on_change) {
    options_.on_change(std::move(now));
  }
  if (options_.on_judged) options_.on_judged();
}

void RulesWatch::note_refused(const std::vector<rules::Diagnostic>& diagnostics) {
  const std::lock_guard lock(mutex_);
  ++state_.rejected;
  if (!state_.differs()) state_.differ_since_us = system::SystemClock().wall_us();
  state_.refused = diagnostics.empty() ? "they are not valid" : rules::format(diagnostics.front());
}

void RulesWatch::refuse(const std::vector<rules::Diagnostic>& diagnostics) {
  note_refused(diagnostics);
  if (options_.on_judged) options_.on_judged();
  if (!options_.log) return;
  options_.log(LogLevel::warning,
               fmt::format("rules: {} changed but is not valid; it counts for nothing until it is",
                           options_.path));
  for (const auto& diagnostic : diagnostics) {
    options_.log(LogLevel::warning, rules::format(diagnostic));
  }
}

void RulesWatch::adopt(rules::LoadedRules loaded, const std::vector<rules::RulesFile>& files) {
  if (options_.log) {
    for (const auto& warning : loaded.warnings) {
      options_.log(LogLevel::warning, rules::format(warning));
    }
  }
  service::RulesOffer next;
  next.set = std::make_shared<const model::RuleSet>(std::move(loaded.set));
  next.files = kept_files(files);
  if (loaded.lock) {
    next.revision = loaded.lock->revision;
    next.activates_us = loaded.lock->activates_us.value_or(next.activates_us);
    next.note = loaded.lock->note;
  }
  const std::lock_guard lock(mutex_);
  const bool same = offer_.set != nullptr && offer_.set->version == next.set->version;
  if (same) next.set = offer_.set;
  offer_ = std::move(next);
  state_.version = offer_.set->version;
  state_.zone_data = rules::zone_data_version();
  state_.differ_since_us = 0;
  state_.refused.clear();
}

}  // namespace hunt::node
