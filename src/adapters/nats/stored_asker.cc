#include "adapters/nats/stored_asker.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "adapters/nats/link.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/payload.h"

namespace hunt::nats {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t store_ns_max = 2'000'000'000;
constexpr std::chrono::milliseconds store_again_after{100};

}  // namespace

struct StoredAsker::Core {
  // One batch on its way; the timer is cancelled by its outcomes.
  struct Waiting {
    Waiting(const asio::any_io_executor& lane, std::size_t count) : timer(lane), positions(count) {}
    asio::steady_timer timer;
    std::size_t positions;
    std::optional<Result<model::BatchReply>> reply;
    std::map<std::uint32_t, model::BatchReply> parts;  // of `parts_count`, so far
    std::uint32_t parts_count = 0;
  };

  Core(std::shared_ptr<Link> link_in, StoredAskerOptions options_in)
      : link(std::move(link_in)),
        options(options_in),
        subject(link->options().hunt.positions("any")),
        inbox(link->new_inbox()) {}

  void hear(const natsMsg& message) {
    const auto found = waiting.find(std::string(subject_of(message)));
    if (found == waiting.end() || found->second->reply) return;  // told twice
    Waiting& one = *found->second;
    auto part = payloads.read_part(data_of(message));
    if (!part) {
      one.reply = tl::unexpected<Error>(part.error());
    } else {
      add(one, std::move(*part));
    }
    if (one.reply) one.timer.cancel();
  }
  // All parts in their order are the reply. A second telling may have other parts.
  static void add(Waiting& one, Payloads::Part part) {
    if (part.parts != one.parts_count) one.parts.clear();
    one.parts_count = part.parts;
    one.parts[part.part] = std::move(part.reply);
    if (one.parts.size() < one.parts_count) return;
    model::BatchReply all;
    for (auto& [number, some] : one.parts) {
      const auto claims = static_cast<std::int32_t>(all.claims.size());
      for (auto outcome : some.outcomes) {
        if (outcome.claim_index >= 0) outcome.claim_index += claims;
        all.outcomes.push_back(outcome);
      }
      std::move(some.claims.begin(), some.claims.end(), std::back_inserter(all.claims));
    }
    if (all.outcomes.size() == one.positions) {
      one.reply = std::move(all);
    } else {
      one.reply = fail(Errc::corrupt, fmt::format("{} outcomes came over NATS for {} positions",
                                                  all.outcomes.size(), one.positions));
    }
  }
  [[nodiscard]] asio::awaitable<Result<void>> store(std::string bytes, std::string reply_to,
                                                    std::string id, std::int64_t until_ns);

  const std::shared_ptr<Link> link;
  const StoredAskerOptions options;
  const std::string subject;
  const std::string inbox;
  Link::SubscriptionPtr subscription;
  Payloads payloads;
  std::uint64_t count = 0;
  std::map<std::string, std::shared_ptr<Waiting>> waiting;  // by the subject of the reply
};

StoredAsker::StoredAsker(Connection& connection, NatsBus& bus, StoredAskerOptions options)
    : core_(std::make_shared<Core>(connection.link(), options)), bus_(bus) {
  core_->subscription = core_->link->subscribe(
      core_->inbox + ".*", {},
      [core = core_.get()](const MessagePtr& message) { core->hear(*message); });
}

StoredAsker::~StoredAsker() {
  core_->link->unsubscribe(core_->subscription);
}

void StoredAsker::on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) {
  bus_.on_claims(std::move(handler));
}

// Until the stream says that it has it, or is full.
asio::awaitable<Result<void>> StoredAsker::Core::store(std::string bytes, std::string reply_to,
                                                       std::string id, std::int64_t until_ns) {
  const Headers headers{{"Nats-Msg-Id", std::move(id)}, {"Hunt-Reply-To", std::move(reply_to)}};
  asio::steady_timer pause(link->lane());
  Error last = link->unavailable();
  while (monotonic_ns() < until_ns) {
    const auto ticket = link->send(subject, bytes, headers, store_ns_max);
    if (ticket) {
      const Answer answer = co_await link->answer(*ticket);
      if (answer.fate == Fate::answered) {
        const auto acked =
            read_ack(data_of(*answer.message), link->options().hunt.positions_stream());
        if (acked) co_return Result<void>{};
        last = acked.error();
        if (last.code == Errc::overloaded) co_return tl::unexpected<Error>(last);
      } else {
        last = answer.error;
      }
    } else {
      last = ticket.error();
    }
    pause.expires_after(store_again_after);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return fail(Errc::deadline_exceeded, "the batch was not stored in time: " + last.message);
}

asio::awaitable<Result<model::BatchReply>> StoredAsker::ask(model::Batch batch, ports::Wait) {
  const auto core = core_;
  const std::string reply_to = fmt::format("{}.{}", core->inbox, ++core->count);
  const auto one = std::make_shared<Core::Waiting>(core->link->lane(), batch.positions.size());
  codec::PositionsRequest request;
  request.world = batch.world;
  request.batch = std::move(batch);
  const std::string bytes(core->payloads.write_request(request));
  core->waiting.emplace(reply_to, one);
  Result<void> stored;
  for (int i = 0; i < core->options.tries && stored && !one->reply; ++i) {
    const std::int64_t until_ns = monotonic_ns() + core->options.patience_ns;
    std::string id = fmt::format("{}:{}", reply_to, i);
    stored = co_await core->store(bytes, reply_to, std::move(id), until_ns);
    if (!stored || one->reply) break;
    one->timer.expires_after(std::chrono::nanoseconds(core->options.patience_ns));
    co_await one->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  core->waiting.erase(reply_to);
  if (one->reply) co_return std::move(*one->reply);
  if (!stored) co_return tl::unexpected<Error>(stored.error());
  co_return fail(Errc::deadline_exceeded,
                 fmt::format("a stored batch was not answered; does any orchestrator serve {}?",
                             core->subject));
}

}  // namespace hunt::nats
