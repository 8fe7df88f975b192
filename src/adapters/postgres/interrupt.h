// Interrupt: ends what a blocking connection waits for, from another thread.
//
// Not for what has an event loop. One connection at a time. Lifetime: outlives the connections that
// were opened with it.
#pragma once
#include <mutex>

namespace hunt::postgres {

class Interrupt {
 public:
  // Whoever waits for the server fails now, and so does whoever opens one later. Thread: any.
  void end();

  // For the connection: its socket, until it says that it closes it. False: it has ended.
  [[nodiscard]] bool watch(int socket);
  void forget();
  [[nodiscard]] bool ended() const;

 private:
  mutable std::mutex mutex_;
  int socket_ = -1;
  bool ended_ = false;
};

}  // namespace hunt::postgres
