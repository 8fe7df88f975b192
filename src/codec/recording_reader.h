// RecordingReader: the events of a recording, one after the other.
//
// Not for positions alone, of any format (trace_reader.h). Holds a block and the tables of players
// and texts, never the file. Nothing in the file is trusted: a number out of its range is an error.
// Move-only; one thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "codec/pseudonyms.h"
#include "codec/recording.h"
#include "codec/recording_blocks.h"

namespace hunt::codec {

class RecordingReader {
 public:
  // With the key the events tell players and claims as they are. Errors: those of BlockReader;
  // invalid_argument (it was recorded under another key).
  [[nodiscard]] static Result<RecordingReader> open(BlockReader blocks,
                                                    std::optional<Pseudonyms> pseudonyms);

  // The next event; false at the end. Errors: io, corrupt; too_large (recording_players_max
  // different players).
  [[nodiscard]] Result<bool> next(RecordedEvent& event);

  // By number, all that were told so far; pseudonyms without the key.
  [[nodiscard]] const std::vector<model::PlayerId>& players() const noexcept { return players_; }
  [[nodiscard]] const BlockReader& blocks() const noexcept { return blocks_; }

 private:
  struct Player {
    std::uint32_t number = 0;  // into players_
    model::Tile last;
  };
  explicit RecordingReader(BlockReader blocks, std::optional<Pseudonyms> pseudonyms)
      : blocks_(std::move(blocks)), pseudonyms_(std::move(pseudonyms)) {}
  [[nodiscard]] Result<bool> next_block();
  [[nodiscard]] Result<void> read_player();
  [[nodiscard]] Result<void> read_text();
  [[nodiscard]] bool read_batch(RecordedBatch& batch);
  [[nodiscard]] bool read_position(RecordedPosition& position);
  [[nodiscard]] bool read_claim(RecordedEvent& event);
  [[nodiscard]] bool read_loot(RecordedLoot& loot);
  [[nodiscard]] bool read_time();
  [[nodiscard]] bool read_tile(model::Tile& tile);
  [[nodiscard]] bool read_known_text(std::string& text);

  BlockReader blocks_;
  std::optional<Pseudonyms> pseudonyms_;
  std::string raw_;
  std::string_view events_;  // what is left of each column
  std::string_view who_;
  std::string_view moves_;
  std::string_view jumps_;
  std::vector<Player> told_;  // by the numbers of this part of the file
  std::vector<std::string> texts_;
  std::vector<model::PlayerId> players_;
  std::unordered_map<model::PlayerId, std::uint32_t, model::Id128Hash> numbers_;
  std::int64_t t_ms_ = 0;
  std::int64_t last_ms_ = 0;  // of the block
  std::int64_t last_player_ = 0;
  std::int64_t last_server_ = 0;
  bool begun_ = false;
};

}  // namespace hunt::codec
