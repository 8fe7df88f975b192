#include "adapters/nats/flame_ask.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "adapters/nats/flame_service.h"
#include "adapters/nats/link.h"
#include "adapters/nats/session.h"
#include "adapters/nats/signer.h"
#include "adapters/nats/wanted.h"
#include "adapters/nats/why_ask.h"
#include "codec/folded.h"
#include "codec/gzip.h"
#include "codec/why_reader.h"

namespace hunt::nats {

namespace {

constexpr std::int64_t grace_ns = 10'000'000'000;  // beyond the profile: names take a moment
constexpr std::int64_t slice_ms = 50;
constexpr std::size_t folded_bytes_max = std::size_t{64} * 1'024 * 1'024;

struct EndSubscription {
  void operator()(natsSubscription* it) const noexcept { natsSubscription_Destroy(it); }
};

Result<model::Profile> read_answer(std::string_view body) {
  if (body.starts_with('{')) {
    HUNT_TRY(refused, codec::read_why_answer(body));
    return fail(Errc::unavailable, refused.asked.reason);
  }
  HUNT_TRY(text, codec::gunzip(body, folded_bytes_max));
  return codec::read_folded(text);
}

class Round {
 public:
  Round(natsConnection* connection, const NatsOptions& options) : connection_(connection) {
    inbox_ = fmt::format("{}.{}", options.servers.inbox_prefix(), random_token());
  }
  [[nodiscard]] bool ask(const std::string& subject, const std::string& body,
                         const std::string& token) {
    natsSubscription* heard = nullptr;
    if (natsConnection_SubscribeSync(&heard, connection_, inbox_.c_str()) != NATS_OK) return false;
    subscription_.reset(heard);
    Signer signer({reinterpret_cast<const std::uint8_t*>(token.data()), token.size()});
    natsMsg* raw = nullptr;
    if (natsMsg_Create(&raw, subject.c_str(), inbox_.c_str(), body.data(),
                       static_cast<int>(body.size())) != NATS_OK)
      return false;
    const MessagePtr message(raw);
    const std::string signature = signer.sign(subject, {}, signed_question(inbox_, body));
    return natsMsgHeader_Set(raw, signature_header, signature.c_str()) == NATS_OK &&
           natsConnection_PublishMsg(connection_, raw) == NATS_OK &&
           natsConnection_FlushTimeout(connection_, 2'000) == NATS_OK;
  }
  // Until all of them have answered.
  void gather(std::map<std::string, ProfileAnswer>& all, std::int64_t patience_ns) {
    const std::int64_t end_ns = monotonic_ns() + patience_ns;
    std::size_t missing = all.size();
    while (missing > 0 && monotonic_ns() < end_ns) {
      natsMsg* raw = nullptr;
      if (natsSubscription_NextMsg(&raw, subscription_.get(), slice_ms) != NATS_OK) continue;
      const MessagePtr message(raw);
      const auto who = codec::read_beat(header_of(*message, process_header));
      if (!who) continue;
      const auto known = all.find(who->process.id);
      if (known == all.end() || !silent_.contains(known->first)) continue;
      silent_.erase(known->first);
      --missing;
      known->second.profile = read_answer(data_of(*message));
    }
  }
  void expect(const std::string& id) { silent_.emplace(id, true); }

 private:
  natsConnection* connection_;
  std::string inbox_;
  std::unique_ptr<natsSubscription, EndSubscription> subscription_;
  std::map<std::string, bool> silent_;  // by process: those that have not answered yet
};

}  // namespace

Result<std::vector<ProfileAnswer>> ask_fleet_profile(const NatsOptions& options,
                                                     model::ProfileKind kind, std::int64_t seconds,
                                                     const std::string& admin_token) {
  if (admin_token.empty()) {
    return fail(Errc::unauthorized,
                "profiles are for the admin: name the token of the processes with "
                "--admin-token-file");
  }
  HUNT_TRY(there, ask_fleet(options, {}));
  HUNT_TRY(raw, connect_blocking(options, options.servers));
  const Owned<natsConnection> connection(raw);
  Round round(raw, options);
  std::map<std::string, ProfileAnswer> all;
  for (const auto& one : there) {
    if (one.process.id.empty()) continue;
    all.try_emplace(one.process.id,
                    ProfileAnswer{one.process, fail(Errc::unavailable, "it does not answer")});
    round.expect(one.process.id);
  }
  const codec::ProfileQuestion question{kind, seconds, wall_us()};
  if (!round.ask(options.hunt.flame(), codec::write_profile_question(question), admin_token)) {
    return fail(Errc::unavailable,
                fmt::format("NATS at {} took the question no more", options.servers.shown));
  }
  round.gather(all, seconds * 1'000'000'000 + grace_ns);
  std::vector<ProfileAnswer> answers;
  for (auto& [id, one] : all) answers.push_back(std::move(one));
  return answers;
}

}  // namespace hunt::nats
