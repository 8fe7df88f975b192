#include "adapters/nats/why_ask.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "adapters/nats/link.h"
#include "adapters/nats/session.h"
#include "adapters/nats/wanted.h"
#include "base/moment.h"
#include "base/text.h"
#include "codec/why_reader.h"

namespace hunt::nats {

namespace {

using model::Absence;
using model::Asked;

constexpr std::int64_t quiet_ns = 300'000'000;  // after the last answer, when all have answered
constexpr std::int64_t slice_ms = 50;
constexpr std::size_t answers_max = 4'096;

struct EndSubscription {
  void operator()(natsSubscription* it) const noexcept { natsSubscription_Destroy(it); }
};

class Round {
 public:
  Round(natsConnection* connection, const NatsOptions& options) : connection_(connection) {
    inbox_ = fmt::format("{}.{}", options.servers.inbox_prefix(), random_token());
  }
  [[nodiscard]] bool ask(const model::HuntName& hunt, const WhyAsk& ask) {
    natsSubscription* raw = nullptr;
    if (natsConnection_SubscribeSync(&raw, connection_, (inbox_ + ".*").c_str()) != NATS_OK) {
      return false;
    }
    subscription_.reset(raw);
    const std::string body = codec::write_why_question(ask.question);
    begun_us_ = wall_us();
    return natsConnection_PublishRequest(connection_, hunt.ping().c_str(),
                                         (inbox_ + ".ping").c_str(), "", 0) == NATS_OK &&
           natsConnection_PublishRequest(connection_, hunt.why().c_str(), (inbox_ + ".why").c_str(),
                                         body.data(), static_cast<int>(body.size())) == NATS_OK &&
           natsConnection_FlushTimeout(connection_, 2'000) == NATS_OK;
  }
  void gather(std::int64_t patience_ns) {
    const std::int64_t end_ns = monotonic_ns() + patience_ns;
    std::int64_t heard_ns = monotonic_ns();
    while (monotonic_ns() < end_ns && answers_ < answers_max) {
      natsMsg* raw = nullptr;
      if (natsSubscription_NextMsg(&raw, subscription_.get(), slice_ms) == NATS_OK) {
        const MessagePtr message(raw);
        hear(*message);
        heard_ns = monotonic_ns();
        ++answers_;
      } else if (answers_ > 0 && all_answered() && monotonic_ns() - heard_ns > quiet_ns) {
        break;
      }
    }
  }
  [[nodiscard]] std::vector<Asked> all() const {
    std::vector<Asked> all;
    for (const auto& [id, one] : answered_) all.push_back(one);
    for (const auto& [id, peer] : peers_) {
      if (answered_.count(id) > 0 || left_.count(id) > 0) continue;
      all.push_back(missing(peer));
    }
    for (const auto& [version, count] : older_) all.push_back(old_services(version, count));
    return all;
  }

 private:
  [[nodiscard]] bool all_answered() const {
    return std::all_of(peers_.begin(), peers_.end(), [this](const auto& one) {
      return answered_.count(one.first) > 0 || left_.count(one.first) > 0;
    });
  }
  void hear(const natsMsg& message) {
    if (subject_of(message) == inbox_ + ".ping") {
      hear_ping(data_of(message));
    } else {
      hear_why(data_of(message));
    }
  }
  void hear_ping(std::string_view body) {
    auto process = codec::read_ping(body);
    if (!process) return;
    if (process->id.empty()) {
      ++older_[process->version];
      return;
    }
    pinged_.insert(process->id);
    // Its other lanes and its beats say the same; these have its name.
    peers_.try_emplace(process->id, model::Peer{*process, 0});
  }
  void hear_why(std::string_view body) {
    auto answer = codec::read_why_answer(body);
    if (!answer || answer->asked.process.id.empty()) return;
    Asked& asked = answer->asked;
    asked.compare_clocks(begun_us_, wall_us());
    left_.insert(answer->heard.left.begin(), answer->heard.left.end());
    for (auto& peer : answer->heard.peers) {
      if (peer.heard_us > 0) peer.heard_us -= asked.clock_ahead_us;
      auto [found, fresh] = peers_.try_emplace(peer.process.id, peer);
      if (!fresh && peer.heard_us > found->second.heard_us) found->second = peer;
    }
    answered_[asked.process.id] = std::move(asked);
  }
  [[nodiscard]] Asked missing(const model::Peer& peer) const {
    Asked asked;
    asked.process = peer.process;
    asked.absence = Absence::silent;
    if (pinged_.count(peer.process.id) > 0) {
      asked.reason = "it is there (its lanes answer $SRV.PING), but its front does not answer";
      return asked;
    }
    asked.reason = fmt::format(
        "it does not answer; it was heard last {} ago and did not say that it leaves: stopped, "
        "killed or cut off",
        shown_span(std::max<std::int64_t>(0, wall_us() - peer.heard_us)));
    return asked;
  }
  [[nodiscard]] static Asked old_services(const std::string& version, std::size_t count) {
    Asked asked;
    asked.process.kind = "orchestrator";
    asked.process.name =
        fmt::format("version {} ({} {})", version, count, count == 1 ? "lane" : "lanes");
    asked.process.version = version;
    asked.absence = Absence::older;
    asked.reason =
        "it answers $SRV.PING and nothing about why: a release that cannot be asked over the bus; "
        "ask it with --url";
    return asked;
  }

  natsConnection* connection_;
  std::string inbox_;
  std::unique_ptr<natsSubscription, EndSubscription> subscription_;
  std::int64_t begun_us_ = 0;
  std::size_t answers_ = 0;
  std::map<std::string, Asked> answered_;     // by process
  std::map<std::string, model::Peer> peers_;  // by process; all that are known of
  std::set<std::string> left_;                // as somebody heard
  std::set<std::string> pinged_;
  std::map<std::string, std::size_t> older_;  // services, by version
};

}  // namespace

Result<std::vector<Asked>> ask_fleet(const NatsOptions& options, const WhyAsk& ask) {
  HUNT_TRY(raw, connect_blocking(options, options.servers));
  const Owned<natsConnection> connection(raw);
  Round round(raw, options);
  if (!round.ask(options.hunt, ask)) {
    return fail(Errc::unavailable,
                fmt::format("NATS at {} took the question no more", options.servers.shown));
  }
  round.gather(ask.patience_ns);
  auto all = round.all();
  if (all.empty()) {
    return fail(Errc::unavailable,
                fmt::format("nobody of the hunt \"{}\" answers on NATS at {}: is a `hunt serve` "
                            "connected to it, and may this user publish to {}?",
                            options.hunt.text(), options.servers.shown, options.hunt.why()));
  }
  return all;
}

}  // namespace hunt::nats
