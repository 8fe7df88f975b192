// What the streams and consumers of the hunt must be like in JetStream, and whether one is.
//
// Nothing is made here (stream_setup.h). What decides about loss must be as here; sizes, ages and
// replicas are the operator's.
#pragma once
#include <nats/nats.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/nats/connection.h"

namespace hunt::nats {

inline constexpr std::int64_t dedupe_ns = 120'000'000'000;  // PROTOCOLS 8

struct WantedStream {
  std::string name;
  std::string subject;
  jsRetentionPolicy retention;
  jsDiscardPolicy discard;
  std::int64_t bytes_max;
  std::int64_t age_ns_max;
};
[[nodiscard]] std::array<WantedStream, 3> wanted_streams(const model::HuntName& hunt,
                                                         const StreamSettings& settings);

// Errors: invalid_argument with the first field that differs.
[[nodiscard]] Result<void> verify(const WantedStream& wanted, const jsStreamConfig& found);
[[nodiscard]] Result<void> verify_consumer(const model::HuntName& hunt, const std::string& shard,
                                           const StreamSettings& settings,
                                           const jsConsumerConfig& found);

// Whose hunt a stream or consumer is: its description says so. Null: it has none.
[[nodiscard]] std::string written(const model::HuntOwner& owner);
[[nodiscard]] model::HuntOwner owner_of(const char* description);
[[nodiscard]] Error owned_by_another(const model::HuntName& hunt, const model::HuntOwner& owner,
                                     const ServerList& servers);
// Errors: invalid_argument, when the server takes too small messages only.
[[nodiscard]] Result<void> verify_payload(natsConnection* connection, const ServerList& servers);

struct Destroy {
  void operator()(natsConnection* it) const noexcept { natsConnection_Destroy(it); }
  void operator()(jsCtx* it) const noexcept { jsCtx_Destroy(it); }
  void operator()(jsAccountInfo* it) const noexcept { jsAccountInfo_Destroy(it); }
  void operator()(jsStreamInfo* it) const noexcept { jsStreamInfo_Destroy(it); }
  void operator()(jsConsumerInfo* it) const noexcept { jsConsumerInfo_Destroy(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

// For calls that block, each no longer than options.silence_ns_max. Errors: JetStream's.
[[nodiscard]] Result<Owned<jsCtx>> open_jetstream(natsConnection* connection,
                                                  const NatsOptions& options,
                                                  const ServerList& servers);
// Null: there is none. Errors: JetStream's, saying what was not done: "look at the stream X".
[[nodiscard]] Result<Owned<jsStreamInfo>> find_stream(jsCtx* context, const std::string& name,
                                                      const ServerList& servers);
[[nodiscard]] Result<Owned<jsConsumerInfo>> find_consumer(jsCtx* context,
                                                          const model::HuntName& hunt,
                                                          const std::string& shard,
                                                          const ServerList& servers);
// What JetStream says went wrong, as our error: unsupported (there is none for us), unavailable,
// invalid_argument.
[[nodiscard]] tl::unexpected<Error> jetstream_failure(std::string_view what, natsStatus status,
                                                      jsErrCode code, const ServerList& servers);

}  // namespace hunt::nats
