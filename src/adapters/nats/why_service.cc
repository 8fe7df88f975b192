#include "adapters/nats/why_service.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <map>

#include "adapters/nats/ask_service.h"
#include "adapters/nats/link.h"
#include "adapters/nats/payload.h"
#include "adapters/nats/signer.h"
#include "codec/json_why.h"
#include "codec/why_reader.h"

namespace hunt::nats {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds beat_every(5);
constexpr std::size_t beat_bytes_max = 1'024;

struct Known {
  model::Process process;
  std::int64_t heard_ns = 0;
};

}  // namespace

struct WhyService::Core : std::enable_shared_from_this<WhyService::Core> {
  Core(std::shared_ptr<Link> link_in, model::Process self_in, Answer answer_in)
      : link(std::move(link_in)),
        self(std::move(self_in)),
        answer(std::move(answer_in)),
        signer(link->options().key),
        timer(link->lane()) {}

  void listen() {
    // First of the two: who stood still hears who has left before it answers who it knows.
    subscriptions.push_back(
        link->subscribe(link->options().hunt.here(), {},
                        [core = this](const MessagePtr& message) { core->hear(*message); }));
    subscriptions.push_back(
        link->subscribe(link->options().hunt.why(), {},
                        [core = this](const MessagePtr& message) { core->tell_why(*message); }));
    listener = link->listen([core = this](bool) { core->unheard = 0; });
  }
  [[nodiscard]] asio::awaitable<void> beat_on() {
    const auto alive = shared_from_this();
    while (!left) {
      beat(false);
      timer.expires_after(beat_every);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
  // What we say comes back to us; where it does not, we may not say it.
  void beat(bool leaves) {
    if (!link->connected() || unheard >= 2) return;
    ++unheard;
    const std::string subject = link->options().hunt.here();
    const std::string body = codec::write_beat({self, leaves});
    Headers headers;
    if (signer.has_key()) {
      headers.emplace_back(signature_header, signer.sign(subject, {}, body));
    }
    static_cast<void>(link->publish(subject, {}, body, headers));
  }
  void hear(natsMsg& message) {
    const std::string_view body = data_of(message);
    const bool signed_well = !signer.has_key() || signer.fits(header_of(message, signature_header),
                                                              subject_of(message), {}, body);
    if (!signed_well || body.size() > beat_bytes_max) {
      ++link->figures().ignored;
      return;
    }
    const auto beat = codec::read_beat(body);
    if (!beat) return;
    if (beat->process.id == self.id) {
      unheard = 0;
      return;
    }
    // Who starts again in the same place takes the place of who it was.
    for (const auto& [id, one] : known) {
      const bool same_place =
          one.process.kind == beat->process.kind && one.process.name == beat->process.name;
      if (id != beat->process.id && same_place) put(gone, id, {one.process, monotonic_ns()});
    }
    Known heard{beat->process, monotonic_ns()};
    put(beat->leaves ? gone : known, beat->process.id, std::move(heard));
    std::erase_if(known, [this](const auto& one) { return gone.count(one.first) > 0; });
  }
  using ById = std::map<std::string, Known>;
  // Instead of the one that was heard longest ago where there are too many.
  static void put(ById& all, const std::string& id, Known one) {
    all[id] = std::move(one);
    std::erase_if(all, [](const auto& old) { return is_over(old.second); });
    if (all.size() <= peers_max) return;
    all.erase(std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.second.heard_ns < b.second.heard_ns;
    }));
  }
  [[nodiscard]] static bool is_over(const Known& one) {
    return monotonic_ns() - one.heard_ns > peer_life_ns;
  }
  [[nodiscard]] model::Heard heard() const {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t now_us = wall_us();
    model::Heard all;
    for (const auto& [id, one] : known) {
      if (is_over(one)) continue;
      all.peers.push_back({one.process, now_us - (now_ns - one.heard_ns) / 1'000});
    }
    for (const auto& [id, one] : gone) {
      if (!is_over(one)) all.left.push_back(id);
    }
    return all;
  }
  void tell_why(const natsMsg& message) {
    const std::string reply_to(reply_of(message));
    if (left || reply_to.empty()) return;
    if (!link->may_answer(reply_to)) {
      ++link->figures().ignored;
      return;
    }
    std::string text;
    auto told = answer(data_of(message));
    if (told) {
      text = codec::with_heard(std::move(*told), heard());
    } else {
      text = payloads.write_error(Form::json, told.error());
      text.pop_back();
      text += R"(,"process":)" + codec::write_beat({self, false}) + "," +
              codec::write_heard(heard()) + "}";
    }
    link->tell(reply_to, text);
  }

  const std::shared_ptr<Link> link;
  const model::Process self;
  const Answer answer;
  Signer signer;
  Payloads payloads;
  asio::steady_timer timer;
  ById known;  // by id
  ById gone;   // said goodbye, or was replaced; who stood still meanwhile has not heard of it
  std::vector<Link::SubscriptionPtr> subscriptions;
  Link::Listener listener;
  std::size_t unheard = 0;  // beats that did not come back
  bool left = false;
};

WhyService::WhyService(Connection& connection, model::Process self, Answer answer)
    : core_(std::make_shared<Core>(connection.link(), std::move(self), std::move(answer))) {}

WhyService::~WhyService() {
  leave();
}

void WhyService::start() {
  core_->listen();
  spawn(core_->link->lane(), core_->beat_on());
}

void WhyService::leave() {
  if (core_->left) return;
  core_->beat(true);
  core_->left = true;
  core_->timer.cancel();
  for (const auto& subscription : core_->subscriptions) core_->link->unsubscribe(subscription);
  core_->subscriptions.clear();
  core_->listener.reset();
}

std::vector<model::Peer> WhyService::peers() const {
  return core_->heard().peers;
}

}  // namespace hunt::nats
