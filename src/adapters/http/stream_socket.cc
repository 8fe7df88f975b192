#include "adapters/http/stream_socket.h"

namespace hunt::http {

int StreamSocket::lend(std::string& kept) {
  State& here = *state_;
  kept = here.kept.substr(here.taken);
  here.kept = {};
  here.taken = 0;
  here.holds_writes = true;
  ErrorCode error;
  const int descriptor = here.socket.release(error);
  return error ? -1 : descriptor;
}

bool StreamSocket::take_back(boost::asio::ip::tcp protocol, int descriptor, std::string kept) {
  ErrorCode error;
  state_->socket.assign(protocol, descriptor, error);
  if (error) return false;
  state_->kept = std::move(kept);
  return true;
}

void StreamSocket::let_writes() {
  state_->holds_writes = false;
  state_->back.cancel();
}

void StreamSocket::close() {
  let_writes();
  ErrorCode ignored;
  state_->socket.close(ignored);
}

std::string_view StreamSocket::State::take(std::size_t bytes_max) {
  std::string_view bytes = std::string_view(kept).substr(taken, bytes_max);
  bytes = bytes.substr(0, bounds.count(bytes));
  taken += bytes.size();
  return bytes;
}

}  // namespace hunt::http
