#include "codec/recording_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "codec/recording_format.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

// Then a block is written. So that what is added at once always fits into one.
constexpr std::size_t block_raw_bytes_good = 1'024 * 1'024;

void put_code(std::string& out, EventCode code) {
  out += static_cast<char>(code);
}

void put_id(std::string& out, model::Id128 id) {
  for (const std::uint8_t byte : model::to_bytes(id)) out += static_cast<char>(byte);
}

// The beginning and the end of time are far from everything else.
void put_moment(std::string& out, std::int64_t time_us, std::int64_t none_us) {
  out += static_cast<char>(time_us != none_us);
  put_signed(out, time_us == none_us ? 0 : time_us);
}

}  // namespace

std::size_t BlockEncoder::raw_bytes() const noexcept {
  return events_.size() + who_.size() + moves_.size() + jumps_.size();
}

void BlockEncoder::put_time(std::int64_t t_ms) {
  t_ms = std::clamp(t_ms, last_ms_, trace_t_ms_max);
  if (empty()) head_.first_ms = last_ms_ = t_ms;
  put_number(events_, static_cast<std::uint64_t>(t_ms - last_ms_));
  head_.last_ms = last_ms_ = t_ms;
  ++head_.events;
}

BlockEncoder::Player& BlockEncoder::player_of(model::PlayerId player) {
  const auto number = static_cast<std::uint32_t>(players_.size());
  const auto [at, added] = players_.try_emplace(player, Player{number, {}});
  if (added) {
    put_code(events_, EventCode::player);
    put_id(events_, pseudonyms_.hide_player(player));
  }
  return at->second;
}

std::uint32_t BlockEncoder::text_number(std::string_view text) {
  const auto number = static_cast<std::uint32_t>(texts_.size());
  const auto [at, added] = texts_.try_emplace(std::string(text), number);
  if (added) {
    put_code(events_, EventCode::text);
    put_number(events_, text.size());
    events_ += text;
  }
  return at->second;
}

void BlockEncoder::put_position(const model::Position& position) {
  Player& player = player_of(position.player);
  put_signed(who_, std::int64_t{player.number} - last_player_ - 1);
  last_player_ = player.number;
  const std::int64_t dx = std::int64_t{position.tile.x} - player.last.x;
  const std::int64_t dy = std::int64_t{position.tile.y} - player.last.y;
  const bool near = dx >= -1 && dx <= 1 && dy >= -1 && dy <= 1;
  const int move = near ? static_cast<int>((dx + 1) * 3 + dy + 1) : move_jump;
  moves_ += static_cast<char>(move + (position.kind == model::Kind::dig ? move_dig : 0));
  if (!near) {
    put_signed(jumps_, dx);
    put_signed(jumps_, dy);
  }
  player.last = position.tile;
  ++head_.positions;
}

void BlockEncoder::add_batch(std::int64_t t_ms, std::uint32_t server, Way way,
                             const model::Batch& batch) {
  HUNT_ASSERT(batch.positions.size() <= limits::batch_positions_max);
  if (batch.positions.empty()) return;
  for (const auto& position : batch.positions) put_position(position);
  put_code(events_, EventCode::batch);
  put_time(t_ms);
  put_signed(events_, std::int64_t{server} - last_server_);
  events_ += static_cast<char>(way);
  put_number(events_, batch.world);
  put_number(events_, batch.positions.size());
  last_server_ = server;
}

void BlockEncoder::add_claim(std::int64_t t_ms, const model::ClaimEvent& event) {
  const std::uint32_t player = player_of(event.player).number;
  const std::string_view reward(event.reward);
  const std::uint32_t reward_text = text_number(reward.substr(0, limits::reward_bytes_max));
  const std::string_view rules(event.rules);
  const std::uint32_t rules_text = text_number(rules.substr(0, limits::name_bytes_max));
  put_code(events_, EventCode::claim);
  put_time(t_ms);
  events_ += static_cast<char>(event.outcome);
  put_number(events_, event.world);
  put_signed(events_, event.tile.x);
  put_signed(events_, event.tile.y);
  put_number(events_, player);
  put_id(events_, pseudonyms_.hide_claim(event.claim));
  put_number(events_, reward_text);
  put_number(events_, rules_text);
  put_number(events_, event.cursor);
  put_signed(events_, event.at_us);
}

void BlockEncoder::add_loot(std::int64_t t_ms, model::WorldId world, const model::TileRow& row) {
  const std::uint32_t table =
      text_number(std::string_view(row.table).substr(0, limits::name_bytes_max));
  const model::Tile tile = model::tile_of(row.tile);
  put_code(events_, EventCode::loot);
  put_time(t_ms);
  put_number(events_, world);
  put_signed(events_, tile.x);
  put_signed(events_, tile.y);
  put_number(events_, row.version);
  put_number(events_, row.spawn);
  put_number(events_, table);
  put_number(events_, row.budget);
  put_moment(events_, row.opens_us, model::time_us_min);
  put_moment(events_, row.closes_us, model::time_us_max);
  put_signed(events_, row.buried_at_us);
  events_ += static_cast<char>(row.sold_out);
}

void BlockEncoder::add_lost(std::int64_t t_ms, std::uint64_t batches) {
  put_code(events_, EventCode::lost);
  put_time(t_ms);
  put_number(events_, batches);
}

