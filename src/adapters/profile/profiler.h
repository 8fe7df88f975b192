// Profiler: takes profiles on a thread of its own while the caller waits.
//
// The thread exists only while a profile is taken. Lifetime: close() or the destructor ends one
// that is under way early; its caller gets what there is.
#pragma once
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "model/stats.h"
#include "ports/profiler.h"

namespace hunt::profile {

class Profiler final : public ports::Profiler {
 public:
  // `stats`: what the stages of this process took up to now. Thread: any.
  explicit Profiler(std::function<model::Stats()> stats) : stats_(std::move(stats)) {}
  ~Profiler() override { close(); }
  [[nodiscard]] boost::asio::awaitable<Result<model::Profile>> take(
      model::ProfileKind kind, std::chrono::seconds length) override;
  // For whoever watches all the time: blocks the caller instead. Whoever asks for a profile ends it
  // early, and gets theirs. Errors: overloaded (somebody is at it), unavailable (the process ends).
  [[nodiscard]] Result<model::Profile> cpu_in_background(std::chrono::seconds length);
  void close();

 private:
  [[nodiscard]] Result<model::Profile> take_here(model::ProfileKind kind,
                                                 std::chrono::seconds length,
                                                 const std::stop_token& stop) const;

  const std::function<model::Stats()> stats_;
  std::mutex mutex_;  // guards what follows
  bool closed_ = false;
  bool busy_ = false;
  std::stop_source background_;  // of the one that is taken in the background
  std::jthread thread_;
};

}  // namespace hunt::profile
