#include "adapters/nats/stream_setup.h"

#include <fmt/format.h>

#include "adapters/nats/session.h"
#include "adapters/nats/wanted.h"
#include "model/limits.h"

namespace hunt::nats {

namespace {

constexpr std::int64_t pulls_waiting_max = 512;

class Setup {
 public:
  Setup(jsCtx* context, const ServerList& servers, const StreamSettings& settings)
      : context_(context), servers_(servers), settings_(settings) {}

  Result<void> stream(const WantedStream& wanted) {
    HUNT_TRY(found, find_stream(context_, wanted.name, servers_));
    if (found != nullptr) return verify(wanted, *found->Config);
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const char* subject = wanted.subject;
    config.Name = wanted.name;
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    config.Retention = wanted.retention;
    config.Discard = wanted.discard;
    config.Storage = js_FileStorage;
    config.MaxBytes = wanted.bytes_max;
    config.MaxAge = wanted.age_ns_max;
    config.MaxMsgsPerSubject = -1;
    config.Duplicates = dedupe_ns;
    config.Replicas = settings_.replicas;
    jsErrCode code{};
    jsStreamInfo* raw = nullptr;
    const natsStatus status = js_AddStream(&raw, context_, &config, nullptr, &code);
    const Owned<jsStreamInfo> made(raw);
    if (status == NATS_OK) return verify(wanted, *made->Config);
    return jetstream_failure(fmt::format("make the stream {}", wanted.name), status, code,
                             servers_);
  }

  Result<void> consumer(const std::string& shard) {
    HUNT_TRY(found, find_consumer(context_, shard, servers_));
    if (found != nullptr) return verify_consumer(shard, settings_, *found->Config);
    const std::string name = consumer_name(shard);
    const std::string subject = "hunt.pos." + shard;
    jsConsumerConfig config;
    jsConsumerConfig_Init(&config);
    config.Durable = name.c_str();
    config.FilterSubject = subject.c_str();
    config.DeliverPolicy = js_DeliverAll;
    config.AckPolicy = js_AckExplicit;
    config.AckWait = settings_.ack_wait_ns;
    config.MaxDeliver = -1;
    config.MaxAckPending = static_cast<std::int64_t>(limits::stream_ack_pending_max);
    config.MaxWaiting = pulls_waiting_max;
    jsErrCode code{};
    jsConsumerInfo* raw = nullptr;
    const natsStatus status =
        js_AddConsumer(&raw, context_, positions_stream, &config, nullptr, &code);
    const Owned<jsConsumerInfo> made(raw);
    if (status == NATS_OK) return verify_consumer(shard, settings_, *made->Config);
    return jetstream_failure(fmt::format("make the consumer {}", name), status, code, servers_);
  }

 private:
  jsCtx* context_;
  const ServerList& servers_;
  const StreamSettings& settings_;
};

}  // namespace

std::string consumer_name(const std::string& shard) {
  return "hunt-" + shard;
}

Result<void> set_up_streams(const NatsOptions& options, const ServerList& servers,
                            const StreamSettings& settings,
                            const std::vector<std::string>& shards) {
  HUNT_TRY(raw, connect_blocking(options, servers));
  const Owned<natsConnection> connection(raw);
  HUNT_TRY(context, open_jetstream(raw, options, servers));
  Setup setup(context.get(), servers, settings);
  for (const auto& wanted : wanted_streams(settings)) HUNT_CHECK(setup.stream(wanted));
  for (const auto& shard : shards) HUNT_CHECK(setup.consumer(shard));
  return {};
}

}  // namespace hunt::nats
