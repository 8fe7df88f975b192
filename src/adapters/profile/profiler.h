// Profiler: takes profiles on a thread of its own while the caller waits.
//
// The thread exists only while a profile is taken. Lifetime: close() or the destructor ends one
// that is under way early; its caller gets what there is.
#pragma once
#include <mutex>
#include <thread>

#include "ports/profiler.h"

namespace hunt::profile {

class Profiler final : public ports::Profiler {
 public:
  ~Profiler() override { close(); }
  [[nodiscard]] boost::asio::awaitable<Result<model::Profile>> cpu(
      std::chrono::seconds length) override;
  void close();

 private:
  std::mutex mutex_;  // guards what follows
  bool closed_ = false;
  bool busy_ = false;
  std::jthread thread_;
};

}  // namespace hunt::profile
