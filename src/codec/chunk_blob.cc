#include "codec/chunk_blob.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "model/outside.h"

namespace hunt::codec {

namespace {

// version, then the tables: count, {length, bytes}; then the rows: count, {place in the chunk,
// flags, version, spawn, table, budget, buried_at, opens?, closes?}. Numbers are LEB128, signed
// ones zigzag; spawns are eight bytes, little-endian, since their shard sits in the high bits.
constexpr std::uint8_t form = 1;
constexpr std::uint64_t chunk_tiles = std::uint64_t{1} << model::chunk_id_shift;
constexpr std::uint8_t flag_sold_out = 1;
constexpr std::uint8_t flag_opens = 2;
constexpr std::uint8_t flag_closes = 4;
constexpr std::uint8_t flags_known = flag_sold_out | flag_opens | flag_closes;

void put(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_signed(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  put(out, bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

void put_fixed(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// Takes values off the front; once something is wrong, everything is 0 and ok() is false.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  std::uint8_t byte() {
    const std::string_view one = text(1);
    return one.empty() ? 0 : static_cast<std::uint8_t>(one.front());
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t part = byte();
      value |= std::uint64_t{part & 0x7fU} << shift;
      if (part < 0x80) {
        if (shift == 63 && part > 1) ok_ = false;
        return ok_ ? value : 0;
      }
    }
    ok_ = false;
    return 0;
  }
  std::int64_t signed_number() {
    const std::uint64_t bits = number();
    return static_cast<std::int64_t>(bits >> 1 ^ (bits & 1 ? ~std::uint64_t{0} : 0));
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    const std::string_view eight = text(8);
    for (std::size_t i = eight.size(); i > 0; --i) {
      value = value << 8 | static_cast<std::uint8_t>(eight[i - 1]);
    }
    return value;
  }
  std::string_view text(std::uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

tl::unexpected<Error> broken(const char* what) {
  return fail(Errc::corrupt, fmt::format("a cached chunk cannot be read: {}", what));
}

Result<model::TileRow> read_row(Bytes& bytes, std::uint64_t chunk,
                                const std::vector<std::string_view>& tables) {
  const std::uint64_t place = bytes.number();
  if (place >= chunk_tiles) return broken("a tile outside of its chunk");
  const std::uint8_t flags = bytes.byte();
  if ((flags & ~flags_known) != 0) return broken("unknown flags");
  model::TileRow row;
  row.tile.value = chunk << model::chunk_id_shift | place;
  row.version = bytes.number();
  if (row.version > limits::version_max) return broken("a version that is too large");
  row.spawn = bytes.fixed();
  const std::uint64_t table = bytes.number();
  if (table >= tables.size()) return broken(bytes.ok() ? "an unknown table" : "it ends too early");
  row.table = tables[table];
  const std::uint64_t budget = bytes.number();
  if (budget > limits::budget_max) return broken("a budget that is too large");
  row.budget = static_cast<std::uint32_t>(budget);
  row.buried_at_us = bytes.signed_number();
  if ((flags & flag_opens) != 0) row.opens_us = bytes.signed_number();
  if ((flags & flag_closes) != 0) row.closes_us = bytes.signed_number();
  row.sold_out = (flags & flag_sold_out) != 0;
  if (!bytes.ok()) return broken("it ends too early");
  return row;
}

}  // namespace

std::string write_rows(std::span<const model::TileRow> rows) {
  HUNT_ASSERT(rows.size() <= chunk_tiles);
  std::vector<std::string_view> tables;
  std::vector<std::size_t> table_of;
  for (const auto& row : rows) {
    const auto found = std::find(tables.begin(), tables.end(), row.table);
    table_of.push_back(static_cast<std::size_t>(found - tables.begin()));
    if (found == tables.end()) tables.push_back(row.table);
  }
  std::string out;
  out.reserve(16 + rows.size() * 32);
  out.push_back(static_cast<char>(form));
  put(out, tables.size());
  for (const auto& table : tables) {
    put(out, table.size());
    out.append(table);
  }
  put(out, rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const model::TileRow& row = rows[i];
    const bool opens = row.opens_us != model::time_us_min;
    const bool closes = row.closes_us != model::time_us_max;
    put(out, row.tile.value & (chunk_tiles - 1));
    out.push_back(static_cast<char>((row.sold_out ? flag_sold_out : 0) | (opens ? flag_opens : 0) |
                                    (closes ? flag_closes : 0)));
    put(out, row.version);
    put_fixed(out, row.spawn);
    put(out, table_of[i]);
    put(out, row.budget);
    put_signed(out, row.buried_at_us);
    if (opens) put_signed(out, row.opens_us);
    if (closes) put_signed(out, row.closes_us);
  }
  return out;
}

Result<std::vector<model::TileRow>> read_rows(std::string_view bytes, std::uint64_t chunk) {
  Bytes rest(bytes);
  const std::uint8_t version = rest.byte();
  if (!rest.ok()) return broken("it is empty");
  if (version != form) {
    return fail(
        Errc::unsupported,
        fmt::format("a cached chunk has form {}, this version reads form {}", version, form));
  }
  const std::uint64_t table_count = rest.number();
  if (table_count > chunk_tiles) return broken("too many tables");
  std::vector<std::string_view> tables;
  for (std::uint64_t i = 0; i < table_count; ++i) {
    tables.push_back(rest.text(rest.number()));
    if (!rest.ok()) return broken("it ends too early");
    if (tables.back().size() > limits::name_bytes_max) return broken("a name that is too long");
  }
  const std::uint64_t row_count = rest.number();
  if (row_count > chunk_tiles) return broken("too many rows");
  std::vector<model::TileRow> rows;
  rows.reserve(row_count);
  for (std::uint64_t i = 0; i < row_count; ++i) {
    HUNT_TRY(row, read_row(rest, chunk, tables));
    if (!rows.empty() && row.tile <= rows.back().tile) return broken("rows out of order");
    rows.push_back(std::move(row));
  }
  if (!rest.ok() || !rest.at_end()) return broken(rest.ok() ? "bytes at its end" : "it ends early");
  return rows;
}

}  // namespace hunt::codec
