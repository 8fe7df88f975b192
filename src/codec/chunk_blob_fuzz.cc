// Fuzzes the cache's form of rows: any bytes are refused with a sentence or are rows within the
// bounds, ordered, of the chunk that was asked for, which survive writing and reading again.
#include <cstdint>
#include <string_view>

#include "codec/chunk_blob.h"
#include "codec/codec_fuzz.h"
#include "model/limits.h"
#include "model/outside.h"

using hunt::codec::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t chunk = 13510798882111488;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto rows = hunt::codec::read_rows(bytes, chunk);
  if (!rows) {
    require(!rows.error().message.empty());
    return 0;
  }
  require(rows->size() <= 1'024);
  for (std::size_t i = 0; i < rows->size(); ++i) {
    require((*rows)[i].tile.value >> hunt::model::chunk_id_shift == chunk);
    require((*rows)[i].table.size() <= hunt::limits::name_bytes_max);
    require((*rows)[i].version <= hunt::limits::version_max);
    require((*rows)[i].budget <= hunt::limits::budget_max);
    require(i == 0 || (*rows)[i - 1].tile < (*rows)[i].tile);
  }
  const auto again = hunt::codec::read_rows(hunt::codec::write_rows(*rows), chunk);
  require(again.has_value() && *again == *rows);
  return 0;
}
