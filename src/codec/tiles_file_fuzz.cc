// Fuzzes tiles files: any text is read or refused with a sentence, and what was read survives
// writing and reading again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "codec/tiles_file.h"

namespace {

using namespace hunt;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_round_trip(const std::vector<model::Burial>& tiles, codec::FileFormat format) {
  std::vector<model::TileRow> rows;
  for (const auto& burial : tiles) {
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
  codec::write_tiles(format, rows, text);
  const auto again = codec::read_tiles(codec::LineReader::from_text("again", text), {});
  require(again.has_value() && again->tiles.size() == tiles.size());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    require(again->tiles[i].tile == tiles[i].tile && again->tiles[i].budget == tiles[i].budget);
    require(again->tiles[i].opens_us == tiles[i].opens_us);
    require(again->tiles[i].closes_us == tiles[i].closes_us);
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
    check_round_trip(tiles->tiles, codec::FileFormat::csv);
    check_round_trip(tiles->tiles, codec::FileFormat::jsonl);
  }
  return 0;
}
