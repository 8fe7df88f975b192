#include "adapters/nats/nats_bus.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <fstream>

#include "adapters/nats/ask_service.h"
#include "adapters/nats/link.h"
#include "adapters/nats/signer.h"
#include "adapters/nats/stream_watch.h"
#include "codec/json_replies.h"

namespace hunt::nats {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t ack_ns_max = 2'000'000'000;
const Headers no_headers;

// Which machine's monotonic clock counts: the same until it boots again.
std::uint64_t machine_of_this() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : boot) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::vector<std::string> names_of(const std::vector<model::ShardId>& shards) {
  std::vector<std::string> names;
  for (const auto shard : shards) names.push_back(std::to_string(shard));
  if (names.empty()) names.emplace_back("any");
  return names;
}

std::string write_map(const model::ShardMap& map) {
  std::string json =
      fmt::format(R"({{"version":{},"shards":{},"ranges":[)", map.version, map.shards);
  for (std::size_t i = 0; i < map.ranges.size(); ++i) {
    const auto& range = map.ranges[i];
    json += fmt::format(R"({}{{"world":{},"first_tile":"{}","shard":{}}})", i == 0 ? "" : ",",
                        range.first.world, range.first.chunk << model::chunk_id_shift, range.shard);
  }
  return json + "]}";
}

}  // namespace

struct NatsBus::Core {
  Core(std::shared_ptr<Link> link_in, BusOptions options_in)
      : link(std::move(link_in)),
        options(std::move(options_in)),
        service(std::make_shared<AskService>(link, names_of(options.shards), options.find_world,
                                             options.service_version, options.service_process)),
        hunt(link->options().hunt),
        signer(link->options().key),
        ask_subject(hunt.asks(options.ask_shard ? std::to_string(*options.ask_shard)
                                                : std::string("any"))) {}

  // What one stored message came to.
  Result<void> acked(const Answer& answer);
  // Of what the hunt's own processes tell, and nobody else.
  bool believes(natsMsg& message);
  void distrust() const {
    if (options.on_distrust) options.on_distrust();
  }
  void hear_invalidation(natsMsg& message);
  void hear_claim(natsMsg& message);
  void tell_map(const std::string& reply_to);
  void see(model::ClaimsKept now);

  const std::shared_ptr<Link> link;
  const BusOptions options;
  const std::shared_ptr<AskService> service;
  const model::HuntName& hunt;
  Signer signer;
  const std::string ask_subject;
  const std::uint64_t machine = machine_of_this();
  Payloads payloads;
  codec::FlatChangeWriter changes;
  codec::AnswersReader events;
  std::size_t asks_inflight = 0;
  std::string map_json;
  std::shared_ptr<StreamWatch> watch;
  model::ClaimsKept kept;          // as the last look saw it
  std::uint64_t acknowledged = 0;  // the highest number of a claim in HUNT_CLAIMS, of ours
  std::vector<Link::SubscriptionPtr> subscriptions;
  std::function<void(const model::Invalidation&)> on_invalidation;
  std::function<void(const std::vector<model::ClaimEvent>&)> on_claims;
};

NatsBus::NatsBus(Connection& connection, BusOptions options)
    : core_(std::make_shared<Core>(connection.link(), std::move(options))) {}

NatsBus::~NatsBus() {
  stop_serving();
  for (const auto& subscription : core_->subscriptions) core_->link->unsubscribe(subscription);
}

asio::awaitable<Result<model::BatchReply>> NatsBus::ask(model::Batch batch, ports::Wait wait) {
  const auto core = core_;
  if (core->asks_inflight >= limits::asks_inflight_max) {
    co_return fail(Errc::overloaded, "too many batches wait for an answer over NATS; ask later");
  }
  const std::size_t positions = batch.positions.size();
  codec::PositionsRequest request;
  request.world = batch.world;
  request.wait_terminal = wait == ports::Wait::terminal;
  request.batch = std::move(batch);
  const auto bytes = core->payloads.write_request(request);
  const auto ticket =
      core->link->send(core->ask_subject, bytes, no_headers, core->options.ask_ns_max);
  if (!ticket) co_return tl::unexpected<Error>(ticket.error());
  ++core->asks_inflight;
  const Answer answer = co_await core->link->answer(*ticket);
  --core->asks_inflight;
  if (answer.fate == Fate::answered) {
    co_return core->payloads.read_answer(data_of(*answer.message), positions);
  }
  if (answer.fate == Fate::no_responders) {
    co_return fail(Errc::unavailable, fmt::format("no orchestrator serves {} at NATS {}",
                                                  core->ask_subject, core->link->shown()));
  }
  co_return tl::unexpected<Error>(answer.error);
}

