#include "adapters/postgres/interrupt.h"

#include <sys/socket.h>

namespace hunt::postgres {

void Interrupt::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (socket_ >= 0) (void)::shutdown(socket_, SHUT_RDWR);
}

bool Interrupt::watch(int socket) {
  const std::lock_guard lock(mutex_);
  if (!ended_) socket_ = socket;
  return !ended_;
}

bool Interrupt::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void Interrupt::forget() {
  const std::lock_guard lock(mutex_);
  socket_ = -1;
}

}  // namespace hunt::postgres
