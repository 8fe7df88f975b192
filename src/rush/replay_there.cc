#include "rush/replay_there.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <utility>

#include "codec/recording_reader.h"
#include "model/limits.h"
#include "service/task_group.h"

namespace hunt::rush {

namespace {

using codec::RecordedEvent;
using model::Outcome;

constexpr std::int64_t look_every_ns = 100'000'000;
constexpr int batches_a_turn = 16;
// So many fit into the body of a request, in JSON, too; a recorded batch may have more.
constexpr std::size_t positions_asked_max = 1'024;
static_assert(positions_asked_max * 200 <= limits::body_bytes_max);

// Where a player was; of those that claimed there.
struct Visit {
  model::PlayerId player;
  model::WorldId world = 0;
  model::TileId tile;
  friend bool operator==(const Visit&, const Visit&) = default;
};
struct VisitHash {
  std::size_t operator()(const Visit& visit) const noexcept {
    const std::size_t player = model::Id128Hash()(visit.player);
    return model::Id128Hash()({player, visit.tile.value ^ visit.world});
  }
};

class Sender {
 public:
  // `reader` has read nothing yet.
  Sender(codec::RecordingReader reader, RushTarget& target, const ReplayThereOptions& options)
      : reader_(std::move(reader)),
        target_(target),
        options_(options),
        asker_(target.make_asker()(lane_.executor())),
        asks_(lane_.executor(), ReplayThereOptions::batches_inflight_max) {
    lane_.start("replay");
  }
  ~Sender() { lane_.stop(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // What the recording says of claims; `claims` is another reader of it.
  Result<void> read_claims(codec::RecordingReader claims) {
    RecordedEvent event;
    while (true) {
      HUNT_TRY(more, claims.next(event));
      if (!more) return {};
      if (event.kind != RecordedEvent::Kind::claim) continue;
      HUNT_CHECK(book_.record(event.claim));
      const model::ClaimEvent& claim = event.claim;
      visits_.try_emplace({claim.player, claim.world, model::tile_id_of(claim.tile)}, false);
    }
  }

  Result<ReplayRun> run(const system::StopSignals& signals) {
    HUNT_CHECK(target_.connect(lane_));
    const auto stats = target_.stats();
    auto sent = lane_.spawn(send());
    while (!done_) {
      if (signals.wait(look_every_ns)) stopping_ = true;
    }
    const auto ended = sent.get();
    target_.close(lane_);
    lane_.stop();
    if (!ended) return tl::unexpected<Error>(ended.error());
    if (failed_) return tl::unexpected<Error>(*failed_);
    if (stats) out_.facts.rules_now = stats->rules;
    out_.facts.positions_shed = out_.shed + out_.unanswered > 0;
    out_.facts.ended_early = stopping_;
    book_.for_each([this](model::ClaimId, ReplayedClaim& claim) {
      const auto visit = visits_.find({claim.player, claim.world, claim.tile});
      if (visit != visits_.end()) claim.seen = claim.seen || visit->second;
    });
    out_.compared = book_.compare(out_.facts);
    return std::move(out_);
  }

 private:
  boost::asio::awaitable<Result<void>> send() {
    const std::int64_t begun_ns = clock_.now_ns();
    Result<void> sent;
    bool more = true;
    while (more && sent && !stopping_) {
      for (int i = 0; i < batches_a_turn && more && sent; ++i) {
        sent = send_next(begun_ns, more);
        if (due_ns_ > clock_.now_ns()) break;
      }
      // Not until then where that is far away: somebody may want to stop.
      const std::int64_t until_ns = std::min(due_ns_, clock_.now_ns() + look_every_ns);
      co_await lane_.timer().sleep_until(until_ns);
    }
    co_await asks_.join(clock_, lane_.timer());
    out_.played_ms = (clock_.now_ns() - begun_ns) / 1'000'000;
    out_.cut_bytes = reader_.blocks().cut_bytes();
    done_ = true;
    co_return sent;
  }

  // Sends the batch at hand if it is due, and reads on to the next one.
  Result<void> send_next(std::int64_t begun_ns, bool& more) {
    if (at_hand_) {
      const std::int64_t behind_ns = clock_.now_ns() - due_ns_;
      if (behind_ns < 0) return {};
      out_.late_ms_max = std::max(out_.late_ms_max, behind_ns / 1'000'000);
      send_batch();
    }
    while (true) {
      HUNT_TRY(read, reader_.next(event_));
      more = read;
      at_hand_ = read;
      if (!read) return {};
      if (first_ms_ < 0) first_ms_ = event_.t_ms;
      out_.recorded_ms = event_.t_ms - first_ms_;
      if (event_.kind == RecordedEvent::Kind::lost) out_.lost += event_.lost;
      if (event_.kind == RecordedEvent::Kind::batch) break;
    }
    const double due_ms = static_cast<double>(event_.t_ms - first_ms_) / options_.speed;
    due_ns_ = begun_ns + static_cast<std::int64_t>(due_ms * 1e6);
    return {};
  }

  void send_batch() {
    const auto& all = event_.batch.positions;
    for (std::size_t from = 0; from < all.size(); from += positions_asked_max) {
      send_part(from, std::min(all.size(), from + positions_asked_max));
    }
  }

  // Of the batch at hand.
  void send_part(std::size_t from, std::size_t until) {
    model::Batch batch;
    batch.world = event_.batch.world;
    batch.positions.reserve(until - from);
    for (std::size_t i = from; i < until; ++i) {
      const auto& one = event_.batch.positions[i];
      const model::PlayerId player = reader_.players()[one.player];
      batch.positions.push_back({player, one.tile, one.kind});
      const auto visit = visits_.find({player, batch.world, model::tile_id_of(one.tile)});
      if (visit != visits_.end()) visit->second = true;
    }
    const std::size_t count = batch.positions.size();
    ++out_.batches;
    out_.positions += count;
    if (!asks_.try_spawn(ask(std::move(batch)))) out_.shed += count;
  }

  boost::asio::awaitable<void> ask(model::Batch batch) {
    model::Batch asked = batch;
    const auto reply = co_await asker_->ask(std::move(batch), ports::Wait::terminal);
    if (reply) {
      book(asked, *reply);
    } else {
      out_.unanswered += asked.positions.size();
      out_.last_error = reply.error().message;
    }
  }

  void book(const model::Batch& batch, const model::BatchReply& reply) {
    for (std::size_t i = 0; i < reply.outcomes.size(); ++i) {
      const auto& outcome = reply.outcomes[i];
      if (outcome.outcome == Outcome::busy) ++out_.shed;
      if (outcome.claim_index < 0 || !model::is_terminal(outcome.outcome)) continue;
      const auto& answer = reply.claims[static_cast<std::size_t>(outcome.claim_index)];
      ReplayedClaim claim;
      claim.player = batch.positions[i].player;
      claim.world = batch.world;
      claim.tile = model::tile_id_of(batch.positions[i].tile);
      claim.repeat = answer.repeat;
      const auto booked = book_.replay(answer.claim, claim, outcome.outcome, answer.reward);
      if (booked) continue;
      failed_ = booked.error();
      stopping_ = true;
      return;
    }
  }

  const system::SystemClock clock_;
  codec::RecordingReader reader_;
  RushTarget& target_;
  const ReplayThereOptions& options_;
  node::Lane lane_;
  std::unique_ptr<ports::Asker> asker_;
  service::TaskGroup asks_;
  // The lane's until it is done.
  ReplayRun out_;
  ReplayBook book_;
  std::unordered_map<Visit, bool, VisitHash> visits_;  // true: again
  RecordedEvent event_;
  bool at_hand_ = false;  // event_ is a batch that was not sent
  std::int64_t first_ms_ = -1;
  std::int64_t due_ns_ = 0;
  std::optional<Error> failed_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> done_{false};
};

}  // namespace

Result<ReplayRun> replay_there(const std::string& path, RushTarget& target,
                               const ReplayThereOptions& options,
                               const system::StopSignals& signals) {
  const auto open = [&]() -> Result<codec::RecordingReader> {
    HUNT_TRY(blocks, codec::BlockReader::open_file(path));
    return codec::RecordingReader::open(std::move(blocks), codec::Pseudonyms(options.key));
  };
  HUNT_TRY(reader, open());
  HUNT_TRY(claims, open());
  Sender sender(std::move(reader), target, options);
  HUNT_CHECK(sender.read_claims(std::move(claims)));
  return sender.run(signals);
}

}  // namespace hunt::rush
