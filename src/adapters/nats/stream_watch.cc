#include "adapters/nats/stream_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <utility>

#include "adapters/nats/ask_service.h"
#include "base/text.h"

namespace hunt::nats {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::int64_t look_every_ns = 2'000'000'000;
constexpr std::int64_t look_jitter_ns = 500'000'000;
constexpr std::int64_t look_ns_max = 2'000'000'000;  // for one answer
constexpr std::size_t consumers_per_look_max = 8;    // the others with the next looks
// So long it is said that something was gone, though it is there again: longer than most look.
constexpr std::int64_t note_ns = 15'000'000'000;
// Of JetStream (server/errors.json).
constexpr std::int64_t stream_not_found = 10'059;
constexpr std::int64_t consumer_not_found = 10'014;

std::int64_t number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return static_cast<std::int64_t>(value->get_uint64());
  return value->is_int64() ? value->get_int64() : 0;
}
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
const json::object* object_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

// The same for the same moment; below 2^63, and never 0.
std::uint64_t identity_of(std::string_view created) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : created) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return (hash >> 1U) | 1U;
}

std::string join(const std::vector<std::string>& texts, std::string_view between) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : std::string(between)) + text;
  return all;
}

// What is lost with a stream, and what becomes of it.
std::string lost_with(const model::HuntName& hunt, const std::string& name) {
  if (name == hunt.positions_stream()) {
    return name +
           " was gone: positions stored before and not decided by then are lost, game "
           "servers have to store them again";
  }
  if (name == hunt.claims_stream()) {
    return name +
           " was gone: the relay tells the grants in it again, from the ledger; refusals "
           "that nobody had read are lost";
  }
  if (name == hunt.letters_stream()) return name + " was gone, with the dead letters in it";
  return "the consumer " + name + " was gone: what was being worked at comes again";
}

}  // namespace

StreamWatch::StreamWatch(Connection& connection, StreamSettings settings,
                         std::vector<std::string> shards, Ears ears)
    : connection_(connection),
      link_(connection.link()),
      settings_(settings),
      shards_(std::move(shards)),
      ears_(std::move(ears)),
      prng_(static_cast<std::uint64_t>(monotonic_ns())),
      timer_(link_->lane()) {}

void StreamWatch::start() {
  running_ = true;
  listener_ = link_->listen([this](bool connected) {
    if (connected) timer_.cancel();  // look now
  });
  spawn(link_->lane(), run());
}

