#include "adapters/postgres/data_api_sql.h"

#include <fmt/format.h>

#include <iterator>
#include <new>
#include <variant>

#include "data_api/sql_text.h"

namespace hunt::postgres {
namespace {

using data_api::Blob;
using data_api::Value;

std::string_view type_of(ParamKind kind) {
  switch (kind) {
    case ParamKind::integer:
      return "bigint";
    case ParamKind::text:
      return "text";
    case ParamKind::bytes:
      return "bytea";
    case ParamKind::id:
      return "uuid";
    case ParamKind::integers:
      return "bigint[]";
    case ParamKind::texts:
      return "text[]";
    case ParamKind::ids:
      return "uuid[]";
  }
  return "text";
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string text_of(ParamKind kind, std::string_view binary) {
  switch (kind) {
    case ParamKind::integer:
    case ParamKind::integers:
      return std::to_string(static_cast<std::int64_t>(big_endian(binary)));
    case ParamKind::id:
    case ParamKind::ids:
      return model::format_uuid({big_endian(binary.substr(0, 8)), big_endian(binary.substr(8))});
    default:
      return std::string(binary);
  }
}

// {1,NULL,"a \"b\""} of an array's binary form (params.h).
std::string array_text(ParamKind kind, std::string_view binary) {
  constexpr std::size_t header_bytes = 20;
  constexpr std::size_t count_at = 12;
  const std::uint64_t count = big_endian(binary.substr(count_at, 4));
  binary.remove_prefix(header_bytes);
  std::string out = "{";
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    const auto length = static_cast<std::int32_t>(big_endian(binary.substr(0, 4)));
    binary.remove_prefix(4);
    if (length < 0) {
      out += "NULL";
      continue;
    }
    const std::string element = text_of(kind, binary.substr(0, static_cast<std::size_t>(length)));
    binary.remove_prefix(static_cast<std::size_t>(length));
    if (kind != ParamKind::texts) {
      out += element;
      continue;
    }
    out.push_back('"');
    for (const char c : element) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out + "}";
}

std::string text_of(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "t" : "f";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::get<Blob>(value).bytes;
}

// The statement with names. The first parameter waits until the locks' patience is set.
std::string with_names(std::string_view sql, const Params& params, bool patient) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '\'') quoted = !quoted;
    std::size_t number = 0;
    std::size_t end = i + 1;
    while (!quoted && sql[i] == '$' && end < sql.size() && sql[end] >= '0' && sql[end] <= '9') {
      number = number * 10 + static_cast<std::size_t>(sql[end++] - '0');
    }
    if (number == 0) {
      out.push_back(sql[i]);
      continue;
    }
    const std::string cast =
        fmt::format("CAST(:p{} AS {})", number, type_of(params.kind(number - 1)));
    out += number == 1 && patient
               ? fmt::format("CASE WHEN patience.told IS NOT NULL THEN {} END", cast)
               : cast;
    i = end - 1;
  }
  return out;
}

}  // namespace

std::string named_sql(std::string_view sql, const Params& params, SqlFrame frame) {
  std::string out = with_names(sql, params, frame.patient);
  if (frame.timed || frame.patient) {
    out = fmt::format(
        "SELECT r.*{} FROM {}({}) AS r",
        frame.timed ? ", (extract(epoch FROM clock_timestamp() - statement_timestamp()) * "
                      "1000000)::bigint AS took_us"
                    : "",
        frame.patient
            ? "(SELECT set_config('lock_timeout', '2s', true)) AS patience(told), LATERAL "
            : "",
        out);
  }
  const auto read = data_api::read_sql(out);
  HUNT_ASSERT(read && read->names.size() == static_cast<std::size_t>(params.count()));
  return out;
}

std::vector<data_api::Parameter> named_params(const Params& params) {
  std::vector<data_api::Parameter> all(static_cast<std::size_t>(params.count()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].name = fmt::format("p{}", i + 1);
    const auto binary = params.binary(i);
    if (!binary) continue;
    const ParamKind kind = params.kind(i);
    if (kind == ParamKind::bytes) {
      all[i].value = Blob{std::string(*binary)};
    } else if (kind >= ParamKind::integers) {
      all[i].value = array_text(kind, *binary);
    } else {
      all[i].value = text_of(kind, *binary);
    }
  }
  return all;
}

Rows rows_of(const data_api::ReplyRows& reply) {
  PGresult* result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  if (result == nullptr) throw std::bad_alloc();
  const Rows rows(result);  // owns it
  std::string name = "column";
  std::vector<PGresAttDesc> columns(reply.columns);
  for (auto& column : columns) column.name = name.data();
  bool fits = PQsetResultAttrs(result, static_cast<int>(columns.size()), columns.data()) == 1 ||
              columns.empty();
  for (std::size_t row = 0; row < reply.rows.size(); ++row) {
    for (std::size_t at = 0; at < reply.columns; ++at) {
      const Value& value = reply.rows[row][at];
      const bool null = std::holds_alternative<std::monostate>(value);
      std::string text = null ? std::string() : text_of(value);
      fits = fits && PQsetvalue(result, static_cast<int>(row), static_cast<int>(at), text.data(),
                                null ? -1 : static_cast<int>(text.size())) == 1;
    }
  }
  if (!fits) throw std::bad_alloc();
  return rows;
}

}  // namespace hunt::postgres
