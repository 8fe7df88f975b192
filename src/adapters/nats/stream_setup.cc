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
  Setup(jsCtx* context, const NatsOptions& options, const ServerList& servers,
        const StreamSettings& settings)
      : context_(context),
        hunt_(options.hunt),
        owner_(options.owner),
        servers_(servers),
        settings_(settings) {}

  Result<void> stream(const WantedStream& wanted) {
    HUNT_TRY(found, find_stream(context_, wanted.name, servers_));
    if (found != nullptr) {
      HUNT_CHECK(verify(wanted, *found->Config));
      return own(found->Config->Description);
    }
    const std::string description = written(owner_);
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const char* subject = wanted.subject.c_str();
    config.Name = wanted.name.c_str();
    if (!owner_.id.empty()) config.Description = description.c_str();
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
    if (code == JSStreamNameExistErr) {  // somebody made it meanwhile
      HUNT_TRY(there, find_stream(context_, wanted.name, servers_));
      if (there != nullptr) {
        HUNT_CHECK(verify(wanted, *there->Config));
        return own(there->Config->Description);
      }
    }
    return jetstream_failure(fmt::format("make the stream {}", wanted.name), status, code,
                             servers_);
  }

  Result<void> consumer(const std::string& shard) {
    HUNT_TRY(found, find_consumer(context_, hunt_, shard, servers_));
    if (found != nullptr) {
      HUNT_CHECK(verify_consumer(hunt_, shard, settings_, *found->Config));
      HUNT_CHECK(own(found->Config->Description));
      const bool noted = !owner_of(found->Config->Description).id.empty();
      if (noted || owner_.id.empty()) return {};
    }
    const std::string name = hunt_.consumer(shard);
    const std::string stream = hunt_.positions_stream();
    const std::string subject = hunt_.positions(shard);
    const std::string description = written(owner_);
    jsConsumerConfig config;
    jsConsumerConfig_Init(&config);
    if (!owner_.id.empty()) config.Description = description.c_str();
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
        js_AddConsumer(&raw, context_, stream.c_str(), &config, nullptr, &code);
    const Owned<jsConsumerInfo> made(raw);
    if (status == NATS_OK) return verify_consumer(hunt_, shard, settings_, *made->Config);
    return jetstream_failure(fmt::format("make the consumer {}", name), status, code, servers_);
  }

 private:
  // What is nobody's becomes ours, where our user has the right to say so; for that the consumers
  // are there, which need no right more. What is another hunt's is none of ours.
  [[nodiscard]] Result<void> own(const char* description) const {
    if (owner_.id.empty()) return {};
    const model::HuntOwner there = owner_of(description);
    if (there.id.empty() || there.id == owner_.id) return {};
    return tl::unexpected<Error>(owned_by_another(hunt_, there, servers_));
  }

  jsCtx* context_;
  const model::HuntName& hunt_;
  const model::HuntOwner& owner_;
  const ServerList& servers_;
  const StreamSettings& settings_;
};

}  // namespace

Result<void> set_up_streams(const NatsOptions& options, const ServerList& servers,
                            const StreamSettings& settings,
                            const std::vector<std::string>& shards) {
  HUNT_TRY(raw, connect_blocking(options, servers));
  const Owned<natsConnection> connection(raw);
  HUNT_CHECK(verify_payload(raw, servers));
  HUNT_TRY(context, open_jetstream(raw, options, servers));
  Setup setup(context.get(), options, servers, settings);
  for (const auto& wanted : wanted_streams(options.hunt, settings)) {
    HUNT_CHECK(setup.stream(wanted));
  }
  for (const auto& shard : shards) HUNT_CHECK(setup.consumer(shard));
  return {};
}

}  // namespace hunt::nats
