#include "adapters/redis/checkup.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <memory>
#include <string>

#include "adapters/redis/hash_slot.h"
#include "adapters/redis/message.h"
#include "adapters/redis/scripts.h"
#include "base/text.h"

namespace hunt::redis {
namespace {

using ports::Findings;

constexpr timeval within{2, 0};
constexpr std::uint64_t version_min = 5;
constexpr std::int64_t round_trip_failure_ns = 50'000'000;  // RedisOptions::deadline_ns

// One blocking connection to one server. An answer that does not come is an error reply, too.
class Shell {
 public:
  explicit Shell(const HostPort& address)
      : context_(redisConnectWithTimeout(address.host.c_str(), address.port, within), redisFree) {
    if (connected()) redisSetTimeout(context_.get(), within);
  }
  [[nodiscard]] bool connected() const { return context_ != nullptr && context_->err == 0; }
  [[nodiscard]] std::string why() const {
    if (context_ == nullptr) return "no memory";
    const std::string_view said = context_->errstr;
    if (said == "Resource temporarily unavailable" || said == "Connection timed out") {
      return fmt::format("no answer within {} s", within.tv_sec);
    }
    return printable(said, 120);
  }
  [[nodiscard]] Reply operator()(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<void, void (*)(void*)> reply(
        redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(),
                         sizes.data()),
        freeReplyObject);
    if (reply != nullptr) return copy_of(*static_cast<redisReply*>(reply.get()));
    Reply silent;
    silent.kind = Reply::Kind::error;
    silent.text = why();
    return silent;
  }

