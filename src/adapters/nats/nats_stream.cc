#include "adapters/nats/nats_stream.h"

#include <fmt/format.h>

#include "adapters/nats/link.h"
#include "adapters/nats/puller.h"
#include "adapters/nats/subject.h"
#include "model/limits.h"

namespace hunt::nats {

namespace asio = boost::asio;

struct NatsStream::Core {
  Core(std::shared_ptr<Link> link_in, StreamOptions options_in)
      : link(std::move(link_in)), options(std::move(options_in)) {}

  const std::shared_ptr<Link> link;
  const StreamOptions options;
  const std::shared_ptr<Payloads> payloads = std::make_shared<Payloads>();
  std::size_t publishing = 0;
  std::vector<std::shared_ptr<Puller>> pullers;  // those of earlier serve()s end by themselves
};

NatsStream::NatsStream(Connection& connection, StreamOptions options)
    : core_(std::make_shared<Core>(connection.link(), std::move(options))) {}

NatsStream::~NatsStream() {
  for (const auto& puller : core_->pullers) puller->shut();
}

asio::awaitable<Result<void>> NatsStream::publish(model::ShardId shard, model::Batch batch,
                                                  std::string message_id, std::string reply_to) {
  const auto core = core_;
  if (core->publishing >= limits::asks_inflight_max) {
    co_return fail(Errc::overloaded, "too many batches wait to be stored over NATS; try later");
  }
  Headers headers;
  headers.emplace_back("Nats-Msg-Id", std::move(message_id));
  if (!reply_to.empty()) headers.emplace_back("Hunt-Reply-To", std::move(reply_to));
  if (batch.as_of_us) headers.emplace_back("Hunt-As-Of", std::to_string(*batch.as_of_us));
  codec::PositionsRequest request;
  request.world = batch.world;
  request.batch = std::move(batch);
  const auto bytes = core->payloads->write_request(request);
  const std::string subject = "hunt.pos." + std::to_string(shard);
  const auto ticket = core->link->send(subject, bytes, headers, core->options.publish_ns_max);
  if (!ticket) co_return tl::unexpected<Error>(ticket.error());
  ++core->publishing;
  const Answer answer = co_await core->link->answer(*ticket);
  --core->publishing;
  if (answer.fate == Fate::answered) co_return read_ack(data_of(*answer.message));
  if (answer.fate == Fate::no_responders) {
    co_return fail(
        Errc::unavailable,
        fmt::format("no stream at NATS {} keeps {}; is JetStream on, and HUNT_POS there?",
                    core->link->shown(), subject));
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

void NatsStream::reply(const std::string& reply_to, const model::Batch& batch,
                       const model::BatchReply& outcomes) {
  if (!is_reply_subject(reply_to)) return;
  const auto bytes = core_->payloads->write_answer(Form::json, batch, outcomes);
  static_cast<void>(core_->link->publish(reply_to, {}, bytes));
}

}  // namespace hunt::nats
