// RulesWatch: what the rule files of this process come to, read again while it runs. What is not
// valid counts for nothing.
//
// Not the language (rules/), and not what is in force: the stores say that (service/rules_book.h).
// It reads the whole path (file or directory) twice a second and compares contents, not times, so
// that an editor's rename-over and a ConfigMap's link swap are seen alike. A change counts once two
// reads in a row agree: a half-written file is not judged. Lifecycle: open() reads once and fails
// on bad rules; start() begins to watch; the destructor joins. Thread: current(), offer() and
// state() from any; the callbacks run on the watching thread.
#pragma once
#include <chrono>
#include <cstdint>
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
#include "service/rules_book.h"

namespace hunt::node {

class RulesWatch final : public ports::RulesSource {
 public:
  using RuleSetPtr = std::shared_ptr<const model::RuleSet>;

  struct Options {
    std::string path;  // empty: the built-in event, which never changes; nor does "-"
    // Wrong files are no error: the stores may have rules. Until they are right there is a
    // stand-in.
    bool may_be_wrong = false;
    // Half a second: an edit is live within a second, and reading 16 MiB so often costs little.
    std::chrono::milliseconds interval{500};
    // A new valid set, or another lock beside it; never for the first one.
    std::function<void(service::RulesOffer)> on_change;
    std::function<void()> on_judged;  // state() may be another one; after on_change
    std::function<void(LogLevel, std::string_view)> log;  // one line each, without a newline
  };

  // Errors: invalid_argument; every diagnostic is in the log, each a line.
  [[nodiscard]] static Result<std::unique_ptr<RulesWatch>> open(Options options);
  ~RulesWatch() override;
  RulesWatch(const RulesWatch&) = delete;
  RulesWatch& operator=(const RulesWatch&) = delete;

  // What was wrong with the files at open(); empty: nothing.
  [[nodiscard]] const std::string& wrong_at_first() const noexcept { return wrong_at_first_; }

  // At most once. Nothing to do for what never changes.
  void start();
  // No callback is called any more.
  void stop() { thread_ = {}; }

  // The last that was valid.
  [[nodiscard]] service::RulesOffer offer() const;
  [[nodiscard]] RuleSetPtr current() const override { return offer().set; }
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
  void adopt_builtin();
  void adopt(rules::LoadedRules loaded, const std::vector<rules::RulesFile>& files);
  void note_refused(const std::vector<rules::Diagnostic>& diagnostics);
  void refuse(const std::vector<rules::Diagnostic>& diagnostics);

  Options options_;
  std::string wrong_at_first_;
  mutable std::mutex mutex_;  // guards the two below
  model::RulesState state_;
  service::RulesOffer offer_;
  Digest256 judged_{};     // the content of offer_, or of the last refusal
  Digest256 last_seen_{};  // of the reading before
  std::jthread thread_;    // last: joins before anything above goes
};

}  // namespace hunt::node
