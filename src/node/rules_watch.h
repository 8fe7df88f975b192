// RulesWatch: the rules in force, reloaded while running. A bad file never replaces a good one.
//
// Not the language (rules/). It reads the whole path (file or directory) twice a second and
// compares contents, not times, so that an editor's rename-over and a ConfigMap's link swap are
// seen alike. A change counts once two reads in a row agree: a half-written file is not judged.
// Lifecycle: open() reads once and fails on bad rules; start() begins to watch; the destructor
// joins. Thread: current() and state() from any; the callbacks run on the watching thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/sha256.h"
#include "model/rules_state.h"
#include "ports/rules_source.h"
#include "rules/load.h"

namespace hunt::node {

class RulesWatch final : public ports::RulesSource {
 public:
  using RuleSetPtr = std::shared_ptr<const model::RuleSet>;

  struct Options {
    std::string path;  // empty: the built-in event, which never changes; nor does "-"
    // Half a second: an edit is live within a second, and reading 16 MiB so often costs little.
    std::chrono::milliseconds interval{500};
    std::function<void(RuleSetPtr)> on_change;  // a new valid set; never for the first one
    std::function<void()> on_judged;            // state() may be another one; after on_change
    std::function<void(LogLevel, std::string_view)> log;  // one line each, without a newline
  };

  // Errors: invalid_argument with every diagnostic, one a line.
  [[nodiscard]] static Result<std::unique_ptr<RulesWatch>> open(Options options);
  ~RulesWatch() override;
  RulesWatch(const RulesWatch&) = delete;
  RulesWatch& operator=(const RulesWatch&) = delete;

  // At most once. Nothing to do for what never changes.
  void start();
  // No callback is called any more; what is in force stays so.
  void stop() { thread_ = {}; }

  [[nodiscard]] RuleSetPtr current() const override;
  // The last few that were in force are kept.
  [[nodiscard]] RuleSetPtr of_version(std::string_view version) const override;
  // Contents that were refused are counted since open(), each once as long as it stays.
  [[nodiscard]] model::RulesState state() const;

 private:
  // One reading of the path: its files, or why they cannot be read; and the hash of either.
  struct Reading {
    tl::expected<std::vector<rules::RulesFile>, std::vector<rules::Diagnostic>> files;
    Digest256 digest{};
  };

  explicit RulesWatch(Options options);
  [[nodiscard]] static Reading read(const std::string& path);
  void watch(const std::stop_token& stop);
  void look();
  void judge(const Reading& reading);
  void adopt(rules::LoadedRules loaded);
  void refuse(const std::vector<rules::Diagnostic>& diagnostics);

  Options options_;
  mutable std::mutex mutex_;  // guards the three below
  model::RulesState state_;
  RuleSetPtr current_;
  std::deque<RuleSetPtr> before_;  // newest first. Bound: limits::rules_kept_max
  Digest256 judged_{};             // the content of current_, or of the last refusal
  Digest256 last_seen_{};          // of the reading before
  std::jthread thread_;            // last: joins before anything above goes
};

}  // namespace hunt::node
