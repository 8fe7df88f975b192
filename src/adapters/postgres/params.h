// Params and Rows: the arguments and the results of a statement, in PostgreSQL's binary format.
// Rows read its text format, too, as far as we ask for it: what comes over a Data API is text.
//
// Not SQL. Formats: the send and recv functions of the types bigint, text, uuid, boolean, bytea and
// their arrays (src/backend/utils/adt/{int8,varlena,uuid,arrayfuncs}.c of PostgreSQL).
#pragma once
#include <libpq-fe.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/failure.h"
#include "base/result.h"
#include "base/text.h"
#include "model/ids.h"
#include "model/tile.h"

namespace hunt::postgres {

enum class ParamKind : std::uint8_t { integer, text, bytes, id, integers, texts, ids };

class Params {
 public:
  Params& add(std::int64_t value) {
    begin(ParamKind::integer);
    put64(value);
    return *this;
  }
  Params& add(std::uint64_t value) { return add(static_cast<std::int64_t>(value)); }
  Params& add(std::uint32_t value) { return add(std::int64_t{value}); }
  Params& add(model::TileId tile) { return add(model::to_sql(tile)); }
  Params& add(std::string_view text) {
    begin(ParamKind::text);
    bytes_.append(text);
    return *this;
  }
  Params& add_bytes(std::string_view bytes) {
    begin(ParamKind::bytes);
    bytes_.append(bytes);
    return *this;
  }
  Params& add(model::Id128 id) {
    begin(ParamKind::id);
    put_id(id);
    return *this;
  }
  Params& add(std::optional<std::int64_t> value) {
    if (value) return add(*value);
    starts_.push_back(null);
    kinds_.push_back(ParamKind::integer);
    return *this;
  }

  // One array of `count` elements; each is what `element(i)` returns: an int64, string_view,
  // TileId, Id128, or an optional of these.
  template <class Element>
  Params& array(std::size_t count, Element element) {
    const std::int32_t oid = oid_of(unwrapped(decltype(element(0)){}));
    begin(kind_of(oid));
    put32(1);  // dimensions
    put32(0);  // whether there are nulls: not looked at by the server
    put32(oid);
    put32(static_cast<std::int32_t>(count));
    put32(1);  // the first index
    for (std::size_t i = 0; i < count; ++i) put(element(i));
    return *this;
  }

  // One by one: of which kind it is, and its binary form; nothing: NULL.
  [[nodiscard]] ParamKind kind(std::size_t i) const { return kinds_.at(i); }
  [[nodiscard]] std::optional<std::string_view> binary(std::size_t i) const {
    if (starts_.at(i) == null) return {};
    std::size_t end = bytes_.size();
    for (std::size_t next = i + 1; next < starts_.size(); ++next) {
      if (starts_[next] == null) continue;
      end = starts_[next];
      break;
    }
    return std::string_view(bytes_).substr(starts_[i], end - starts_[i]);
  }

  // For PQsendQueryPrepared.
  [[nodiscard]] int count() const noexcept { return static_cast<int>(starts_.size()); }
  void point(std::vector<const char*>& values, std::vector<int>& lengths,
             std::vector<int>& formats) const {
    std::size_t end = bytes_.size();
    values.assign(starts_.size(), nullptr);
    lengths.assign(starts_.size(), 0);
    formats.assign(starts_.size(), 1);
    for (std::size_t i = starts_.size(); i-- > 0;) {
      if (starts_[i] == null) continue;
      values[i] = bytes_.data() + starts_[i];
      lengths[i] = static_cast<int>(end - starts_[i]);
      end = starts_[i];
    }
  }

 private:
  static constexpr std::size_t null = ~std::size_t{0};

