// ReadySockets: the connections that a lane has been lent, waited for by one epoll of their own
// that the lane's loop waits for.
//
// Not their owner. All that are ready are handled in one turn, and each costs no call to be waited
// for again. Thread: the lane's.
#pragma once
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "adapters/http/lent.h"

namespace hunt::http {

// One descriptor that is ready when any of its sockets is. Edges: a socket is told once.
class ReadySockets {
 public:
  // Of one turn; the lane's other work comes between turns.
  using Events = std::array<epoll_event, 128>;

  explicit ReadySockets(boost::asio::io_context& lane) : ready_(lane) {
    const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
    boost::system::error_code error;
    if (descriptor < 0) return;  // then it takes none
    ready_.assign(descriptor, error);
    if (error) ::close(descriptor);
  }

  [[nodiscard]] bool add(Lent& lent) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &lent;
    return ready_.is_open() &&
           ::epoll_ctl(ready_.native_handle(), EPOLL_CTL_ADD, lent.descriptor, &event) == 0;
  }
  void remove(const Lent& lent) {
    if (!ready_.is_open()) return;
    ::epoll_ctl(ready_.native_handle(), EPOLL_CTL_DEL, lent.descriptor, nullptr);
  }
  // Those that are ready now.
  [[nodiscard]] int look(Events& events) {
    return ::epoll_wait(ready_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  }
  template <class Handler>
  void async_wait(Handler handler) {
    ready_.async_wait(boost::asio::posix::stream_descriptor::wait_read, std::move(handler));
  }
  void cancel() {
    boost::system::error_code ignored;
    ready_.cancel(ignored);
  }

 private:
  boost::asio::posix::stream_descriptor ready_;
};

}  // namespace hunt::http
