// RawInbox: a subscription whose messages come to the lane as they are, statuses among them.
//
// Not for ordinary subscriptions (Link::subscribe): those take their messages from cnats' lists,
// which keep back every empty message with the header `Status: 503` as "no responders". Where
// strangers may write such headers into messages that we have to settle, that would hide them. Its
// messages come through a thread of cnats, which hands them on in order. Lifecycle: make_shared,
// put() from then on, close() on the lane before the lane's loop goes.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "adapters/nats/session.h"

namespace hunt::nats {

class RawInbox : public std::enable_shared_from_this<RawInbox> {
 public:
  RawInbox(boost::asio::any_io_executor lane, std::function<void(MessagePtr)> on_message);

  // Nothing is handed on after it. Thread: the lane's.
  void close();
  // Bound: limits::bus_messages_pending_max wait at most; what is above is dropped: JetStream
  // delivers it again. Thread: any.
  void put(MessagePtr message);

 private:
  void hand_on();

  const boost::asio::any_io_executor lane_;
  const std::function<void(MessagePtr)> on_message_;
  std::mutex mutex_;  // for all below
  bool closed_ = false;
  std::vector<MessagePtr> came_;
};

}  // namespace hunt::nats