std::string BlockEncoder::take() {
  HUNT_ASSERT(!empty());
  std::string raw;
  for (const std::string* column : {&events_, &who_, &moves_, &jumps_}) {
    put_number(raw, column->size());
  }
  raw += events_;
  raw += who_;
  raw += moves_;
  raw += jumps_;
  std::string out = make_block(head_, raw);
  for (std::string* column : {&events_, &who_, &moves_, &jumps_}) column->clear();
  head_ = {};
  const bool full =
      players_.size() > recording_players_max / 2 || texts_.size() > recording_texts_max / 2;
  if (full) start_anew();
  return out;
}

void BlockEncoder::start_anew() {
  HUNT_ASSERT(empty());
  head_.flags = block_starts_anew;
  players_.clear();
  texts_.clear();
  last_player_ = 0;
  last_server_ = 0;
}

tl::unexpected<Error> RecordingWriter::failure(int error) const {
  return fail(error == ENOSPC || error == EDQUOT || error == EFBIG ? Errc::disk_full : Errc::io,
              fmt::format("cannot write to {}: {}; what was recorded before is good", path_,
                          std::strerror(error)));
}

Result<void> RecordingWriter::open(int flags) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | flags, 0600);
  if (descriptor_ < 0 && errno == EEXIST) {
    return fail(Errc::already_exists,
                fmt::format("{} is there already: name another file, or remove it", path_));
  }
  if (descriptor_ < 0) {
    return fail(Errc::io, fmt::format("cannot write to {}: {}", path_, std::strerror(errno)));
  }
  if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return {};
  return fail(Errc::already_exists,
              fmt::format("another recorder writes to {}: name another file", path_));
}

Result<RecordingWriter> RecordingWriter::create(const std::string& path, Pseudonyms pseudonyms) {
  const std::uint64_t key_id = pseudonyms.key_id();
  RecordingWriter writer(path, std::move(pseudonyms));
  HUNT_CHECK(writer.open(O_CREAT | O_EXCL));
  HUNT_CHECK(writer.write(recording_header(key_id)));
  return writer;
}

Result<RecordingWriter> RecordingWriter::append(const std::string& path, Pseudonyms pseudonyms) {
  const std::uint64_t key_id = pseudonyms.key_id();
  RecordingWriter writer(path, std::move(pseudonyms));
  HUNT_CHECK(writer.open(O_CREAT));
  const off_t size = lseek(writer.descriptor_, 0, SEEK_END);
  if (size < 0) return writer.failure(errno);
  // Killed before its header was whole.
  const bool begun = static_cast<std::size_t>(size) >= recording_header_bytes;
  if (size == 0 || (!begun && is_recording(path))) {
    if (ftruncate(writer.descriptor_, 0) != 0) return writer.failure(errno);
    lseek(writer.descriptor_, 0, SEEK_SET);
    HUNT_CHECK(writer.write(recording_header(key_id)));
    return writer;
  }
  HUNT_TRY(blocks, BlockReader::open_file(path));
  if (blocks.key_id() != key_id) {
    return fail(Errc::invalid_argument,
                fmt::format("{} was recorded under another key: give its --key-file, or name "
                            "another file",
                            path),
                "key-file");
  }
  BlockHead head;
  std::string raw;
  for (bool more = true; more;) {
    HUNT_TRY(next, blocks.next(head, raw));
    more = next;
  }
  writer.bytes_ = blocks.good_bytes();
  writer.cut_bytes_ = blocks.cut_bytes();
  writer.ended_ms_ = blocks.last_ms();
  writer.encoder_.begin_at(blocks.last_ms());
  if (ftruncate(writer.descriptor_, static_cast<off_t>(writer.bytes_)) != 0) {
    return writer.failure(errno);
  }
  lseek(writer.descriptor_, static_cast<off_t>(writer.bytes_), SEEK_SET);
  return writer;
}

RecordingWriter::~RecordingWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RecordingWriter::RecordingWriter(RecordingWriter&& other) noexcept
    : path_(std::move(other.path_)),
      encoder_(std::move(other.encoder_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(other.bytes_),
      ended_ms_(other.ended_ms_),
      cut_bytes_(other.cut_bytes_) {}

// All of it or nothing: half a block would only be cut by whoever reads it.
Result<void> RecordingWriter::write(std::string_view bytes) {
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t done = ::write(descriptor_, rest.data(), rest.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      const int error = done < 0 ? errno : ENOSPC;
      if (ftruncate(descriptor_, static_cast<off_t>(bytes_)) == 0) {
        lseek(descriptor_, static_cast<off_t>(bytes_), SEEK_SET);
      }
      return failure(error);
    }
    rest.remove_prefix(static_cast<std::size_t>(done));
  }
  bytes_ += bytes.size();
  // A file that cannot be synced (a pipe, some network file systems) is written all the same.
  if (fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) return failure(errno);
  return {};
}

Result<void> RecordingWriter::keep_bounded() {
  return encoder_.raw_bytes() < block_raw_bytes_good ? Result<void>() : flush();
}

Result<void> RecordingWriter::flush() {
  if (encoder_.empty()) return {};
  auto written = write(encoder_.take());
  if (!written) encoder_.start_anew();  // what is missing may have told players
  return written;
}

}  // namespace hunt::codec
