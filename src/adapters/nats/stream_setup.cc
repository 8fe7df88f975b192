#include "adapters/nats/stream_setup.h"

#include <fmt/format.h>
#include <nats/nats.h>

#include <memory>
#include <string_view>

#include "adapters/nats/session.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace {

constexpr std::int64_t dedupe_ns = 120'000'000'000;  // PROTOCOLS 8
constexpr std::int64_t pulls_waiting_max = 512;

struct Destroy {
  void operator()(natsConnection* it) const noexcept { natsConnection_Destroy(it); }
  void operator()(jsCtx* it) const noexcept { jsCtx_Destroy(it); }
  void operator()(jsStreamInfo* it) const noexcept { jsStreamInfo_Destroy(it); }
  void operator()(jsConsumerInfo* it) const noexcept { jsConsumerInfo_Destroy(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

tl::unexpected<Error> failed(std::string_view what, natsStatus status, jsErrCode code,
                             const ServerList& servers) {
  const std::string said = printable(std::string_view(nats_GetLastError(nullptr)), 160);
  const bool without =
      status == NATS_NO_RESPONDERS || code == JSNotEnabledErr || code == JSNotEnabledForAccountErr;
  if (without) {
    return fail(Errc::unsupported,
                fmt::format("NATS at {} has no JetStream for us, which keeps positions and claims; "
                            "start nats-server with -js, or allow it for this account",
                            servers.shown),
                "bus");
  }
  if (code == JSStorageResourcesExceededErr) {
    return fail(Errc::unavailable,
                fmt::format("NATS at {} has too little room to {}: the streams of the hunt reserve "
                            "2.1 GiB; raise jetstream.max_file_store, or make smaller streams of "
                            "these names yourself before",
                            servers.shown, what),
                "bus");
  }
  return fail(status == NATS_TIMEOUT || code == 0 ? Errc::unavailable : Errc::invalid_argument,
              fmt::format("NATS at {} does not {}: {} ({})", servers.shown, what, said,
                          natsStatus_GetText(status)),
              "bus");
}

// Compares one field after the other; the first that differs is the error.
class Comparison {
 public:
  explicit Comparison(std::string of) : of_(std::move(of)) {}
  template <class Found, class Expected>
  Comparison& field(std::string_view name, const Found& found, const Expected& expected) {
    if (result_ && found != expected) {
      result_ = fail(Errc::invalid_argument,
                     fmt::format("{} exists with other settings: {} is {}, expected {}; change it "
                                 "with the nats tool, or delete it when it is nobody's",
                                 of_, name, found, expected),
                     std::string(name));
    }
    return *this;
  }
  [[nodiscard]] Result<void> result() const { return result_; }

 private:
  std::string of_;
  Result<void> result_;
};

struct Wanted {
  const char* name;
  const char* subject;
  jsRetentionPolicy retention;
  jsDiscardPolicy discard;
  std::int64_t bytes_max;
  std::int64_t age_ns_max;
};

std::string_view name_of(jsRetentionPolicy policy) {
  return policy == js_WorkQueuePolicy ? "workqueue"
         : policy == js_LimitsPolicy  ? "limits"
                                      : "interest";
}
std::string_view name_of(jsDiscardPolicy policy) {
  return policy == js_DiscardNew ? "new" : "old";
}
std::string_view name_of(jsStorageType type) {
  return type == js_FileStorage ? "file" : "memory";
}
std::string_view name_of(jsAckPolicy policy) {
  return policy == js_AckExplicit ? "explicit" : policy == js_AckNone ? "none" : "all";
}

Result<void> verify(const Wanted& wanted, const jsStreamConfig& found) {
  std::string subjects;
  for (int i = 0; i < found.SubjectsLen; ++i) {
    if (i > 0) subjects += ", ";
    subjects += found.Subjects[i];
  }
  Comparison compare(fmt::format("the stream {}", wanted.name));
  compare.field("subjects", subjects, std::string(wanted.subject))
      .field("retention", name_of(found.Retention), name_of(wanted.retention))
      .field("storage", name_of(found.Storage), name_of(js_FileStorage))
      .field("duplicate_window", found.Duplicates, dedupe_ns)
      .field("sealed", found.Sealed, false)
      .field("no_ack", found.NoAck, false);
  if (wanted.discard == js_DiscardNew) {  // nothing of it may go before it is acknowledged
    compare.field("discard", name_of(found.Discard), name_of(wanted.discard))
        .field("max_age", found.MaxAge, 0)
        .field("max_msgs_per_subject", found.MaxMsgsPerSubject, -1);
  }
  return compare.result();
}

class Setup {
 public:
  Setup(jsCtx* context, const ServerList& servers, const StreamSettings& settings)
      : context_(context), servers_(servers), settings_(settings) {}

  Result<void> stream(const Wanted& wanted) {
    jsErrCode code{};
    jsStreamInfo* raw = nullptr;
    natsStatus status = js_GetStreamInfo(&raw, context_, wanted.name, nullptr, &code);
    if (status == NATS_NOT_FOUND || code == JSStreamNotFoundErr) {
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
      code = {};
      status = js_AddStream(&raw, context_, &config, nullptr, &code);
    }
    const Owned<jsStreamInfo> info(raw);
    if (status != NATS_OK) {
      return failed(fmt::format("make the stream {}", wanted.name), status, code, servers_);
    }
    return verify(wanted, *info->Config);
  }

  Result<void> consumer(const std::string& shard) {
    const std::string name = consumer_name(shard);
    const std::string subject = "hunt.pos." + shard;
    jsErrCode code{};
    jsConsumerInfo* raw = nullptr;
    natsStatus status =
        js_GetConsumerInfo(&raw, context_, positions_stream, name.c_str(), nullptr, &code);
    if (status == NATS_NOT_FOUND || code == JSConsumerNotFoundErr) {
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
      code = {};
      status = js_AddConsumer(&raw, context_, positions_stream, &config, nullptr, &code);
    }
    const Owned<jsConsumerInfo> info(raw);
    if (status != NATS_OK) {
      return failed(fmt::format("make the consumer {}", name), status, code, servers_);
    }
    const jsConsumerConfig& found = *info->Config;
    const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
    Comparison compare(fmt::format("the consumer {} of {}", name, positions_stream));
    return compare.field("filter_subject", text(found.FilterSubject), subject)
        .field("deliver_subject", text(found.DeliverSubject), std::string())
        .field("ack_policy", name_of(found.AckPolicy), name_of(js_AckExplicit))
        .field("ack_wait", found.AckWait, settings_.ack_wait_ns)
        .field("max_deliver", found.MaxDeliver, -1)
        .field("max_ack_pending", found.MaxAckPending,
               static_cast<std::int64_t>(limits::stream_ack_pending_max))
        .result();
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
  jsCtx* raw_context = nullptr;
  jsOptions timeouts;
  jsOptions_Init(&timeouts);
  timeouts.Wait = options.silence_ns_max / 1'000'000;
  const natsStatus status = natsConnection_JetStream(&raw_context, raw, &timeouts);
  if (status != NATS_OK) return failed("open JetStream", status, {}, servers);
  const Owned<jsCtx> context(raw_context);
  Setup setup(raw_context, servers, settings);
  const Wanted positions{positions_stream,
                         "hunt.pos.*",
                         js_WorkQueuePolicy,
                         js_DiscardNew,
                         settings.positions_bytes_max,
                         0};
  const Wanted claims{claims_stream, "hunt.claims.*",           js_LimitsPolicy,
                      js_DiscardOld, settings.claims_bytes_max, settings.claims_age_ns_max};
  const Wanted letters{letters_stream,
                       letters_subject,
                       js_LimitsPolicy,
                       js_DiscardOld,
                       settings.letters_bytes_max,
                       0};
  HUNT_CHECK(setup.stream(positions));
  HUNT_CHECK(setup.stream(claims));
  HUNT_CHECK(setup.stream(letters));
  for (const auto& shard : shards) HUNT_CHECK(setup.consumer(shard));
  return {};
}

}  // namespace hunt::nats
