#include "adapters/nats/nats_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/nats/link.h"
#include "adapters/nats/puller.h"
#include "adapters/nats/signer.h"
#include "model/limits.h"

namespace hunt::nats {

namespace asio = boost::asio;

struct NatsStream::Core {
  Core(std::shared_ptr<Link> link_in, StreamOptions options_in)
      : link(std::move(link_in)), options(std::move(options_in)), signer(link->options().key) {}

  const std::shared_ptr<Link> link;
  const StreamOptions options;
  Signer signer;
  const std::shared_ptr<Payloads> payloads = std::make_shared<Payloads>();
  std::size_t publishing = 0;
  std::vector<std::shared_ptr<Puller>> pullers;  // those of earlier serve()s end by themselves
};

NatsStream::NatsStream(Connection& connection, StreamOptions options)
    : core_(std::make_shared<Core>(connection.link(), std::move(options))) {}

NatsStream::~NatsStream() {
  for (const auto& puller : core_->pullers) puller->shut();
}

namespace {

// Two halves of a batch, for two messages.
std::pair<model::Batch, model::Batch> halves_of(model::Batch batch) {
  model::Batch second = batch;
  const auto middle = static_cast<std::ptrdiff_t>(batch.positions.size() / 2);
  second.positions.erase(second.positions.begin(), second.positions.begin() + middle);
  batch.positions.resize(static_cast<std::size_t>(middle));
  return {std::move(batch), std::move(second)};
}

}  // namespace

asio::awaitable<Result<void>> NatsStream::publish(model::ShardId shard, model::Batch batch,
                                                  std::string message_id, std::string reply_to) {
  const auto core = core_;
  if (core->publishing >= limits::asks_inflight_max) {
    co_return fail(Errc::overloaded, "too many batches wait to be stored over NATS; try later");
  }
  Headers headers;
  headers.emplace_back("Nats-Msg-Id", message_id);
  if (!reply_to.empty()) headers.emplace_back("Hunt-Reply-To", reply_to);
  std::optional<std::string> as_of;
  if (batch.as_of_us) as_of = std::to_string(*batch.as_of_us);
  if (as_of) headers.emplace_back("Hunt-As-Of", *as_of);
  codec::PositionsRequest request;
  request.world = batch.world;
  request.batch = std::move(batch);
  const auto bytes = core->payloads->write_request(request);
  const model::HuntName& hunt = core->link->options().hunt;
  const std::string subject = hunt.positions(std::to_string(shard));
  if (as_of && core->signer.has_key()) {
    headers.emplace_back(signature_header, core->signer.sign(subject, *as_of, bytes));
  }
  const bool too_large = bytes.size() + bytes_of(headers) > core->link->message_bytes_max();
  if (too_large && request.batch.positions.size() > 1) {
    auto [first, second] = halves_of(std::move(request.batch));
    HUNT_CO_CHECK(co_await publish(shard, std::move(first), message_id + ":a", reply_to));
    co_return co_await publish(shard, std::move(second), message_id + ":b", reply_to);
  }
  const auto ticket = core->link->send(subject, bytes, headers, core->options.publish_ns_max);
  if (!ticket) co_return tl::unexpected<Error>(ticket.error());
  ++core->publishing;
  const Answer answer = co_await core->link->answer(*ticket);
  --core->publishing;
  if (answer.fate == Fate::answered) {
    const auto kept = read_ack(data_of(*answer.message), hunt.positions_stream());
    if (!kept) co_return tl::unexpected<Error>(kept.error());
    co_return Result<void>{};
  }
  if (answer.fate == Fate::no_responders) {
    co_return fail(Errc::unavailable,
                   fmt::format("no stream at NATS {} keeps {}; is JetStream on, and {} there?",
                               core->link->shown(), subject, hunt.positions_stream()));
  }
  co_return fail(Errc::unknown_outcome,
                 fmt::format("NATS at {} may or may not have stored the batch: {}; store it again "
                             "with the same id",
                             core->link->shown(), answer.error.message));
}

void NatsStream::serve(std::vector<model::ShardId> shards, ports::DeliveryHandler& handler,
                       std::size_t inflight_max) {
  stop();
  std::erase_if(core_->pullers, [](const auto& puller) { return puller->ended(); });
  if (shards.empty()) return;
  const std::size_t count = shards.size() + (core_->options.any ? 1 : 0);
  const auto pull = [&](const std::string& name, model::ShardId shard) {
    auto puller = std::make_shared<Puller>(core_->link, core_->payloads, core_->options, name,
                                           shard, inflight_max / count);
    puller->start(handler);
    core_->pullers.push_back(std::move(puller));
  };
  for (const auto shard : shards) pull(std::to_string(shard), shard);
  if (core_->options.any) pull("any", shards.front());
}

void NatsStream::stop() {
  for (const auto& puller : core_->pullers) puller->stop();
}

// Parts of as many positions each. How many parts is found by writing: outcomes differ in length.
Result<void> NatsStream::reply(const std::string& reply_to, const model::Batch& batch,
                               const model::BatchReply& outcomes) {
  Link& link = *core_->link;
  if (!link.may_answer(reply_to)) {
    return fail(Errc::invalid_argument, "outcomes cannot be told at this subject", "reply_to");
  }
  const std::size_t count = batch.positions.size();
  std::vector<std::string> messages;
  for (std::size_t parts = 1;;) {
    const std::size_t each = std::max<std::size_t>(1, (count + parts - 1) / parts);
    const auto total = static_cast<std::uint32_t>((count + each - 1) / each);
    std::size_t bytes_max = 0;
    messages.clear();
    for (std::uint32_t part = 0; part < total; ++part) {
      const std::size_t begin = part * each;
      const std::size_t end = std::min(count, begin + each);
      messages.emplace_back(
          core_->payloads->write_part(batch, outcomes, begin, end, part + 1, total));
      bytes_max = std::max(bytes_max, messages.back().size());
    }
    if (bytes_max <= link.message_bytes_max() || each <= 1) break;
    parts = std::min(count, std::max(2 * parts, bytes_max * total / link.message_bytes_max() + 1));
  }
  if (messages.size() > 1) ++link.figures().divided;
  for (const auto& message : messages) HUNT_CHECK(link.tell(reply_to, message));
  return {};
}

}  // namespace hunt::nats