 private:
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

// "key:value" of INFO; empty where it is not there.
std::string value_of(const std::string& info, std::string_view key) {
  const std::string line = fmt::format("\n{}:", key);
  const auto at = info.find(line);
  if (at == std::string::npos) return {};
  const auto begin = at + line.size();
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

// Each connection has to say which database it means.
bool select(Findings& findings, Shell& shell, const RedisUrl& url, const HostPort& address) {
  if (url.database == 0) return true;
  const Reply reply = shell({"SELECT", std::to_string(url.database)});
  if (!reply.is_error()) return true;
  findings.failure(fmt::format("Redis at {} does not let us into database {}: {}", address.shown(),
                               url.database, printable(reply.text, 120)),
                   "raise `databases` in its configuration, allow +select for this user, or name "
                   "another database in --cache");
  return false;
}

// Whether it lets us in. A password that is not needed is refused, as it is when serving.
bool enter(Findings& findings, Shell& shell, const RedisUrl& url, const HostPort& address) {
  if (!shell.connected()) {
    findings.failure(fmt::format("no Redis answers at {}: {}", address.shown(), shell.why()),
                     "is redis-server running there? While it does not, the store is read instead");
    return false;
  }
  std::vector<std::string> login{"AUTH", url.password};
  if (!url.user.empty()) login.insert(login.begin() + 1, url.user);
  const Reply in = url.password.empty() ? Reply() : shell(login);
  const Reply reply = in.is_error() ? in : shell({"PING"});
  if (!reply.is_error()) return select(findings, shell, url, address);
  const bool refused = in.is_error() || reply.is_error("NOAUTH") || reply.is_error("NOPERM");
  findings.failure(fmt::format("Redis at {} says: {}", address.shown(), printable(reply.text, 160)),
                   refused && shell.connected() ? "check user and password of --cache"
                                                : "look at its log: is it stuck?");
  return false;
}

void note_memory(Findings& findings, const std::string& info) {
  const std::uint64_t most = parse_u64(value_of(info, "maxmemory")).value_or(0);
  const std::string used = ports::shown_bytes(parse_u64(value_of(info, "used_memory")).value_or(0));
  const std::string policy = value_of(info, "maxmemory_policy");
  if (most == 0) {
    return findings.warning(fmt::format("maxmemory is not set ({} are used)", used),
                            "set maxmemory, and maxmemory-policy allkeys-lru: without, it grows "
                            "until the machine is full");
  }
  const std::string found = fmt::format("{} of {} memory are used; when full: {}", used,
                                        ports::shown_bytes(most), policy);
  if (policy != "noeviction") return findings.ok(found);
  findings.warning(found, "set maxmemory-policy allkeys-lru: a full cache answers with errors");
}

void note_disk(Findings& findings, const std::string& info) {
  if (value_of(info, "rdb_last_bgsave_status") == "err") {
    findings.failure("its last snapshot failed: it refuses what is written",
                     "a cache needs no snapshots: CONFIG SET save \"\"");
  } else if (value_of(info, "aof_enabled") == "1") {
    findings.warning("it keeps an append-only file",
                     "a cache needs none: CONFIG SET appendonly no");
  }
}

void note_info(Findings& findings, Shell& shell, const RedisUrl& url) {
  const Reply reply = shell({"INFO"});
  if (reply.is_error()) {
    return findings.warning("this user may not see its settings: " + printable(reply.text, 120),
                            "allow +info, or look yourself: maxmemory, maxmemory-policy, role");
  }
  const std::string& info = reply.text;
  const std::string version = value_of(info, "redis_version");
  if (parse_u64(version.substr(0, version.find('.'))).value_or(0) >= version_min) {
    findings.ok("Redis " + version);
  } else {
    findings.failure("Redis " + version, "use Redis 5 or newer");
  }
  if (!url.cluster && value_of(info, "redis_mode") == "cluster") {
    findings.failure("it is a node of a cluster", "use redis-cluster:// in --cache");
  }
  if (value_of(info, "role") != "master") {
    findings.failure("it is a replica, and takes no writes", "name the master in --cache");
  }
  note_memory(findings, info);
  note_disk(findings, info);
}

// On a key that is never there each of these changes nothing: what counts is whether it may be
// asked for, here or elsewhere. The scripts are those that are loaded when serving.
void note_rights(Findings& findings, Shell& shell, const model::HuntName& hunt) {
  const std::string key = hunt.text() + ":doctor";
  std::vector<std::vector<std::string>> asked{{"HGETALL", key},
                                              {"HGET", key, "x"},
                                              {"HMGET", key, "x"},
                                              {"HDEL", key, "x"},
                                              {"DEL", key},
                                              {"PEXPIRE", key, "1"},
                                              {"EVALSHA", std::string(40, '0'), "1", key}};
  for (const Script* script : {&lease_script(), &fill_script(), &update_script(), &tile_script()}) {
    asked.push_back({"SCRIPT", "LOAD", script->text});
  }
  for (const auto& words : asked) {
    const Reply reply = shell(words);
    if (!reply.is_error() || reply.is_error("MOVED") || reply.is_error("ASK")) continue;
    if (reply.is_error("NOSCRIPT")) continue;  // it may run those that are there
    const bool forbidden = reply.is_error("NOPERM");
    const bool reads = words.front() == "HGETALL";
    findings.failure(
        fmt::format("it refuses {}: {}", reads ? "to read a key of the hunt" : words.front(),
                    printable(reply.text, 120)),
        forbidden ? fmt::format("give the user the rights that docs/REFERENCE.md lists, on ~{}:*",
                                hunt.text())
                  : "look at its log, and at the other nodes of its cluster");
    return;
  }
}

void note_time(Findings& findings, Shell& shell, const ports::Clock& clock) {
  const std::int64_t before_us = clock.wall_us();
  const Reply time = shell({"TIME"});
  const std::int64_t after_us = clock.wall_us();
  if (time.list.size() == 2) {
    const auto seconds = parse_i64(time.list[0].text).value_or(0);
    const auto micros = parse_i64(time.list[1].text).value_or(0);
    ports::note_clock(findings, before_us, seconds * 1'000'000 + micros, after_us);
  } else {
    findings.failure("it does not tell its time: " + printable(time.text, 120),
                     "allow +time for this user: the cache needs it");
  }
  const auto once = [&shell] { return !shell({"PING"}).is_error(); };
  ports::note_round_trips(findings, ports::time_round_trips(clock, once), round_trip_failure_ns);
}

// Whose hunt the keys of this name are. In a cluster one node has the key; the others say so.
void note_owner(Findings& findings, Shell& shell, const model::HuntName& hunt,
                const model::HuntOwner& ours) {
  const std::string key = hunt.owner_key();
  const Reply reply = shell({"HMGET", key, "h", "of"});
  if (reply.is_error() || reply.list.size() != 2 || reply.list[0].text.empty()) return;
  const auto there = model::HuntOwner::read(reply.list[0].text + " " + reply.list[1].text);
  if (ours.id.empty() || there.id == ours.id) {
    findings.ok(fmt::format("the keys {}:* are of the hunt {} ({})", hunt.text(), there.short_id(),
                            there.stores));
  } else {
    findings.failure(model::other_hunt("it", hunt, there, fmt::format("redis-cli DEL {}", key)));
  }
}

void check_node(Findings& findings, const HostPort& address, const RedisUrl& url,
                const model::HuntName& hunt, const model::HuntOwner& owner,
                const ports::Clock& clock) {
  Shell shell(address);
  if (!enter(findings, shell, url, address)) return;
  note_info(findings, shell, url);
  if (shell.connected()) note_rights(findings, shell, hunt);
  if (shell.connected()) note_owner(findings, shell, hunt, owner);
  if (shell.connected()) note_time(findings, shell, clock);
  if (!shell.connected()) {
    findings.failure("it stopped answering: " + shell.why(), "look at its log: is it stuck?");
  }
}

// The masters of the map that `from` tells, and whether they have all slots.
std::vector<HostPort> masters_of(Findings& findings, const Reply& map, const HostPort& from) {
  std::vector<HostPort> masters;
  std::int64_t covered = 0;
  for (const Reply& range : map.list) {
    if (range.list.size() < 3 || range.list[2].list.size() < 2) continue;
    covered += range.list[1].integer - range.list[0].integer + 1;
    const auto& named = range.list[2].list;
    const bool nameless = named[0].text.empty() || named[0].text == "?";
    const HostPort address{nameless ? from.host : named[0].text,
                           static_cast<std::uint16_t>(named[1].integer)};
    if (std::find(masters.begin(), masters.end(), address) == masters.end()) {
      masters.push_back(address);
    }
  }
  const auto all = static_cast<std::int64_t>(slot_count);
  if (covered == all) {
    findings.ok(fmt::format("{} masters have all {} slots", masters.size(), all));
  } else {
    findings.failure(fmt::format("{} of {} slots are nobody's", all - covered, all),
                     "repair the cluster (redis-cli --cluster fix)");
  }
  return masters;
}

// Each address of the URL is tried; the first that tells its map is believed.
std::vector<HostPort> find_masters(Findings& findings, const RedisUrl& url) {
  std::vector<HostPort> masters;
  for (const HostPort& address : url.addresses) {
    Shell shell(address);
    if (!enter(findings, shell, url, address) || !masters.empty()) continue;
    const Reply map = shell({"CLUSTER", "SLOTS"});
    if (map.is_error()) {
      const bool alone = map.text.find("cluster support disabled") != std::string::npos;
      findings.failure(
          fmt::format("Redis at {} says: {}", address.shown(), printable(map.text, 120)),
          alone ? "use redis:// in --cache" : "allow +cluster|slots for this user");
      continue;
    }
    masters = masters_of(findings, map, address);
    const Reply full = shell({"CONFIG", "GET", "cluster-require-full-coverage"});
    if (full.list.size() == 2 && full.list[1].text == "yes") {
      findings.warning("cluster-require-full-coverage is yes",
                       "set it to no: when a master is lost, the others go on then");
    }
  }
  return masters;
}

}  // namespace

std::vector<ports::Finding> check_up(const RedisUrl& url, const model::HuntName& hunt,
                                     const model::HuntOwner& owner, const ports::Clock& clock) {
  Findings findings(url.shown());
  if (!url.cluster) {
    check_node(findings, url.addresses.front(), url, hunt, owner, clock);
    return findings.all();
  }
  const std::vector<HostPort> masters = find_masters(findings, url);
  std::vector<ports::Finding> all = findings.all();
  for (const HostPort& master : masters) {
    Findings of_node(fmt::format("{}{}", prefix_of(Scheme::redis), master.shown()));
    check_node(of_node, master, url, hunt, owner, clock);
    all.insert(all.end(), of_node.all().begin(), of_node.all().end());
  }
  return all;
}

}  // namespace hunt::redis