void NatsBus::serve(ports::BatchHandler& handler) {
  core_->service->start(handler);
}
void NatsBus::stop_serving() {
  core_->service->stop();
}

asio::awaitable<void> NatsBus::drain() {
  const auto core = core_;
  asio::steady_timer pause(core->link->lane());
  while (core->service->inflight() > 0) {
    pause.expires_after(std::chrono::milliseconds(1));
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

// What cannot be sent is lost, and counted: whoever listens sees the gap, and trusts what it has
// for a second only.
void NatsBus::publish(model::Invalidation invalidation) {
  if (core_->link->figures().other_hunt) return;
  const auto bytes = core_->changes.write(invalidation, core_->machine);
  const std::string subject = core_->hunt.invalidations(std::to_string(invalidation.shard));
  Headers headers;
  if (core_->signer.has_key()) {
    headers.emplace_back(signature_header, core_->signer.sign(subject, {}, bytes));
  }
  core_->link->tell(subject, bytes, headers);
}

bool NatsBus::Core::believes(natsMsg& message) {
  if (!signer.has_key()) return true;
  return signer.fits(header_of(message, signature_header), subject_of(message), {},
                     data_of(message));
}

std::size_t NatsBus::message_bytes_max() const {
  return core_->link->message_bytes_max();
}

Result<void> NatsBus::Core::acked(const Answer& answer) {
  switch (answer.fate) {
    case Fate::answered: {
      HUNT_TRY(sequence, read_ack(data_of(*answer.message), hunt.claims_stream()));
      acknowledged = std::max(acknowledged, sequence);
      return {};
    }
    case Fate::no_responders:
      return fail(Errc::unavailable,
                  fmt::format("no stream at NATS {} keeps claims; is JetStream on, and {} there?",
                              link->shown(), hunt.claims_stream()));
    case Fate::refused:
      return tl::unexpected<Error>(answer.error);
    case Fate::late:
    case Fate::lost:
      break;
  }
  return fail(Errc::unknown_outcome,
              fmt::format("NATS at {} may or may not have kept the claims: {}; tell them again",
                          link->shown(), answer.error.message));
}

asio::awaitable<Result<void>> NatsBus::tell(std::vector<model::ClaimEvent> events) {
  return tell_all(core_, std::move(events), {});
}
asio::awaitable<Result<void>> NatsBus::tell_again(std::vector<model::ClaimEvent> events,
                                                  std::uint64_t occasion) {
  return tell_all(core_, std::move(events), fmt::format(":{}", occasion));
}

asio::awaitable<Result<void>> NatsBus::tell_all(std::shared_ptr<Core> core,
                                                std::vector<model::ClaimEvent> events,
                                                std::string id_ends_with) {
  if (core->link->figures().other_hunt) {
    co_return fail(Errc::unavailable,
                   fmt::format("the streams at NATS {} are another hunt's", core->link->shown()));
  }
  Result<void> told;
  std::string json;
  std::size_t next = 0;
  while (next < events.size() && told) {
    std::vector<Link::Ticket> tickets;
    for (; next < events.size() && tickets.size() < limits::bus_acks_waiting_max; ++next) {
      const auto& event = events[next];
      json.clear();
      if (event.outcome == model::Outcome::granted) {
        codec::write_grant_event(event, json);
      } else {
        codec::write_claim_event(event, json);
      }
      const std::string subject = core->hunt.claims(std::to_string(event.world));
      Headers headers{{"Nats-Msg-Id", fmt::format("{}:{}{}", format_claim_id(event.claim),
                                                  name_of(event.outcome), id_ends_with)}};
      if (core->signer.has_key()) {
        headers.emplace_back(signature_header, core->signer.sign(subject, {}, json));
      }
      const auto ticket = core->link->send(subject, json, headers, ack_ns_max);
      if (!ticket) told = tl::unexpected<Error>(ticket.error());
      if (!ticket) break;
      tickets.push_back(*ticket);
    }
    for (const auto ticket : tickets) {
      const Answer answer = co_await core->link->answer(ticket);
      auto acked = core->acked(answer);
      // That something is unknown says more than that something else failed.
      const bool worse = !acked && (told || acked.error().code == Errc::unknown_outcome);
      if (worse) told = std::move(acked);
    }
  }
  co_return told;
}

// What is not read is a gap in the sequence.
void NatsBus::Core::hear_invalidation(natsMsg& message) {
  const auto read = believes(message) ? codec::read_flat_invalidation(data_of(message), machine)
                                      : Result<model::Invalidation>(tl::unexpect, Error{});
  if (!read) return distrust();
  if (on_invalidation) on_invalidation(*read);
}

void NatsBus::Core::hear_claim(natsMsg& message) {
  if (!believes(message)) return distrust();
  auto read = events.parse(data_of(message));
  if (!read || !on_claims) return;
  auto* event = std::get_if<model::ClaimEvent>(&read->content);
  if (event != nullptr) on_claims({std::move(*event)});
}

void NatsBus::on_invalidation(std::function<void(const model::Invalidation&)> handler) {
  const bool first = !core_->on_invalidation;
  core_->on_invalidation = std::move(handler);
  if (!first) return;
  std::vector<std::string> names{"*"};
  if (!core_->options.shards.empty()) names = names_of(core_->options.shards);
  for (const auto& name : names) {
    core_->subscriptions.push_back(core_->link->subscribe(
        core_->hunt.invalidations(name), {},
        [core = core_.get()](const MessagePtr& message) { core->hear_invalidation(*message); }));
  }
}

void NatsBus::on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) {
  const bool first = !core_->on_claims;
  core_->on_claims = std::move(handler);
  if (!first) return;
  core_->subscriptions.push_back(core_->link->subscribe(
      core_->hunt.claims("*"), {},
      [core = core_.get()](const MessagePtr& message) { core->hear_claim(*message); }));
}

// Numbers of another stream, or of one that ends before them, say nothing about this one.
void NatsBus::Core::see(model::ClaimsKept now) {
  const bool another = kept.in.stream != 0 && kept.in.stream != now.in.stream;
  if (another) now.in.last = 0;
  now.look = kept.look + 1;
  if (another || now.newest < now.in.last || now.first > now.newest) acknowledged = 0;
  kept = now;
}

void NatsBus::watch_streams(Connection& connection, StreamSettings settings,
                            std::vector<std::string> shards,
                            std::function<void(std::string)> on_trouble) {
  StreamWatch::Ears ears;
  ears.on_trouble = std::move(on_trouble);
  ears.acknowledged = [core = core_.get()] { return core->acknowledged; };
  ears.on_claims_kept = [core = core_.get()](const model::ClaimsKept& kept) { core->see(kept); };
  core_->watch =
      std::make_shared<StreamWatch>(connection, settings, std::move(shards), std::move(ears));
  core_->watch->start();
}

asio::awaitable<void> NatsBus::stop_watching() {
  if (core_->watch != nullptr) co_await core_->watch->stop();
}

model::ClaimsKept NatsBus::claims_kept() const {
  return core_->kept;
}

void NatsBus::Core::tell_map(const std::string& reply_to) {
  const std::size_t most = link->message_bytes_max();
  if (map_json.size() <= most) {
    link->tell(reply_to, map_json);
    return;
  }
  const Error error{Errc::too_large,
                    fmt::format("the map of {} bytes is more than the {} that the NATS server "
                                "takes: read GET /v1/map",
                                map_json.size(), most),
                    {}};
  link->tell(reply_to, payloads.write_error(Form::json, error));
}

void NatsBus::show_map(const model::ShardMap& map) {
  const bool first = core_->map_json.empty();
  core_->map_json = write_map(map);
  if (!first) return;
  const auto answer = [core = core_.get()](const MessagePtr& message) {
    const auto reply_to = reply_of(*message);
    if (core->link->may_answer(reply_to)) core->tell_map(std::string(reply_to));
  };
  const model::HuntName& hunt = core_->hunt;
  core_->subscriptions.push_back(core_->link->subscribe(hunt.map(), hunt.queue(), answer));
}

}  // namespace hunt::nats
