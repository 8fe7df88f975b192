#include "codec/recording_reader.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/text.h"
#include "codec/recording_format.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

// Each takes something off the front; false when it is not there.
bool take_byte(std::string_view& bytes, std::uint8_t& value) {
  if (bytes.empty()) return false;
  value = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  std::uint8_t byte = 0x80;
  for (int shift = 0; (byte & 0x80) != 0; shift += 7) {
    if (!take_byte(bytes, byte) || shift > 63 || (shift == 63 && byte > 1)) return false;
    value |= std::uint64_t{byte & 0x7fU} << shift;
  }
  return true;
}

bool take_signed(std::string_view& bytes, std::int64_t& value) {
  std::uint64_t number = 0;
  if (!take_number(bytes, number)) return false;
  value = static_cast<std::int64_t>(number >> 1 ^ (~(number & 1) + 1));
  return true;
}

template <class Number>
bool take_within(std::string_view& bytes, std::uint64_t max, Number& value) {
  std::uint64_t number = 0;
  if (!take_number(bytes, number) || number > max) return false;
  value = static_cast<Number>(number);
  return true;
}

bool take_part(std::string_view& bytes, std::uint64_t size, std::string_view& part) {
  if (size > bytes.size()) return false;
  part = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

bool take_id(std::string_view& bytes, model::Id128& id) {
  std::string_view part;
  if (!take_part(bytes, 16, part)) return false;
  id = model::id_from_bytes(reinterpret_cast<const std::uint8_t*>(part.data()));
  return true;
}

// The sum as a coordinate or number of that range; false outside.
template <class Number>
bool add_within(std::int64_t from, std::int64_t step, Number& out) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(from, step, &sum)) return false;
  if (sum < std::numeric_limits<Number>::min() || sum > std::numeric_limits<Number>::max()) {
    return false;
  }
  out = static_cast<Number>(sum);
  return true;
}

bool take_moment(std::string_view& bytes, std::int64_t none_us, std::int64_t& time_us) {
  std::uint8_t some = 0;
  if (!take_byte(bytes, some) || some > 1 || !take_signed(bytes, time_us)) return false;
  if (some == 0) time_us = none_us;
  return true;
}

constexpr std::uint64_t u32_max = std::numeric_limits<std::uint32_t>::max();

}  // namespace

Result<RecordingReader> RecordingReader::open(BlockReader blocks,
                                              std::optional<Pseudonyms> pseudonyms) {
  if (pseudonyms && pseudonyms->key_id() != blocks.key_id()) {
    return fail(Errc::invalid_argument,
                fmt::format("{} was recorded under another key: give its own", blocks.name()),
                "key-file");
  }
  return RecordingReader(std::move(blocks), std::move(pseudonyms));
}

Result<bool> RecordingReader::next_block() {
  if (begun_ && !(who_.empty() && moves_.empty() && jumps_.empty())) {
    return blocks_.damaged("it has more positions than its events tell");
  }
  BlockHead head;
  HUNT_TRY(more, blocks_.next(head, raw_));
  if (!more) return false;
  if (!begun_ || (head.flags & block_starts_anew) != 0) {
    told_.clear();
    texts_.clear();
    last_player_ = 0;
    last_server_ = 0;
  }
  begun_ = true;
  t_ms_ = head.first_ms;
  last_ms_ = head.last_ms;
  std::string_view rest(raw_);
  std::uint64_t sizes[4] = {};
  for (auto& size : sizes) {
    if (!take_number(rest, size)) return blocks_.damaged("it has no columns");
  }
  std::string_view* columns[4] = {&events_, &who_, &moves_, &jumps_};
  for (std::size_t i = 0; i < 4; ++i) {
    if (!take_part(rest, sizes[i], *columns[i])) return blocks_.damaged("a column is cut");
  }
  if (!rest.empty()) return blocks_.damaged("it has more than its columns");
  return true;
}

Result<void> RecordingReader::read_player() {
  model::PlayerId player;
  if (!take_id(events_, player)) return blocks_.damaged("a player is cut");
  if (told_.size() >= recording_players_max) return blocks_.damaged("it tells too many players");
  const auto number = static_cast<std::uint32_t>(players_.size());
  const auto [at, added] = numbers_.try_emplace(player, number);
  if (added && players_.size() >= recording_players_max) {
    return fail(Errc::too_large, fmt::format("{} has more than {} players: record shorter",
                                             blocks_.name(), with_commas(recording_players_max)));
  }
  if (added) players_.push_back(pseudonyms_ ? pseudonyms_->show_player(player) : player);
  told_.push_back({at->second, {}});
  return {};
}

Result<void> RecordingReader::read_text() {
  std::uint64_t size = 0;
  std::string_view text;
  const bool read = take_number(events_, size) && size <= limits::reward_bytes_max &&
                    take_part(events_, size, text) && texts_.size() < recording_texts_max;
  if (!read) return blocks_.damaged("a text is too long, or one too many");
  texts_.emplace_back(text);
  return {};
}

bool RecordingReader::read_time() {
  std::uint64_t step_ms = 0;
  const auto left_ms = static_cast<std::uint64_t>(last_ms_ - t_ms_);
  if (!take_within(events_, left_ms, step_ms)) return false;
  t_ms_ += static_cast<std::int64_t>(step_ms);
  return true;
}

