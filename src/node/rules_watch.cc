#include "node/rules_watch.h"

#include <fmt/format.h>

#include <condition_variable>
#include <stop_token>
#include <utility>

#include "adapters/system/system_clock.h"
#include "base/thread_name.h"
#include "model/limits.h"
#include "rules/diff.h"
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

// ": what changes for players", where it can be said in a moment.
std::string change_text(const model::RuleSet& before, const model::RuleSet& after) {
  constexpr std::size_t entries_max = 20'000;  // guess: more take too long for a line of a log
  if (before.entries.size() + after.entries.size() > entries_max) return "";
  const auto diff = rules::diff_rules(before, after);
  return diff ? ": " + rules::summary_of(*diff) : "";
}

}  // namespace

RulesWatch::RulesWatch(Options options) : options_(std::move(options)) {}

RulesWatch::~RulesWatch() = default;

Result<std::unique_ptr<RulesWatch>> RulesWatch::open(Options options) {
  std::unique_ptr<RulesWatch> watch(new RulesWatch(std::move(options)));
  if (watch->options_.path.empty()) {
    watch->adopt({rules::builtin_rules(), {}});
    return watch;
  }
  const Reading reading = read(watch->options_.path);
  auto loaded = reading.files
                    ? rules::compile_rules(*reading.files, system::SystemClock().wall_us())
                    : rules::RulesResult(tl::unexpected(reading.files.error()));
  if (!loaded) {
    return fail(
        Errc::invalid_argument,
        fmt::format("the rules are not valid; nothing is started\n{}", lines_of(loaded.error())));
  }
  watch->judged_ = reading.digest;
  watch->last_seen_ = reading.digest;
  watch->adopt(std::move(*loaded));
  return watch;
}

void RulesWatch::start() {
  HUNT_ASSERT(!thread_.joinable());
  if (options_.path.empty() || options_.path == "-") return;
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

RulesWatch::RuleSetPtr RulesWatch::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

model::RulesState RulesWatch::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

RulesWatch::RuleSetPtr RulesWatch::of_version(std::string_view version) const {
  const std::lock_guard lock(mutex_);
  if (current_->version == version) return current_;
  for (const auto& one : before_) {
    if (one->version == version) return one;
  }
  return nullptr;
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
  const RuleSetPtr before = current();
  const bool was_refused = state().differs();
  if (!loaded) return refuse(loaded.error());
  adopt(std::move(*loaded));
  const RuleSetPtr now = current();
  if (now->version == before->version) {  // a comment, or back to what was in force
    if (was_refused && options_.log) {
      options_.log(LogLevel::info, fmt::format("rules: {} is valid again, and still version {}",
                                               options_.path, now->version));
    }
    if (options_.on_judged) options_.on_judged();
    return;
  }
  // The lanes first: what changes for players is worked out for the log alone, and may take long.
  if (options_.on_change) options_.on_change(now);
  if (options_.on_judged) options_.on_judged();
  if (options_.log) {
    options_.log(LogLevel::info, fmt::format("rules: version {} replaces {}{}", now->version,
                                             before->version, change_text(*before, *now)));
  }
}

void RulesWatch::refuse(const std::vector<rules::Diagnostic>& diagnostics) {
  {
    const std::lock_guard lock(mutex_);
    ++state_.rejected;
    if (!state_.differs()) state_.differ_since_us = system::SystemClock().wall_us();
    state_.refused =
        diagnostics.empty() ? "they are not valid" : rules::format(diagnostics.front());
  }
  if (options_.on_judged) options_.on_judged();
  if (!options_.log) return;
  options_.log(LogLevel::warning,
               fmt::format("rules: {} changed but is not valid; version {} stays in force",
                           options_.path, current()->version));
  for (const auto& diagnostic : diagnostics) {
    options_.log(LogLevel::warning, rules::format(diagnostic));
  }
}

void RulesWatch::adopt(rules::LoadedRules loaded) {
  if (options_.log) {
    for (const auto& warning : loaded.warnings) {
      options_.log(LogLevel::warning, rules::format(warning));
    }
  }
  auto next = std::make_shared<const model::RuleSet>(std::move(loaded.set));
  const std::lock_guard lock(mutex_);
  if (current_ != nullptr && current_->version != next->version) {
    std::erase_if(before_, [this](const auto& one) { return one->version == current_->version; });
    before_.push_front(current_);
  }
  if (before_.size() > limits::rules_kept_max) before_.pop_back();
  current_ = std::move(next);
  if (state_.version != current_->version) {
    state_.version = current_->version;
    state_.since_us = system::SystemClock().wall_us();
  }
  state_.zone_data = rules::zone_data_version();
  state_.differ_since_us = 0;
  state_.refused.clear();
}

}  // namespace hunt::node
