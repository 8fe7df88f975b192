// InprocBus: the bus inside one process (`inproc:`). Lanes talk to each other through it.
//
// Not stored: what is in flight when the process dies is asked again by the game server. Values
// cross threads by posting to the receiver's loop; every hop is bounded (full is `overloaded` for
// asks, a gap in the sequence for messages). Lifetime: the hub outlives its endpoints.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>

#include "ports/bus.h"
#include "ports/clock.h"

namespace hunt::inproc {

struct BusLimits {
  std::size_t asks_inflight_max = 4'096;      // per serving lane, from other lanes
  std::size_t messages_waiting_max = 65'536;  // per subscriber
};

class InprocBus {
 public:
  // Lifetime: the clock outlives the hub.
  explicit InprocBus(const ports::Clock& clock, BusLimits limits = {});
  ~InprocBus();
  InprocBus(const InprocBus&) = delete;
  InprocBus& operator=(const InprocBus&) = delete;

  // An endpoint for the thread that runs `lane`. Destroy it there, or after the loop has ended.
  [[nodiscard]] std::unique_ptr<ports::Bus> endpoint(boost::asio::any_io_executor lane);

  struct Hub;

 private:
  std::shared_ptr<Hub> hub_;
};

}  // namespace hunt::inproc
