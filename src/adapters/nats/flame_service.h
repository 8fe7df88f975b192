// FlameService: gives profiles of this process over the bus, on `$SRV.FLAME.<hunt>`, to whoever has
// its admin token.
//
// Not the profiler (ports/profiler.h). The token is not told: a question is signed with it, over
// the subject, the question with its time, and where to answer; so one that is heard and sent again
// gives its answer to who asked first, and only for asked_ago_us_max. Answers are gzipped folded
// stacks, or an error as JSON; each says in a header whose it is. Lifecycle: on a connection and a
// profiler that outlive it; start(), leave(). Thread: the lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/nats/connection.h"
#include "base/result.h"
#include "codec/json_profile.h"
#include "model/why_past.h"
#include "ports/profiler.h"

namespace hunt::nats {

// By both clocks.
inline constexpr std::int64_t asked_ago_us_max = 30'000'000;
inline constexpr const char* process_header = "Hunt-Process";

// What is signed of a question beside its subject.
[[nodiscard]] std::string signed_question(std::string_view reply_to, std::string_view body);

class FlameService {
 public:
  FlameService(Connection& connection, model::Process self, std::string admin_token,
               ports::Profiler& profiler);
  ~FlameService();
  FlameService(const FlameService&) = delete;
  FlameService& operator=(const FlameService&) = delete;

  void start();
  // Answers nothing new.
  void leave();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace hunt::nats
