#include "adapters/nats/ask_service.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/json_string.h"
#include "base/log.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace asio = boost::asio;

void spawn(const asio::any_io_executor& lane, asio::awaitable<void> task) {
  asio::co_spawn(lane, std::move(task), [](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log(LogLevel::error, "bus",
          fmt::format("a task of the NATS adapter threw: {}", error.what()));
      std::abort();
    }
  });
}

AskService::AskService(std::shared_ptr<Link> link, std::vector<std::string> shards,
                       FindWorld find_world, std::string version, std::string process)
    : link_(std::move(link)),
      shards_(std::move(shards)),
      find_world_(std::move(find_world)),
      version_(std::move(version)),
      process_(std::move(process)),
      id_(random_token()),
      started_us_(wall_us()) {}

void AskService::start(ports::BatchHandler& handler) {
  stop();
  handler_ = &handler;
  const model::HuntName& hunt = link_->options().hunt;
  for (const auto& shard : shards_) {
    subscriptions_.push_back(link_->subscribe(
        hunt.asks(shard), hunt.queue(), [this](const MessagePtr& message) { take(*message); }));
  }
  const std::string service = "$SRV.*." + hunt.text();
  for (const std::string& subject : {std::string("$SRV.*"), service, service + "." + id_}) {
    subscriptions_.push_back(link_->subscribe(
        subject, {}, [this](const MessagePtr& message) { answer_service(*message); }));
  }
}

void AskService::stop() {
  for (const auto& subscription : subscriptions_) link_->unsubscribe(subscription);
  subscriptions_.clear();
}

void AskService::take(const natsMsg& message) {
  ++requests_;
  const std::string reply_to(reply_of(message));
  if (reply_to.empty()) return;  // nobody waits for the outcomes
  if (!link_->may_answer(reply_to)) {
    ++link_->figures().ignored;
    return;
  }
  const std::string_view body = data_of(message);
  const Form form = form_of(body);
  if (inflight_ >= limits::asks_inflight_max) {
    return refuse(reply_to, form,
                  {Errc::overloaded, "too many batches are in flight here; try again later", {}});
  }
  auto request = payloads_.read_request(body);
  if (!request) return refuse(reply_to, form, request.error());
  const std::size_t positions = request->batch.positions.size();
  if (answer_bytes_min(form, positions) > link_->message_bytes_max()) {
    return refuse(reply_to, form,
                  {Errc::too_large,
                   fmt::format("the answer to {} positions is more than the {} bytes that the NATS "
                               "server takes: nothing was decided; ask for fewer at once",
                               with_commas(positions), with_commas(link_->message_bytes_max())),
                   "positions"});
  }
  request->batch.bus_way_ns = link_->round_trip_ns();
  ++inflight_;
  Ask ask{reply_to, form, std::move(*request), monotonic_ns()};
  spawn(link_->lane(), work(std::move(ask)));
}

asio::awaitable<void> AskService::work(Ask ask) {
  const auto self = shared_from_this();
  // The JSON form tells the positions again.
  auto reply = co_await handle(ask);
  --inflight_;
  worked_ns_ += monotonic_ns() - ask.taken_ns;
  if (!reply) {
    refuse(ask.reply_to, ask.form, reply.error());
    co_return;
  }
  tell(ask, *reply);
}

// One that cannot be sent is asked for again: claims keep their answers.
void AskService::tell(const Ask& ask, const model::BatchReply& reply) {
  const auto bytes = payloads_.write_answer(ask.form, ask.request.batch, reply);
  if (bytes.size() <= link_->message_bytes_max()) {
    link_->tell(ask.reply_to, bytes);
    return;
  }
  refuse(ask.reply_to, ask.form,
         {Errc::too_large,
          fmt::format("it is decided, but the answer of {} bytes is more than the {} that the NATS "
                      "server takes: ask again for fewer positions at once; claims keep their "
                      "answers",
                      with_commas(bytes.size()), with_commas(link_->message_bytes_max())),
          "positions"});
}

asio::awaitable<Result<model::BatchReply>> AskService::handle(Ask& ask) {
  if (const auto* name = std::get_if<std::string>(&ask.request.world)) {
    if (!find_world_) {
      co_return fail(Errc::not_found, "worlds are known by their ids here", "world");
    }
    std::string wanted = *name;
    const auto world = co_await find_world_(std::move(wanted));
    if (!world) co_return tl::unexpected<Error>(world.error());
    ask.request.batch.world = *world;
  }
  const auto wait = ask.request.wait_terminal ? ports::Wait::terminal : ports::Wait::no;
  // A copy only where the answer needs the positions.
  model::Batch batch = ask.form == Form::json ? ask.request.batch : std::move(ask.request.batch);
  co_return co_await handler_->handle(std::move(batch), wait);
}

void AskService::refuse(const std::string& reply_to, Form form, const Error& error) {
  ++errors_;
  last_error_ = error.message;
  // That it cannot be told cannot be told either, only counted: whoever asked asks again.
  link_->tell(reply_to, payloads_.write_error(form, error));
}

void AskService::answer_service(const natsMsg& message) {
  const auto reply_to = reply_of(message);
  if (!link_->may_answer(reply_to)) return;
  std::string_view verb = subject_of(message).substr(5);
  verb = verb.substr(0, verb.find('.'));
  const std::string answer = describe(verb);
  if (answer.empty()) return;
  link_->tell(std::string(reply_to), answer);
}

std::string AskService::describe(std::string_view verb) const {
  const model::HuntName& hunt = link_->options().hunt;
  const std::string process =
      process_.empty() ? std::string() : fmt::format(R"("process":"{}")", process_);
  const std::string who = fmt::format(R"("name":"{}","id":"{}","version":"{}","metadata":{{{}}})",
                                      hunt.text(), id_, version_, process);
  if (verb == "PING") return fmt::format(R"({{"type":"io.nats.micro.v1.ping_response",{}}})", who);
  const bool stats = verb == "STATS";
  if (!stats && verb != "INFO") return {};
  std::string endpoints;
  for (const auto& shard : shards_) {
    if (!endpoints.empty()) endpoints.push_back(',');
    endpoints += fmt::format(R"({{"name":"ask-{}","subject":"{}","queue_group":"{}")", shard,
                             hunt.asks(shard), hunt.queue());
    if (stats) {
      const std::uint64_t per =
          requests_ == 0 ? 0 : static_cast<std::uint64_t>(worked_ns_) / requests_;
      endpoints +=
          fmt::format(R"(,"num_requests":{},"num_errors":{},"last_error":)", requests_, errors_);
      append_json_string(endpoints, last_error_);
      endpoints +=
          fmt::format(R"(,"processing_time":{},"average_processing_time":{})", worked_ns_, per);
    }
    endpoints.push_back('}');
  }
  if (stats) {
    return fmt::format(
        R"({{"type":"io.nats.micro.v1.stats_response",{},"started":"{}","endpoints":[{}]}})", who,
        format_time_us(started_us_), endpoints);
  }
  return fmt::format(
      R"({{"type":"io.nats.micro.v1.info_response",{},"description":"{}","endpoints":[{}]}})", who,
      "treasure hunt: batches of positions in, outcomes out", endpoints);
}

}  // namespace hunt::nats
