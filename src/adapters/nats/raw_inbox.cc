#include "adapters/nats/raw_inbox.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "model/limits.h"

namespace hunt::nats {

RawInbox::RawInbox(boost::asio::any_io_executor lane, std::function<void(MessagePtr)> on_message)
    : lane_(std::move(lane)), on_message_(std::move(on_message)) {}

void RawInbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  came_.clear();
}

// Posted under the lock: once it is closed, nothing is posted to a loop that may be gone.
void RawInbox::put(MessagePtr message) {
  const std::lock_guard lock(mutex_);
  if (closed_ || came_.size() >= limits::bus_messages_pending_max) return;
  came_.push_back(std::move(message));
  if (came_.size() > 1) return;
  boost::asio::post(lane_, [self = shared_from_this()] { self->hand_on(); });
}

void RawInbox::hand_on() {
  std::vector<MessagePtr> came;
  {
    const std::lock_guard lock(mutex_);
    came.swap(came_);
  }
  for (auto& message : came) on_message_(std::move(message));
}

}  // namespace hunt::nats
