#include "adapters/nats/checkup.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>

#include "adapters/nats/session.h"
#include "adapters/nats/wanted.h"
#include "base/text.h"
#include "base/url.h"
#include "model/limits.h"

namespace hunt::nats {
namespace {

namespace json = boost::json;
using ports::Findings;

constexpr auto greeting_within = std::chrono::seconds(2);
constexpr std::int64_t answer_ns_max = 3'000'000'000;
constexpr std::int64_t flush_ms_max = 2'000;
constexpr std::int64_t round_trip_failure_ns = 100'000'000;
constexpr std::uint64_t backlog_warning = 100'000;  // a guess: some seconds of a busy event

// The first line of a server, which comes before any login: INFO {…}. Empty: nobody is there.
std::string greeting_of(const std::string& url) {
  const auto server = parse_server(split_url(url).rest, 0);
  if (!server) return {};
  boost::asio::ip::tcp::iostream stream;
  stream.expires_after(greeting_within);
  stream.connect(server->host, std::to_string(server->port));
  std::string line;
  std::getline(stream, line);
  return line.starts_with("INFO ") ? line.substr(5) : std::string();
}

bool is_old(const std::string& version) {
  const auto dot = version.find('.');
  const auto minor = dot == std::string::npos ? std::string() : version.substr(dot + 1);
  return std::pair(parse_u64(version.substr(0, dot)).value_or(0),
                   parse_u64(minor.substr(0, minor.find('.'))).value_or(0)) < std::pair(2UL, 9UL);
}

// Each server that the URL names.
void note_servers(Findings& findings, const ServerList& servers) {
  for (const std::string& url : servers.urls) {
    const std::string_view shown = split_url(url).rest;
    boost::system::error_code bad;
    const json::value info = json::parse(greeting_of(url), bad);
    const json::value* version =
        bad || !info.is_object() ? nullptr : info.get_object().if_contains("version");
    if (version == nullptr || !version->is_string()) {
      findings.warning(fmt::format("{} does not greet as a NATS server does", shown),
                       "is nats-server running there? The others of --bus take its place");
      continue;
    }
    const std::string found = version->as_string().c_str();
    if (is_old(found)) {
      findings.failure(fmt::format("{} is nats-server {}", shown, found), "use 2.9 or newer");
    } else {
      findings.ok(fmt::format("{} is nats-server {}", shown, printable(found)));
    }
  }
}

void note_connection(Findings& findings, natsConnection* connection, const ServerList& servers,
                     const ports::Clock& clock) {
  const auto once = [connection] {
    return natsConnection_FlushTimeout(connection, flush_ms_max) == NATS_OK;
  };
  ports::note_round_trips(findings, ports::time_round_trips(clock, once), round_trip_failure_ns);
  const std::int64_t payload = natsConnection_GetMaxPayload(connection);
  const std::string found =
      fmt::format("messages may have {}", ports::shown_bytes(static_cast<std::uint64_t>(payload)));
  if (payload >= static_cast<std::int64_t>(limits::bus_message_bytes_usual))
    return findings.ok(found);
  const auto enough = verify_payload(connection, servers);
  if (!enough) return findings.failure(enough.error());
  findings.warning(found,
                   fmt::format("set max_payload to {} or more: answers to large asks are refused, "
                               "outcomes of stored ones come in parts",
                               with_commas(limits::bus_message_bytes_usual)));
}

Result<void> note_account(Findings& findings, jsCtx* context, const ServerList& servers) {
  jsErrCode code{};
  jsAccountInfo* raw = nullptr;
  const natsStatus status = js_GetAccountInfo(&raw, context, nullptr, &code);
  const Owned<jsAccountInfo> info(raw);
  if (status != NATS_OK) return jetstream_failure("tell about JetStream", status, code, servers);
  std::string found = fmt::format("JetStream is there: {} streams, {} kept", info->Streams,
                                  ports::shown_bytes(info->Store));
  if (info->Limits.MaxStore > 0) {
    found += " of " + ports::shown_bytes(static_cast<std::uint64_t>(info->Limits.MaxStore));
  }
  findings.ok(std::move(found));
  return {};
}

void note_copies(Findings& findings, const std::string& name, const jsStreamInfo& info) {
  if (info.Cluster == nullptr || info.Cluster->Name == nullptr) return;  // a server alone
  if (info.Cluster->Leader == nullptr || *info.Cluster->Leader == '\0') {
    findings.failure(fmt::format("{} has no leader", name), "bring its other servers back");
  }
  if (info.Config->Replicas < 3) {
    findings.warning(
        fmt::format("{} has {} replica in a cluster", name, info.Config->Replicas),
        fmt::format("nats stream edit {} --replicas 3: it goes with its server", name));
  }
  for (int i = 0; i < info.Cluster->ReplicasLen; ++i) {
    const jsPeerInfo& peer = *info.Cluster->Replicas[i];
    if (peer.Current && !peer.Offline) continue;
    findings.warning(fmt::format("the replica of {} on {} is {}", name, peer.Name,
                                 peer.Offline ? "offline" : "behind"),
                     "bring that server back before the event");
  }
}

// The newest message has the time of the server's clock: never later than now.
void note_clock(Findings& findings, const jsStreamInfo& info, const ports::Clock& clock) {
  const std::int64_t now_us = clock.wall_us();
  const std::int64_t newest_us = info.State.LastTime / 1'000;
  if (newest_us > now_us) ports::note_clock(findings, now_us, newest_us, now_us);
}

void note_fill(Findings& findings, const WantedStream& wanted, bool is_letters,
               const jsStreamInfo& info) {
  const std::string used = ports::shown_bytes(info.State.Bytes);
  const std::string most =
      info.Config->MaxBytes < 0
          ? "any size"
          : ports::shown_bytes(static_cast<std::uint64_t>(info.Config->MaxBytes));
  const std::string found = fmt::format("{} is as it must be (messages: {}; {} of {})", wanted.name,
                                        with_commas(info.State.Msgs), used, most);
  const bool refuses = wanted.discard == js_DiscardNew;  // the others drop the oldest when full
  if (refuses && info.Config->MaxBytes > 0 &&
      info.State.Bytes * 2 > static_cast<std::uint64_t>(info.Config->MaxBytes)) {
    findings.warning(found,
                     "publishers are refused when it is full: find out why it is not "
                     "emptied, or make it larger");
  } else if (is_letters && info.State.Msgs > 0) {
    findings.warning(found, fmt::format("a game server sent what can never succeed: read the "
                                        "letters (nats stream view {})",
                                        wanted.name));
  } else {
    findings.ok(found);
  }
}

// Nothing where it is ours, or nobody's that is known.
void note_owner(Findings& findings, const NatsOptions& options, const model::HuntOwner& there,
                const ServerList& servers) {
  if (options.owner.id.empty() || there.id.empty() || there.id == options.owner.id) return;
  const Error other = owned_by_another(options.hunt, there, servers);
  const auto& said = findings.all();
  const auto same = [&other](const auto& one) { return other.message.starts_with(one.found); };
  if (std::none_of(said.begin(), said.end(), same)) findings.failure(other);
}

void note_streams(Findings& findings, jsCtx* context, const NatsOptions& options,
                  const ServerList& servers, const ports::Clock& clock) {
  const model::HuntName& hunt = options.hunt;

  std::string missing;
  for (const auto& wanted : wanted_streams(hunt, StreamSettings())) {
    const auto found = find_stream(context, wanted.name, servers);
    if (!found) {
      findings.failure(found.error());
      continue;
    }
    const jsStreamInfo* info = found->get();
    if (info == nullptr) {
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", wanted.name);
      continue;
    }
    const model::HuntOwner there = owner_of(info->Config->Description);
    note_owner(findings, options, there, servers);
    if (const auto fine = verify(wanted, *info->Config); !fine) {
      findings.failure(fine.error());
    } else {
      note_fill(findings, wanted, wanted.name == hunt.letters_stream(), *info);
    }
    note_copies(findings, wanted.name, *info);
    note_clock(findings, *info, clock);
  }
  if (missing.empty()) return;
  findings.warning(
      "streams that are not there yet: " + missing,
      "if it is the right NATS: `hunt serve` and `hunt relay` make them, while they run "
      "within seconds; in a cluster make them yourself before, with 3 replicas");
}

Result<void> note_consumer(Findings& findings, jsCtx* context, const NatsOptions& options,
                           const std::string& shard, const ServerList& servers) {
  const model::HuntName& hunt = options.hunt;
  HUNT_TRY(info, find_consumer(context, hunt, shard, servers));
  const std::string name = hunt.consumer(shard);
  if (info == nullptr) {
    findings.warning(
        fmt::format("the consumer {} of {} is not there yet", name, hunt.positions_stream()),
        "`hunt serve` makes it when it starts, and while it runs within seconds");
    return {};
  }
  note_owner(findings, options, owner_of(info->Config->Description), servers);
  if (const auto fine = verify_consumer(hunt, shard, StreamSettings(), *info->Config); !fine) {
    findings.failure(fine.error());
    return {};
  }
  const std::string found = fmt::format(
      "the consumer {} is as it must be (messages waiting: {}, being worked at: {})", name,
      with_commas(info->NumPending), with_commas(static_cast<std::uint64_t>(info->NumAckPending)));
  if (info->NumPending > 0 && info->NumWaiting == 0 && info->NumAckPending == 0) {
    findings.warning(found,
                     fmt::format("nobody takes them: start a `hunt serve` for shard {}", shard));
  } else if (info->NumPending > backlog_warning) {
    findings.warning(found, "more is stored than is answered: more lanes, or `hunt why`");
  } else {
    findings.ok(found);
  }
  return {};
}

Result<void> note_jetstream(Findings& findings, natsConnection* connection,
                            const NatsOptions& options, const ServerList& servers,
                            const std::vector<std::string>& shards, const ports::Clock& clock) {
  HUNT_TRY(context, open_jetstream(connection, options, servers));
  HUNT_CHECK(note_account(findings, context.get(), servers));
  note_streams(findings, context.get(), options, servers, clock);
  HUNT_TRY(positions, find_stream(context.get(), options.hunt.positions_stream(), servers));
  if (positions == nullptr) return {};
  for (const auto& shard : shards) {
    HUNT_CHECK(note_consumer(findings, context.get(), options, shard, servers));
  }
  return {};
}

}  // namespace

std::vector<ports::Finding> check_up(const NatsOptions& options,
                                     const std::vector<std::string>& shards,
                                     const ports::Clock& clock) {
  const ServerList& servers = options.servers;
  Findings findings(servers.shown_url());
  NatsOptions bounded = options;
  bounded.silence_ns_max = answer_ns_max;
  const auto raw = connect_blocking(bounded, servers);
  if (!raw) {
    findings.failure(raw.error());
    return findings.all();
  }
  const Owned<natsConnection> connection(*raw);
  note_servers(findings, servers);
  note_connection(findings, *raw, servers, clock);
  const auto done = note_jetstream(findings, *raw, bounded, servers, shards, clock);
  if (!done) findings.failure(done.error());
  return findings.all();
}

}  // namespace hunt::nats
