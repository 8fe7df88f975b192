#include "adapters/nats/tap.h"

#include <utility>
#include <variant>

namespace hunt::nats {

Tap::Tap(Connection& connection, Ears ears) : link_(connection.link()), ears_(std::move(ears)) {
  const model::HuntName& hunt = link_->options().hunt;
  subscriptions_.push_back(link_->subscribe(
      hunt.asks("*"), {}, [this](const MessagePtr& message) { hear(*message, false); }));
  subscriptions_.push_back(link_->subscribe(
      hunt.positions("*"), {}, [this](const MessagePtr& message) { hear(*message, true); }));
}

Tap::~Tap() {
  for (const auto& subscription : subscriptions_) link_->unsubscribe(subscription);
}

// A client has one inbox, and under it a subject for each of its requests.
std::uint32_t Tap::server_of(std::string_view reply_to) {
  const std::size_t dot = reply_to.rfind('.');
  if (dot == std::string_view::npos) return 0;
  const std::string inbox(reply_to.substr(0, dot));
  const auto found = servers_.find(inbox);
  if (found != servers_.end()) return found->second;
  if (servers_.size() >= servers_max) return 0;
  return servers_.emplace(inbox, static_cast<std::uint32_t>(servers_.size() + 1)).first->second;
}

void Tap::hear(natsMsg& message, bool stored) {
  // One of another shard's positions that is published on: it was heard the first time.
  if (stored && !header_of(message, "Hunt-As-Of").empty()) return;
  auto request = payloads_.read_request(data_of(message),
                                        stored ? codec::Carrier::stored : codec::Carrier::http);
  if (!request) {
    ++unread_;
    return;
  }
  Heard heard{std::move(request->batch), server_of(reply_of(message)), stored};
  if (const auto* name = std::get_if<std::string>(&request->world)) {
    const auto world = ears_.world_named(*name);
    if (!world) {
      ++unread_;
      return;
    }
    heard.batch.world = *world;
  }
  if (!heard.batch.positions.empty()) ears_.on_batch(std::move(heard));
}

}  // namespace hunt::nats
