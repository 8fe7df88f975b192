// The requests of a Link: their slots, inboxes and answers.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/nats/link.h"
#include "base/text.h"

namespace hunt::nats {

namespace asio = boost::asio;

template <class Handler>
class Link::WaiterOf final : public Link::Waiter {
 public:
  explicit WaiterOf(Handler handler) : handler_(std::move(handler)) {}
  void resume(Answer answer) override {
    auto executor = asio::get_associated_executor(handler_);
    asio::post(executor, [handler = std::move(handler_), answer = std::move(answer)]() mutable {
      std::move(handler)(std::move(answer));
    });
  }

 private:
  Handler handler_;
};

void Link::name_inbox(Ticket ticket) {
  slots_[ticket].inbox =
      fmt::format("{}.{}.{}.{}", inbox_, ticket % buckets, ticket, random_token());
}

Result<Link::Ticket> Link::send(const std::string& subject, std::string_view data,
                                const Headers& headers, std::int64_t timeout_ns) {
  // The one that was free last: few in flight need few subjects.
  if (free_.empty()) {
    slots_.emplace_back();
    free_.push_back(slots_.size() - 1);
    name_inbox(slots_.size() - 1);
  }
  const Ticket ticket = free_.back();
  HUNT_CHECK(publish(subject, slots_[ticket].inbox, data, headers));
  free_.pop_back();
  slots_[ticket].deadline_ns = monotonic_ns() + timeout_ns;
  ++inflight_[ticket % buckets];
  return ticket;
}

asio::awaitable<Answer> Link::answer(Ticket ticket) {
  if (slots_[ticket].early) {
    Answer early = std::move(*slots_[ticket].early);
    slots_[ticket].early.reset();
    free_.push_back(ticket);
    co_return early;
  }
  auto park = [this, ticket](auto handler) {
    slots_[ticket].waiter = std::make_unique<WaiterOf<decltype(handler)>>(std::move(handler));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(
      std::move(park), asio::use_awaitable);
}

void Link::settle(Ticket ticket, Answer answer) {
  Slot& slot = slots_[ticket];
  if (slot.deadline_ns == 0) return;
  slot.deadline_ns = 0;
  --inflight_[ticket % buckets];
  if (answer.fate != Fate::answered) name_inbox(ticket);
  if (slot.waiter == nullptr) {
    slot.early = std::move(answer);
    return;
  }
  const auto waiter = std::move(slot.waiter);
  free_.push_back(ticket);
  waiter->resume(std::move(answer));
}

void Link::settle_all_lost() {
  for (Ticket ticket = 0; ticket < slots_.size(); ++ticket) {
    Answer answer;
    answer.error = {Errc::unavailable,
                    fmt::format("the connection to NATS at {} broke before the answer", shown()),
                    {}};
    settle(ticket, std::move(answer));
  }
}

void Link::on_answer(MessagePtr message) {
  const std::string_view subject = subject_of(*message);
  std::string_view rest = subject;
  if (rest.size() <= inbox_.size()) return;
  rest.remove_prefix(inbox_.size() + 1);
  rest.remove_prefix(std::min(rest.find('.'), rest.size() - 1) + 1);  // the bucket
  const auto dot = rest.find('.');
  if (dot == std::string_view::npos) {
    ++figures().ignored;
    return;
  }
  const auto ticket = parse_u64(rest.substr(0, dot));
  const bool ours = ticket && *ticket < slots_.size() && slots_[*ticket].inbox == subject &&
                    slots_[*ticket].deadline_ns != 0;
  if (!ours) {  // too late, twice, or of somebody who guesses
    ++figures().ignored;
    return;
  }
  Answer answer;
  answer.fate = Fate::answered;
  answer.message = std::move(message);
  settle(*ticket, std::move(answer));
}

// With one request in the bucket it is that one. With several one of them was not received; which
// one is unknown, so all are told that they are lost.
void Link::on_no_responders(std::size_t bucket) {
  const bool sure = inflight_[bucket] == 1;
  for (Ticket ticket = bucket; ticket < slots_.size(); ticket += buckets) {
    Answer answer;
    answer.fate = sure ? Fate::no_responders : Fate::lost;
    answer.error = {Errc::unavailable, "nobody answers on this subject", {}};
    settle(ticket, std::move(answer));
  }
}

}  // namespace hunt::nats
