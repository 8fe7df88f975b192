// WhyService: a process's place in the fleet: answers `$SRV.WHY.<hunt>`, says that it is there, and
// remembers who else was.
//
// Not the verdict: `answer` is asked for it. Each process says every five seconds on `<hunt>.here`
// who it is, signed, and once that it leaves; so who is stopped, killed or cut off is named by
// those that remember it. Who may not write there (rights of an older release) is not heard and
// tries once a connection. Bounds: peers_max, peer_life_ns. Lifecycle: on a
// connection that outlives it; start(), leave(). Thread: the lane's.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/nats/connection.h"
#include "base/result.h"
#include "model/why_past.h"

namespace hunt::nats {

// Processes of the hunt that another one knows of, and for how long after their last word.
inline constexpr std::size_t peers_max = 1'024;
inline constexpr std::int64_t peer_life_ns = 600'000'000'000;

class WhyService {
 public:
  // From the body of a question to the answer, a JSON object. Errors are told to who asks.
  using Answer = std::function<Result<std::string>(std::string_view question)>;

  WhyService(Connection& connection, model::Process self, Answer answer);
  ~WhyService();
  WhyService(const WhyService&) = delete;
  WhyService& operator=(const WhyService&) = delete;

  void start();
  // Says goodbye and answers nothing any more.
  void leave();
  // The others that were heard of and did not say goodbye.
  [[nodiscard]] std::vector<model::Peer> peers() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace hunt::nats