bool RecordingReader::read_tile(model::Tile& tile) {
  std::int64_t x = 0;
  std::int64_t y = 0;
  return take_signed(events_, x) && take_signed(events_, y) && add_within(x, 0, tile.x) &&
         add_within(y, 0, tile.y);
}

bool RecordingReader::read_known_text(std::string& text) {
  std::size_t number = 0;
  if (!take_within(events_, u32_max, number) || number >= texts_.size()) return false;
  text = texts_[number];
  return true;
}

bool RecordingReader::read_position(RecordedPosition& position) {
  std::int64_t step = 0;
  std::uint8_t move = 0;
  std::uint32_t who = 0;
  if (!take_signed(who_, step) || !add_within(last_player_ + 1, step, who)) return false;
  if (who >= told_.size() || !take_byte(moves_, move) || move >= 2 * move_dig) return false;
  last_player_ = who;
  position.kind = move >= move_dig ? model::Kind::dig : model::Kind::step;
  move = static_cast<std::uint8_t>(move % move_dig);
  std::int64_t dx = move / 3 - 1;
  std::int64_t dy = move % 3 - 1;
  if (move == move_jump && !(take_signed(jumps_, dx) && take_signed(jumps_, dy))) return false;
  Player& player = told_[who];
  position.player = player.number;
  if (!add_within(player.last.x, dx, position.tile.x)) return false;
  if (!add_within(player.last.y, dy, position.tile.y)) return false;
  player.last = position.tile;
  return true;
}

bool RecordingReader::read_batch(RecordedBatch& batch) {
  std::int64_t step = 0;
  std::uint8_t way = 0;
  std::size_t count = 0;
  const bool head = read_time() && take_signed(events_, step) &&
                    add_within(last_server_, step, batch.server) && take_byte(events_, way) &&
                    way < way_count && take_within(events_, u32_max, batch.world) &&
                    take_within(events_, limits::batch_positions_max, count) && count > 0;
  if (!head) return false;
  last_server_ = batch.server;
  batch.way = static_cast<Way>(way);
  batch.positions.resize(count);
  for (auto& position : batch.positions) {
    if (!read_position(position)) return false;
  }
  return true;
}

bool RecordingReader::read_claim(RecordedEvent& event) {
  std::uint8_t outcome = 0;
  std::uint32_t who = 0;
  model::ClaimEvent& claim = event.claim;
  const bool read = read_time() && take_byte(events_, outcome) && outcome < model::outcome_count &&
                    take_within(events_, u32_max, claim.world) && read_tile(claim.tile) &&
                    take_within(events_, u32_max, who) && who < told_.size() &&
                    take_id(events_, claim.claim) && read_known_text(claim.reward) &&
                    read_known_text(claim.rules) && take_number(events_, claim.cursor) &&
                    take_signed(events_, claim.at_us);
  if (!read) return false;
  claim.outcome = static_cast<model::Outcome>(outcome);
  event.claim_player = told_[who].number;
  claim.player = players_[event.claim_player];
  if (pseudonyms_) claim.claim = pseudonyms_->show_claim(claim.claim);
  return true;
}

bool RecordingReader::read_loot(RecordedLoot& loot) {
  model::Tile tile;
  std::uint8_t sold_out = 0;
  model::TileRow& row = loot.row;
  const bool read = read_time() && take_within(events_, u32_max, loot.world) && read_tile(tile) &&
                    take_number(events_, row.version) && take_number(events_, row.spawn) &&
                    read_known_text(row.table) && take_within(events_, u32_max, row.budget) &&
                    take_moment(events_, model::time_us_min, row.opens_us) &&
                    take_moment(events_, model::time_us_max, row.closes_us) &&
                    take_signed(events_, row.buried_at_us) && take_byte(events_, sold_out) &&
                    sold_out <= 1;
  row.tile = model::tile_id_of(tile);
  row.sold_out = sold_out == 1;
  return read;
}

Result<bool> RecordingReader::next(RecordedEvent& event) {
  while (true) {
    while (events_.empty()) {
      HUNT_TRY(more, next_block());
      if (!more) return false;
    }
    std::uint8_t byte = 0;
    if (!take_byte(events_, byte)) return false;  // it is not empty
    const auto code = static_cast<EventCode>(byte);
    bool read = false;
    if (code == EventCode::player) {
      HUNT_CHECK(read_player());
      continue;
    }
    if (code == EventCode::text) {
      HUNT_CHECK(read_text());
      continue;
    }
    if (code == EventCode::batch) {
      event.kind = RecordedEvent::Kind::batch;
      read = read_batch(event.batch);
    } else if (code == EventCode::claim) {
      event.kind = RecordedEvent::Kind::claim;
      read = read_claim(event);
    } else if (code == EventCode::loot) {
      event.kind = RecordedEvent::Kind::loot;
      read = read_loot(event.loot);
    } else if (code == EventCode::lost) {
      event.kind = RecordedEvent::Kind::lost;
      read = read_time() && take_number(events_, event.lost);
    }
    if (!read) return blocks_.damaged(fmt::format("an event of kind {} cannot be read", byte));
    event.t_ms = t_ms_;
    return true;
  }
}

}  // namespace hunt::codec
