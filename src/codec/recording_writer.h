// RecordingWriter: a recording in the making: events into a block in memory, blocks into the file.
//
// BlockEncoder makes the bytes, RecordingWriter owns the file. A block holds positions in columns
// (who, which way, how far), because each alone packs far better than all together. Not a recorder
// (rush/recorder.h): it neither listens nor knows a clock. One thread at a time.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "codec/pseudonyms.h"
#include "codec/recording.h"
#include "codec/recording_blocks.h"

namespace hunt::codec {

class BlockEncoder {
 public:
  explicit BlockEncoder(Pseudonyms pseudonyms) : pseudonyms_(std::move(pseudonyms)) {}

  // A time before that of the event before is taken for that. Bound: limits::batch_positions_max;
  // a batch without positions is nothing. Players and claims are given as they are.
  void add_batch(std::int64_t t_ms, std::uint32_t server, Way way, const model::Batch& batch);
  // Bound: a reward of limits::reward_bytes_max, a rules version of limits::name_bytes_max; what is
  // longer is cut.
  void add_claim(std::int64_t t_ms, const model::ClaimEvent& event);
  void add_loot(std::int64_t t_ms, model::WorldId world, const model::TileRow& row);
  void add_lost(std::int64_t t_ms, std::uint64_t batches);

  [[nodiscard]] bool empty() const noexcept { return head_.events == 0; }
  [[nodiscard]] std::size_t raw_bytes() const noexcept;
  // Later than anything before: for whoever goes on with a file.
  void begin_at(std::int64_t t_ms) noexcept { last_ms_ = t_ms; }
  // The bytes of the block so far; the next one begins. Requires: !empty().
  [[nodiscard]] std::string take();
  // Tells players and texts again from the next block on. Requires: empty().
  void start_anew();

 private:
  struct Player {
    std::uint32_t number = 0;
    model::Tile last;
  };
  void put_time(std::int64_t t_ms);
  [[nodiscard]] Player& player_of(model::PlayerId player);
  [[nodiscard]] std::uint32_t text_number(std::string_view text);
  void put_position(const model::Position& position);

  Pseudonyms pseudonyms_;
  BlockHead head_{.flags = block_starts_anew};
  std::string events_;
  std::string who_;    // the number of the player, less that of the one before plus one
  std::string moves_;  // to which of the nine tiles around, and the kind
  std::string jumps_;  // where it is none of those
  std::unordered_map<model::PlayerId, Player, model::Id128Hash> players_;
  std::unordered_map<std::string, std::uint32_t> texts_;
  std::int64_t last_ms_ = 0;
  std::uint32_t last_player_ = 0;
  std::uint32_t last_server_ = 0;
};

class RecordingWriter {
 public:
  // A new file. Errors: already_exists; io, disk_full.
  [[nodiscard]] static Result<RecordingWriter> create(const std::string& path,
                                                      Pseudonyms pseudonyms);
  // Goes on behind the last good block of a file that is there, and cuts what is behind that; makes
  // it where it is not. Errors: those of BlockReader; invalid_argument (another key); io,
  // disk_full.
  [[nodiscard]] static Result<RecordingWriter> append(const std::string& path,
                                                      Pseudonyms pseudonyms);
  ~RecordingWriter();
  RecordingWriter(RecordingWriter&& other) noexcept;
  RecordingWriter& operator=(RecordingWriter&&) = delete;

  // Add to it; then keep_bounded().
  [[nodiscard]] BlockEncoder& block() noexcept { return encoder_; }
  // Writes the block once it is large.
  [[nodiscard]] Result<void> keep_bounded();
  // Writes the block, if there is anything in it, and has it on disk: a process that is killed, or
  // a machine that dies, loses what came after. Errors: disk_full, io: the file is good without the
  // block, which is lost.
  [[nodiscard]] Result<void> flush();

  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  // Of a file that was there: when it ended, and how much was cut.
  [[nodiscard]] std::int64_t ended_ms() const noexcept { return ended_ms_; }
  [[nodiscard]] std::uint64_t cut_bytes() const noexcept { return cut_bytes_; }

 private:
  RecordingWriter(std::string path, Pseudonyms pseudonyms)
      : path_(std::move(path)), encoder_(std::move(pseudonyms)) {}
  [[nodiscard]] Result<void> open(int flags);
  [[nodiscard]] Result<void> write(std::string_view bytes);
  [[nodiscard]] tl::unexpected<Error> failure(int error) const;

  std::string path_;
  BlockEncoder encoder_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  std::int64_t ended_ms_ = 0;
  std::uint64_t cut_bytes_ = 0;
};

}  // namespace hunt::codec
