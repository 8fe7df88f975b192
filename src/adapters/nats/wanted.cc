#include "adapters/nats/wanted.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace {

constexpr std::string_view owner_words = "of the hunt ";

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

}  // namespace

std::array<WantedStream, 3> wanted_streams(const model::HuntName& hunt,
                                           const StreamSettings& settings) {
  return {WantedStream{hunt.positions_stream(), hunt.positions("*"), js_WorkQueuePolicy,
                       js_DiscardNew, settings.positions_bytes_max, 0},
          WantedStream{hunt.claims_stream(), hunt.claims("*"), js_LimitsPolicy, js_DiscardOld,
                       settings.claims_bytes_max, settings.claims_age_ns_max},
          WantedStream{hunt.letters_stream(), hunt.letters(), js_LimitsPolicy, js_DiscardOld,
                       settings.letters_bytes_max, 0}};
}

Result<void> verify(const WantedStream& wanted, const jsStreamConfig& found) {
  std::string subjects;
  for (int i = 0; i < found.SubjectsLen; ++i) {
    if (i > 0) subjects += ", ";
    subjects += found.Subjects[i];
  }
  Comparison compare(fmt::format("the stream {}", wanted.name));
  compare.field("subjects", subjects, wanted.subject)
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

std::string written(const model::HuntOwner& owner) {
  return std::string(owner_words) + owner.text();
}

model::HuntOwner owner_of(const char* description) {
  const std::string_view text = description == nullptr ? "" : description;
  if (!text.starts_with(owner_words)) return {};
  return model::HuntOwner::read(text.substr(owner_words.size()));
}

Error owned_by_another(const model::HuntName& hunt, const model::HuntOwner& owner,
                       const ServerList& servers) {
  return model::other_hunt(
      fmt::format("NATS at {}", servers.shown), hunt, owner,
      fmt::format("delete its streams (nats stream rm {}, {}, {})", hunt.positions_stream(),
                  hunt.claims_stream(), hunt.letters_stream()));
}

Result<void> verify_consumer(const model::HuntName& hunt, const std::string& shard,
                             const StreamSettings& settings, const jsConsumerConfig& found) {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  Comparison compare(
      fmt::format("the consumer {} of {}", hunt.consumer(shard), hunt.positions_stream()));
  return compare.field("filter_subject", text(found.FilterSubject), hunt.positions(shard))
      .field("deliver_subject", text(found.DeliverSubject), std::string())
      .field("ack_policy", name_of(found.AckPolicy), name_of(js_AckExplicit))
      .field("ack_wait", found.AckWait, settings.ack_wait_ns)
      .field("max_deliver", found.MaxDeliver, -1)
      .field("max_ack_pending", found.MaxAckPending,
             static_cast<std::int64_t>(limits::stream_ack_pending_max))
      .result();
}

Result<void> verify_payload(natsConnection* connection, const ServerList& servers) {
  const std::int64_t bytes = natsConnection_GetMaxPayload(connection);
  if (bytes >= static_cast<std::int64_t>(limits::bus_message_bytes_min)) return {};
  return fail(
      Errc::invalid_argument,
      fmt::format("NATS at {} takes messages of {} bytes at most, which is too little for a "
                  "hunt; set max_payload to {} or more",
                  servers.shown, with_commas(static_cast<std::uint64_t>(bytes)),
                  with_commas(limits::bus_message_bytes_min)),
      "bus");
}

Result<Owned<jsCtx>> open_jetstream(natsConnection* connection, const NatsOptions& options,
                                    const ServerList& servers) {
  jsCtx* raw = nullptr;
  jsOptions timeouts;
  jsOptions_Init(&timeouts);
  timeouts.Wait = options.silence_ns_max / 1'000'000;
  const natsStatus status = natsConnection_JetStream(&raw, connection, &timeouts);
  if (status != NATS_OK) return jetstream_failure("open JetStream", status, {}, servers);
  return Owned<jsCtx>(raw);
}

Result<Owned<jsStreamInfo>> find_stream(jsCtx* context, const std::string& name,
                                        const ServerList& servers) {
  jsErrCode code{};
  jsStreamInfo* raw = nullptr;
  const natsStatus status = js_GetStreamInfo(&raw, context, name.c_str(), nullptr, &code);
  Owned<jsStreamInfo> info(raw);
  if (status == NATS_OK) return info;
  if (status == NATS_NOT_FOUND || code == JSStreamNotFoundErr) return Owned<jsStreamInfo>();
  return jetstream_failure(fmt::format("tell about the stream {}", name), status, code, servers);
}

Result<Owned<jsConsumerInfo>> find_consumer(jsCtx* context, const model::HuntName& hunt,
                                            const std::string& shard, const ServerList& servers) {
  const std::string name = hunt.consumer(shard);
  const std::string stream = hunt.positions_stream();
  jsErrCode code{};
  jsConsumerInfo* raw = nullptr;
  const natsStatus status =
      js_GetConsumerInfo(&raw, context, stream.c_str(), name.c_str(), nullptr, &code);
  Owned<jsConsumerInfo> info(raw);
  if (status == NATS_OK) return info;
  if (status == NATS_NOT_FOUND || code == JSConsumerNotFoundErr) return Owned<jsConsumerInfo>();
  return jetstream_failure(fmt::format("tell about the consumer {}", name), status, code, servers);
}

tl::unexpected<Error> jetstream_failure(std::string_view what, natsStatus status, jsErrCode code,
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
  if (status == NATS_TIMEOUT) {
    return fail(Errc::unavailable,
                fmt::format("NATS at {} does not {} in time; is a majority of its cluster up, and "
                            "may this user publish to $JS.API and subscribe to {}.>?",
                            servers.shown, what, servers.inbox_prefix()),
                "bus");
  }
  return fail(code == 0 ? Errc::unavailable : Errc::invalid_argument,
              fmt::format("NATS at {} does not {}: {} ({})", servers.shown, what, said,
                          natsStatus_GetText(status)),
              "bus");
}

}  // namespace hunt::nats
