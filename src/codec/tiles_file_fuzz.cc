// Fuzzes tiles files: any text is read or refused with a sentence, and what was read survives
// writing and reading again.
#include <cstdint>
#include <string>
#include <vector>

#include "codec/codec_fuzz.h"
#include "codec/tiles_file.h"

namespace {

using namespace hunt;
using codec::require;

void check_round_trip(const codec::TilesFile& tiles, codec::FileFormat format) {
  std::vector<model::TileRow> rows;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const model::Burial burial = tiles.burial(i);
    require(i == 0 || tiles.tile(i - 1) < tiles.tile(i));
    model::TileRow row;
    row.tile = model::tile_id_of(burial.tile);
    row.table = burial.table;
    row.budget = burial.budget;
    row.opens_us = burial.opens_us;
    row.closes_us = burial.closes_us;
    rows.push_back(std::move(row));
  }
  std::string text;
  codec::write_tiles_header(format, text);
  require(codec::write_tiles(format, rows, text) == 0);
  const auto again = codec::read_tiles(codec::LineReader::from_text("again", text), {});
  require(again.has_value() && again->size() == tiles.size());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const model::Burial before = tiles.burial(i);
    const model::Burial after = again->burial(i);
    require(after.tile == before.tile && after.table == before.table);
    require(after.budget == before.budget);
    require(after.opens_us == before.opens_us && after.closes_us == before.closes_us);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const auto on_bad : {codec::OnBad::abort, codec::OnBad::skip}) {
    const auto tiles =
        codec::read_tiles(codec::LineReader::from_text("fuzz", text), {.on_bad = on_bad});
    if (!tiles) {
      require(!tiles.error().message.empty());
      continue;
    }
    check_round_trip(*tiles, codec::FileFormat::csv);
    check_round_trip(*tiles, codec::FileFormat::jsonl);
  }
  return 0;
}