  void begin(ParamKind kind) {
    starts_.push_back(bytes_.size());
    kinds_.push_back(kind);
  }
  void put32(std::int32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<char>(static_cast<std::uint32_t>(value) >> shift));
    }
  }
  void put64(std::int64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
    }
  }
  void put_id(model::Id128 id) {
    put64(static_cast<std::int64_t>(id.high));
    put64(static_cast<std::int64_t>(id.low));
  }
  void put(std::int64_t value) {
    put32(8);
    put64(value);
  }
  void put(model::TileId tile) { put(model::to_sql(tile)); }
  void put(std::string_view text) {
    put32(static_cast<std::int32_t>(text.size()));
    bytes_.append(text);
  }
  void put(model::Id128 id) {
    put32(16);
    put_id(id);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    if (value) {
      put(*value);
    } else {
      put32(-1);
    }
  }
  template <class T>
  static T unwrapped(const std::optional<T>&) {
    return T{};
  }
  template <class T>
  static T unwrapped(const T& value) {
    return value;
  }
  static constexpr std::int32_t oid_text = 25;
  static constexpr std::int32_t oid_uuid = 2950;
  static std::int32_t oid_of(std::int64_t) { return 20; }
  static std::int32_t oid_of(model::TileId) { return 20; }
  static std::int32_t oid_of(std::string_view) { return oid_text; }
  static std::int32_t oid_of(model::Id128) { return oid_uuid; }
  static ParamKind kind_of(std::int32_t oid) {
    if (oid == oid_text) return ParamKind::texts;
    return oid == oid_uuid ? ParamKind::ids : ParamKind::integers;
  }

  std::string bytes_;
  std::vector<std::size_t> starts_;
  std::vector<ParamKind> kinds_;
};

// The rows of one statement. Requires: the column has the type that is asked for.
class Rows {
 public:
  Rows() = default;
  explicit Rows(PGresult* result) : result_(result, PQclear) {}

  // Errors: what the server said, or that the connection is lost.
  [[nodiscard]] Result<void> check(const std::string& shown) const {
    const ExecStatusType status = PQresultStatus(result_.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE) {
      return {};
    }
    return tl::unexpected<Error>(failure_of(result_.get(), shown));
  }
  [[nodiscard]] int size() const noexcept { return result_ ? PQntuples(result_.get()) : 0; }
  [[nodiscard]] int columns() const noexcept { return result_ ? PQnfields(result_.get()) : 0; }
  [[nodiscard]] bool is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  [[nodiscard]] std::int64_t integer(int row, int column) const noexcept {
    return static_cast<std::int64_t>(natural_at(row, column, 0));
  }
  [[nodiscard]] std::uint64_t natural(int row, int column) const noexcept {
    return natural_at(row, column, 0);
  }
  [[nodiscard]] bool truth(int row, int column) const noexcept {
    const char first = *PQgetvalue(result_.get(), row, column);
    return is_text(column) ? first == 't' : first != 0;
  }
  [[nodiscard]] std::string_view text(int row, int column) const noexcept {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  [[nodiscard]] model::Id128 id(int row, int column) const noexcept {
    if (is_text(column)) return model::parse_uuid(text(row, column)).value_or(model::Id128{});
    return {natural_at(row, column, 0), natural_at(row, column, 8)};
  }
  [[nodiscard]] model::TileId tile(int row, int column) const noexcept {
    return model::from_sql(integer(row, column));
  }

 private:
  [[nodiscard]] bool is_text(int column) const noexcept {
    return PQfformat(result_.get(), column) == 0;
  }
  // Eight bytes, the highest first; 0 for null and for what is shorter.
  [[nodiscard]] std::uint64_t natural_at(int row, int column, int offset) const noexcept {
    if (is_text(column)) {
      return static_cast<std::uint64_t>(parse_i64(text(row, column)).value_or(0));
    }
    if (PQgetlength(result_.get(), row, column) < offset + 8) return 0;
    const char* bytes = PQgetvalue(result_.get(), row, column) + offset;
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  std::shared_ptr<PGresult> result_;
};

}  // namespace hunt::postgres