asio::awaitable<void> StreamWatch::stop() {
  const auto self = shared_from_this();
  stopping_ = true;
  listener_.reset();
  timer_.cancel();
  asio::steady_timer pause(link_->lane());
  while (running_) {
    pause.expires_after(std::chrono::milliseconds(1));
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<void> StreamWatch::run() {
  const auto self = shared_from_this();
  while (!stopping_) {
    if (link_->connected()) {
      co_await look();
    } else {
      link_->figures().backlogs.forget();
    }
    if (stopping_) break;
    const auto jitter_ns = static_cast<std::int64_t>(prng_.below(2 * look_jitter_ns + 1));
    const std::int64_t wait_ns = look_every_ns - look_jitter_ns + jitter_ns;
    timer_.expires_after(std::chrono::nanoseconds(wait_ns));
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  running_ = false;
}

asio::awaitable<void> StreamWatch::look() {
  Wrong wrong;
  const auto looked = co_await look_at_all(wrong);
  if (!looked) link_->figures().backlogs.forget();
  if (!link_->connected() || stopping_) co_return;  // that is another trouble
  if (!looked) {
    trouble_ = looked.error().message;
    say();
    co_return;
  }
  const bool in_doubt = !wrong.gone.empty() || wrong.changed || !trouble_.empty();
  if (in_doubt) {
    const auto made = co_await connection_.prepare(settings_, shards_);
    trouble_ = made ? std::string() : made.error().message;
    const bool other = !made && made.error().code == Errc::already_exists;
    link_->figures().other_hunt = other;
    if (other) trouble_ += "; nothing is told, taken or answered there until then";
    if (!made && !wrong.gone.empty()) {
      trouble_ =
          fmt::format("{} is gone and cannot be made again: {}", join(wrong.gone, ", "), trouble_);
    }
  }
  // Made again by us, or by another process that saw it first.
  if (!losses_.empty() && trouble_.empty()) {
    link_->figures().remade += losses_.size();
    note_ = join(std::exchange(losses_, {}), "; ");
    note_until_ns_ = monotonic_ns() + note_ns;
  }
  say();
}

// The streams, and so many of the consumers.
asio::awaitable<Result<void>> StreamWatch::look_at_all(Wrong& wrong) {
  const model::HuntName& hunt = link_->options().hunt;
  const std::vector<std::string> streams{hunt.positions_stream(), hunt.claims_stream(),
                                         hunt.letters_stream()};
  for (const std::string& name : streams) {
    const std::uint64_t acknowledged = ears_.acknowledged();
    HUNT_CO_TRY(now, co_await look_at("$JS.API.STREAM.INFO." + name));
    compare(name, now, wrong);
    if (name == hunt.claims_stream()) tell_claims_kept(now, acknowledged);
  }
  const std::size_t count = std::min(shards_.size(), consumers_per_look_max);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string shard = shards_[next_consumer_];
    const std::string name = hunt.consumer(shard);
    next_consumer_ = (next_consumer_ + 1) % shards_.size();
    HUNT_CO_TRY(now, co_await look_at(fmt::format("$JS.API.CONSUMER.INFO.{}.{}",
                                                  hunt.positions_stream(), name)));
    link_->figures().backlogs.put({shard, now.pending, now.at_work, now.redelivered});
    compare(name, now, wrong);
  }
  co_return Result<void>{};
}

asio::awaitable<Result<StreamWatch::Seen>> StreamWatch::look_at(std::string subject) {
  const Headers none;
  const auto ticket = link_->send(subject, {}, none, look_ns_max);
  if (!ticket) co_return tl::unexpected<Error>(ticket.error());
  const Answer answer = co_await link_->answer(*ticket);
  if (answer.fate != Fate::answered) {
    co_return fail(Errc::unavailable,
                   fmt::format("JetStream of NATS at {} does not answer about {}: nothing is "
                               "stored there and no claim told; {}",
                               link_->shown(), subject.substr(subject.rfind('.') + 1),
                               answer.fate == Fate::no_responders
                                   ? "is it on, for this account?"
                                   : "has its cluster a leader, and our user the right to ask?"));
  }
  boost::system::error_code bad;
  const json::value parsed = json::parse(data_of(*answer.message), bad);
  Seen seen;
  const json::object* info = bad ? nullptr : parsed.if_object();
  const json::object* error = info == nullptr ? nullptr : object_of(*info, "error");
  if (error != nullptr) {
    const std::int64_t code = number_of(*error, "err_code");
    if (code == stream_not_found || code == consumer_not_found) co_return seen;
  }
  const json::object* config = info == nullptr ? nullptr : object_of(*info, "config");
  if (error != nullptr || config == nullptr) {
    co_return fail(Errc::unavailable,
                   fmt::format("JetStream of NATS at {} says about {}: {}", link_->shown(),
                               subject.substr(subject.rfind('.') + 1),
                               printable(data_of(*answer.message), 160)));
  }
  seen.config = json::serialize(*config);
  seen.created = text_of(*info, "created");
  seen.pending = static_cast<std::uint64_t>(number_of(*info, "num_pending"));
  seen.at_work = static_cast<std::uint64_t>(number_of(*info, "num_ack_pending"));
  seen.redelivered = static_cast<std::uint64_t>(number_of(*info, "num_redelivered"));
  if (const json::object* state = object_of(*info, "state"); state != nullptr) {
    seen.first = static_cast<std::uint64_t>(number_of(*state, "first_seq"));
    seen.newest = static_cast<std::uint64_t>(number_of(*state, "last_seq"));
  }
  co_return seen;
}

void StreamWatch::compare(const std::string& name, const Seen& now, Wrong& wrong) {
  const auto [at, first_look] = seen_.try_emplace(name);
  const Seen before = std::exchange(at->second, now);
  if (now.created.empty()) {
    wrong.gone.push_back(name);
    if (first_look || !before.created.empty())
      losses_.push_back(lost_with(link_->options().hunt, name));
    return;
  }
  remember_sizes(name, now.config);
  if (before.created.empty()) {
    // Made again since; whoever made it, or changed it meanwhile, may have had other settings.
    wrong.changed |= !first_look;
    return;
  }
  if (before.created != now.created) {
    losses_.push_back(lost_with(link_->options().hunt, name));
  } else if (now.newest < before.newest) {
    losses_.push_back(
        fmt::format("{} is older than it was, as a restored copy is: what was stored "
                    "in it since is lost",
                    name));
  }
  wrong.changed |= before.config != now.config;
}

// So that a stream that is made again is as large as it was.
void StreamWatch::remember_sizes(const std::string& name, const std::string& config) {
  const json::value parsed = json::parse(config);
  const json::object& object = parsed.get_object();
  const std::int64_t bytes = number_of(object, "max_bytes");
  const model::HuntName& hunt = link_->options().hunt;
  if (name == hunt.positions_stream()) settings_.positions_bytes_max = bytes;
  if (name == hunt.claims_stream()) {
    settings_.claims_bytes_max = bytes;
    settings_.claims_age_ns_max = number_of(object, "max_age");
  }
  if (name == hunt.letters_stream()) settings_.letters_bytes_max = bytes;
  if (name == hunt.positions_stream()) {
    settings_.replicas = std::max<std::int64_t>(1, number_of(object, "num_replicas"));
  }
}

void StreamWatch::tell_claims_kept(const Seen& seen, std::uint64_t acknowledged) {
  if (seen.created.empty()) return;
  model::ClaimsKept kept;
  kept.in = {identity_of(seen.created), acknowledged};
  kept.first = seen.first;
  kept.newest = seen.newest;
  kept.age_ns_max = settings_.claims_age_ns_max;
  ears_.on_claims_kept(kept);
}

void StreamWatch::say() {
  std::string now = trouble_;
  if (now.empty() && monotonic_ns() < note_until_ns_) now = note_;
  if (now == said_) return;
  said_ = now;
  ears_.on_trouble(std::move(now));
}

}  // namespace hunt::nats
