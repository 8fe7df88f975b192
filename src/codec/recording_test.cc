#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <iterator>

#include "base/prng.h"
#include "codec/recording_reader.h"
#include "codec/recording_writer.h"
#include "codec/temporary_file.h"
#include "codec/trace_reader.h"
#include "model/limits.h"

namespace hunt::codec {
namespace {

Pseudonyms pseudonyms(std::uint8_t first = 7) {
  return Pseudonyms(Pseudonyms::Key{first, 1, 2, 3});
}

model::PlayerId player(std::uint64_t number) {
  return {0x1234567890abcdefULL, number};
}

model::Batch batch_of(std::vector<model::Position> positions, model::WorldId world = 1) {
  model::Batch batch;
  batch.world = world;
  batch.positions = std::move(positions);
  return batch;
}

model::ClaimEvent claim_of(std::uint64_t number, std::string reward) {
  model::ClaimEvent event;
  event.claim = {number, ~number};
  event.world = 1;
  event.tile = {-5, 2'147'483'647};
  event.player = player(number);
  event.reward = std::move(reward);
  event.rules = "0123456789abcdef";
  event.cursor = number + 1;
  event.at_us = 1'700'000'000'000'000;
  return event;
}

// A recording of two blocks: two batches and loot, then a claim.
std::string two_blocks(std::string* first = nullptr) {
  BlockEncoder encoder(pseudonyms());
  std::string bytes = recording_header(pseudonyms().key_id());
  encoder.add_batch(1'000, 1, Way::asked,
                    batch_of({{player(1), {10, -3}}, {player(2), {-1, 7}, model::Kind::dig}}));
  encoder.add_batch(1'050, 2, Way::stored, batch_of({{player(2), {0, 6}}, {player(1), {10, -3}}}));
  model::TileRow row;
  row.tile = model::tile_id_of({10, -3});
  row.spawn = (std::uint64_t{3} << 48) + 7;
  row.version = 12;
  row.table = "starlight";
  row.budget = 3;
  row.closes_us = 99;
  encoder.add_loot(1'060, 1, row);
  bytes += encoder.take();
  if (first != nullptr) *first = bytes;
  encoder.add_claim(1'070, claim_of(1, "comet_cape"));
  encoder.add_lost(1'080, 4);
  return bytes + encoder.take();
}

Result<std::vector<RecordedEvent>> read_all(std::string bytes,
                                            std::optional<Pseudonyms> key = pseudonyms(),
                                            std::uint64_t* cut = nullptr) {
  HUNT_TRY(blocks, BlockReader::from_text("r", std::move(bytes)));
  HUNT_TRY(reader, RecordingReader::open(std::move(blocks), std::move(key)));
  std::vector<RecordedEvent> out;
  RecordedEvent event;
  while (true) {
    HUNT_TRY(more, reader.next(event));
    if (!more) break;
    out.push_back(event);
  }
  if (cut != nullptr) *cut = reader.blocks().cut_bytes();
  return out;
}

std::string message_of(std::string bytes, std::optional<Pseudonyms> key = pseudonyms()) {
  const auto events = read_all(std::move(bytes), std::move(key));
  return events ? "no error" : events.error().message;
}

TEST(Recording, gives_back_what_was_written) {
  const auto events = read_all(two_blocks());
  ASSERT_TRUE(events.has_value()) << events.error().message;
  ASSERT_EQ(events->size(), 5U);
  const RecordedEvent& second = (*events)[1];
  EXPECT_EQ(second.t_ms, 1'050);
  EXPECT_EQ(second.batch.server, 2U);
  EXPECT_EQ(second.batch.way, Way::stored);
  ASSERT_EQ(second.batch.positions.size(), 2U);
  EXPECT_EQ(second.batch.positions[0].tile, (model::Tile{0, 6}));
  EXPECT_EQ(second.batch.positions[1].tile, (model::Tile{10, -3}));
  EXPECT_EQ((*events)[0].batch.positions[1].kind, model::Kind::dig);
  const model::TileRow& row = (*events)[2].loot.row;
  EXPECT_EQ(row.spawn, (std::uint64_t{3} << 48) + 7);
  EXPECT_EQ(row.version, 12U);
  EXPECT_EQ(row.table, "starlight");
  EXPECT_EQ(row.opens_us, model::time_us_min);
  EXPECT_EQ(row.closes_us, 99);
  const model::ClaimEvent& claim = (*events)[3].claim;
  EXPECT_EQ(claim.claim, claim_of(1, "").claim);
  EXPECT_EQ(claim.player, player(1));
  EXPECT_EQ(claim.tile, (model::Tile{-5, 2'147'483'647}));
  EXPECT_EQ(claim.reward, "comet_cape");
  EXPECT_EQ(claim.cursor, 2U);
  EXPECT_EQ((*events)[4].lost, 4U);
}

TEST(Recording, holds_no_id_and_gives_none_without_the_key) {
  const auto events = read_all(two_blocks(), {});
  ASSERT_TRUE(events.has_value());
  EXPECT_NE((*events)[3].claim.player, player(1));
  EXPECT_NE((*events)[3].claim.claim, claim_of(1, "").claim);
  EXPECT_EQ(message_of(two_blocks(), pseudonyms(8)),
            "r was recorded under another key: give its own");
  auto key = pseudonyms();
  EXPECT_EQ(key.show_player(key.hide_player(player(5))), player(5));
  EXPECT_NE(key.hide_player(player(5)), key.hide_claim(player(5)));
}

TEST(Recording, is_good_up_to_the_last_whole_block_wherever_it_was_cut) {
  std::string first;
  const std::string whole = two_blocks(&first);
  for (std::size_t size = first.size(); size < whole.size(); ++size) {
    std::uint64_t cut = 0;
    const auto events = read_all(whole.substr(0, size), pseudonyms(), &cut);
    ASSERT_TRUE(events.has_value()) << size << ": " << events.error().message;
    EXPECT_EQ(events->size(), 3U);
    EXPECT_EQ(cut, size - first.size());
  }
}

TEST(Recording, cuts_a_last_block_with_a_wrong_checksum_but_not_the_middle_of_a_file) {
  std::string first;
  std::string bytes = two_blocks(&first);
  bytes.back() ^= 1;
  const auto events = read_all(bytes);
  ASSERT_TRUE(events.has_value());
  EXPECT_EQ(events->size(), 3U);
  bytes[first.size() - 1] ^= 1;
  bytes.append(block_packed_bytes_max, 'x');
  EXPECT_NE(message_of(bytes).find("and more blocks follow"), std::string::npos);
}

TEST(Recording, refuses_what_is_none) {
  EXPECT_EQ(message_of("t_ms,player,world,x,y\n"),
            "r is no recording; expected a file of `hunt replay record`");
  EXPECT_EQ(message_of(""), "r is no recording; expected a file of `hunt replay record`");
  EXPECT_EQ(message_of("HUNTREC\n\1"), "r ends within its first 28 bytes: nothing was recorded");
  std::string newer = two_blocks();
  newer[8] = 2;
  EXPECT_EQ(message_of(newer),
            "r is a recording of version 2, this program reads version 1: use the hunt that "
            "recorded it, or a newer one");
  std::string damaged = two_blocks();
  damaged[17] ^= 1;
  EXPECT_EQ(message_of(damaged), "r: its first 28 bytes are damaged");
}

// A block with a good checksum that says what no writer says.
std::string block_with(BlockHead head, const std::string& raw) {
  return recording_header(pseudonyms().key_id()) + make_block(head, raw);
}

TEST(Recording, refuses_blocks_that_lie) {
  const BlockHead head{.flags = 1, .events = 1, .first_ms = 5, .last_ms = 5};
  EXPECT_NE(message_of(block_with(head, "")).find("it has no columns"), std::string::npos);
  EXPECT_NE(message_of(block_with(head, std::string("\5\0\0\0", 4))).find("a column is cut"),
            std::string::npos);
  EXPECT_NE(message_of(block_with(head, std::string("\1\0\0\0\x63", 5)))
                .find("an event of kind 99 cannot be read"),
            std::string::npos);
  // A batch of two positions that are not there.
  EXPECT_NE(message_of(block_with(head, std::string("\6\0\0\0\2\0\0\0\1\2", 10)))
                .find("an event of kind 2 cannot be read"),
            std::string::npos);
  BlockHead back = head;
  back.first_ms = 9;
  EXPECT_NE(message_of(block_with(back, "x")).find("its time goes from 9 to 5"), std::string::npos);
  const std::string good = two_blocks();
  const std::string again = good + good.substr(recording_header_bytes);
  EXPECT_NE(message_of(again).find("its time goes from 1000 to 1060 after 1080"),
            std::string::npos);
}

TEST(Recording, unpacks_no_more_than_its_head_says) {
  const BlockHead head{.flags = 1, .events = 1, .first_ms = 5, .last_ms = 5};
  std::string bomb = make_block(head, std::string(block_raw_bytes_max, '\0'));
  EXPECT_LT(bomb.size(), 8'000U);
  bomb.replace(12, 4, std::string("\x0a\0\0\0", 4));  // "10 bytes", and a good checksum
  std::uint32_t crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bomb.data()), block_head_bytes - 4));
  crc = static_cast<std::uint32_t>(
      crc32(crc, reinterpret_cast<const Bytef*>(bomb.data() + block_head_bytes),
            static_cast<uInt>(bomb.size() - block_head_bytes)));
  for (std::size_t i = 0; i < 4; ++i) {
    bomb[block_head_bytes - 4 + i] = static_cast<char>(crc >> (8 * i));
  }
  EXPECT_NE(message_of(recording_header(pseudonyms().key_id()) + bomb)
                .find("it does not unpack to its 10 bytes"),
            std::string::npos);
}

TEST(RecordingWriter, goes_on_behind_what_a_kill_left) {
  const TemporaryFile file("append.rec", two_blocks() + "HRB1 half a block");
  {
    auto writer = RecordingWriter::append(file.path(), pseudonyms());
    ASSERT_TRUE(writer.has_value()) << writer.error().message;
    EXPECT_EQ(writer->cut_bytes(), 17U);
    EXPECT_EQ(writer->ended_ms(), 1'080);
    writer->block().add_claim(500, claim_of(1, "bell"));  // a clock that went back
    ASSERT_TRUE(writer->flush().has_value());
    const auto other = RecordingWriter::append(file.path(), pseudonyms());
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().message,
              "another recorder writes to " + file.path() + ": name another file");
  }
  std::ifstream in(file.path(), std::ios::binary);
  const auto events = read_all({std::istreambuf_iterator<char>(in), {}});
  ASSERT_TRUE(events.has_value()) << events.error().message;
  ASSERT_EQ(events->size(), 6U);
  EXPECT_EQ(events->back().t_ms, 1'080);
  EXPECT_EQ(events->back().claim.reward, "bell");
  EXPECT_EQ(events->back().claim_player, (*events)[3].claim_player);
}

TEST(RecordingWriter, refuses_another_key_and_a_file_that_is_there) {
  const TemporaryFile file("key.rec", two_blocks());
  const auto other = RecordingWriter::append(file.path(), pseudonyms(9));
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().field, "key-file");
  EXPECT_EQ(RecordingWriter::create(file.path(), pseudonyms()).error().code, Errc::already_exists);
}

TEST(TraceReader, reads_recordings_and_text_to_the_same_rows) {
  const TemporaryFile recording("same.rec", two_blocks());
  const TemporaryFile text("same.csv",
                           "t_ms,player,world,x,y,kind\n1000,a,1,10,-3,\n1000,b,1,-1,7,dig\n"
                           "1050,b,1,0,6,step\n1050,a,1,10,-3,\n");
  std::vector<std::vector<model::TraceRow>> all;
  for (const std::string& path : {recording.path(), text.path()}) {
    auto reader = TraceReader::open_file(path, {});
    ASSERT_TRUE(reader.has_value()) << reader.error().message;
    std::vector<model::TraceRow> rows;
    ASSERT_TRUE(reader->next(rows).value());
    all.push_back(rows);
    EXPECT_FALSE(reader->next(rows).value());
    EXPECT_EQ(reader->players().size(), 2U);
    EXPECT_EQ(reader->worlds(), std::vector<std::string>{"1"});
  }
  ASSERT_EQ(all[0].size(), 4U);
  ASSERT_EQ(all[1].size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(all[0][i].t_ms, all[1][i].t_ms);
    EXPECT_EQ(all[0][i].tile, all[1][i].tile);
    EXPECT_EQ(all[0][i].player, all[1][i].player);
    EXPECT_EQ(all[0][i].kind, all[1][i].kind);
  }
}

TEST(TraceReader, gives_bounded_parts_in_order) {
  std::string text = "t_ms,player,world,x,y\n";
  for (int i = 0; i < 70'000; ++i) text += std::to_string(i) + ",a,1,0,0\n";
  auto reader = TraceReader::of_lines(LineReader::from_text("t", std::move(text)), {});
  std::vector<model::TraceRow> rows;
  std::int64_t next_ms = 0;
  while (reader.next(rows).value()) {
    EXPECT_LE(rows.size(), TraceReader::rows_per_call_max);
    for (const auto& row : rows) EXPECT_EQ(row.t_ms, next_ms++);
  }
  EXPECT_EQ(next_ms, 70'000);
}

// Players of a game server who walk, stand, turn and now and then jump, a step a second.
TEST(Recording, needs_little_for_each_step_of_a_crowd) {
  constexpr std::uint64_t players = 2'000;
  constexpr std::uint64_t seconds = 30;
  Prng prng(5);
  std::vector<model::Tile> at(players);
  std::vector<std::pair<int, int>> heading(players);
  BlockEncoder encoder(pseudonyms());
  std::uint64_t bytes = 0;
  for (std::uint64_t s = 0; s < seconds; ++s) {
    for (std::uint64_t first = 0; first < players; first += 100) {
      model::Batch batch;
      for (std::uint64_t i = first; i < first + 100; ++i) {
        if (prng.below(4) == 0) {
          heading[i] = {static_cast<int>(prng.below(3)) - 1, static_cast<int>(prng.below(3)) - 1};
        }
        at[i].x += heading[i].first;
        at[i].y += heading[i].second;
        batch.positions.push_back({player(i), at[i]});
      }
      encoder.add_batch(static_cast<std::int64_t>(s * 1'000 + first / 20),
                        static_cast<std::uint32_t>(first / 100), Way::asked, batch);
    }
    const std::uint64_t size = encoder.take().size();
    if (s > 0) bytes += size;  // the first one tells the players
  }
  // 24 hours of 28,000 players in 2 GiB are 0.88 bytes a step.
  EXPECT_LT(static_cast<double>(bytes) / (players * (seconds - 1)), 0.6);
}

}  // namespace
}  // namespace hunt::codec
