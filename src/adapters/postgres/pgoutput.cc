#include "adapters/postgres/pgoutput.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace hunt::postgres {
namespace {

constexpr std::size_t relations_max = 64;
constexpr std::size_t columns_max = 64;

std::uint64_t natural_of(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

// Reads numbers and strings from the front; what is missing makes it bad and reads as nothing.
class PgOutput::Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::string_view take(std::size_t size) {
    if (size > bytes_.size()) {
      good_ = false;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] std::uint64_t number(std::size_t size) { return natural_of(take(size)); }
  [[nodiscard]] char letter() {
    const auto taken = take(1);
    return taken.empty() ? '\0' : taken[0];
  }
  [[nodiscard]] std::string_view word() {
    const auto end = bytes_.find('\0');
    if (end == std::string_view::npos) {
      good_ = false;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.substr(0, end);
    bytes_.remove_prefix(end + 1);
    return taken;
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  void fail() noexcept { good_ = false; }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

Result<void> PgOutput::take(std::string_view message, ChangeHandler& handler) {
  Reader reader(message);
  const char kind = reader.letter();
  switch (kind) {
    case 'B': {
      const std::uint64_t commit_lsn = reader.number(8);
      if (reader.good()) handler.on_begin(commit_lsn);
      break;
    }
    case 'C': {
      (void)reader.take(1 + 8);  // flags, and where the commit's record begins
      const std::uint64_t end_lsn = reader.number(8);
      if (reader.good()) handler.on_commit(end_lsn);
      break;
    }
    case 'R':
      HUNT_CHECK(take_relation(reader));
      break;
    case 'I':
    case 'U':
      HUNT_CHECK(take_row(reader, handler));
      break;
    case 'M': {
      (void)reader.take(1 + 8);  // flags, place
      const auto prefix = reader.word();
      const auto content = reader.take(reader.number(4));
      if (reader.good()) handler.on_message(prefix, content);
      break;
    }
    case 'O':  // origin
    case 'Y':  // type
    case 'D':  // triggers refuse this and the next
    case 'T':
      break;
    default:
      return fail(Errc::corrupt,
                  fmt::format("the change stream holds a message of the unknown kind {:#x}",
                              static_cast<unsigned char>(kind)));
  }
  if (reader.good()) return {};
  return fail(Errc::corrupt,
              fmt::format("a message of kind '{}' in the change stream is cut short", kind));
}

Result<void> PgOutput::take_relation(Reader& reader) {
  const auto id = static_cast<std::uint32_t>(reader.number(4));
  (void)reader.word();  // schema
  const auto name = reader.word();
  (void)reader.take(1);  // replica identity
  const auto count = reader.number(2);
  if (count > columns_max || relations_.size() >= relations_max) {
    return fail(Errc::corrupt, "the publication holds more tables or columns than ours has");
  }
  Relation relation;
  if (name == "loot_tiles") relation.table = Table::loot_tiles;
  if (name == "grants") relation.table = Table::grants;
  for (std::uint64_t i = 0; i < count; ++i) {
    (void)reader.take(1);  // flags
    relation.columns.emplace_back(reader.word());
    (void)reader.take(4 + 4);  // type and its modifier
  }
  if (reader.good()) relations_[id] = std::move(relation);
  return {};
}

Result<void> PgOutput::take_row(Reader& reader, ChangeHandler& handler) {
  const auto found = relations_.find(static_cast<std::uint32_t>(reader.number(4)));
  if (found == relations_.end()) {
    return fail(Errc::corrupt, "the change stream holds a row of a table it has not described");
  }
  const Relation& relation = found->second;
  model::WorldId world = 0;
  model::TileRow row;
  std::uint64_t cursor = 0;
  // The old row comes first where its key has changed, which triggers refuse.
  while (reader.good() && reader.letter() != 'N') {
    for (auto count = reader.number(2); count > 0 && reader.good(); --count) {
      const char kind = reader.letter();
      if (kind == 'b' || kind == 't') (void)reader.take(reader.number(4));
    }
  }
  if (const auto count = reader.number(2); count != relation.columns.size()) reader.fail();
  for (const auto& column : relation.columns) {
    const char kind = reader.letter();
    if (kind == 'n') continue;
    if (kind != 'b') reader.fail();  // 't', a text, and 'u', unchanged and kept elsewhere
    const auto value = reader.take(reader.number(4));
    if (!reader.good()) break;
    const std::uint64_t natural = natural_of(value);
    if (column == "world") world = static_cast<model::WorldId>(natural);
    if (column == "tile_id") row.tile = model::from_sql(static_cast<std::int64_t>(natural));
    if (column == "version") row.version = natural;
    if (column == "spawn") row.spawn = natural;
    if (column == "loot_table") row.table = value;
    if (column == "budget") row.budget = static_cast<std::uint32_t>(natural);
    if (column == "opens_us") row.opens_us = static_cast<std::int64_t>(natural);
    if (column == "closes_us") row.closes_us = static_cast<std::int64_t>(natural);
    if (column == "buried_at_us") row.buried_at_us = static_cast<std::int64_t>(natural);
    if (column == "sold_out") row.sold_out = natural != 0;
    if (column == "cursor") cursor = natural;
  }
  if (!reader.good()) return {};
  if (relation.table == Table::loot_tiles) handler.on_tile(world, std::move(row));
  if (relation.table == Table::grants) handler.on_grant(cursor);
  return {};
}

}  // namespace hunt::postgres
