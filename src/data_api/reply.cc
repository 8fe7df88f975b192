#include "data_api/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json_string.h"
#include "base/text.h"
#include "data_api/array_text.h"
#include "data_api/base64.h"
#include "data_api/limits.h"
#include "data_api/types.h"

namespace hunt::data_api {
namespace {

tl::unexpected<Refusal> unsupported(std::string message) {
  return refuse(Failure::unsupported_result, std::move(message));
}

Shape shape_of(const TypeInfo* type, const ResultOptions& options) {
  if (type == nullptr) return Shape::text;
  if (type->shape == Shape::long_whole && options.long_strings) return Shape::text;
  if (type->shape == Shape::decimal && !options.decimal_numbers) return Shape::text;
  return type->shape;
}

// "\x0102" of PostgreSQL as base64.
void append_blob(std::string& out, std::string_view text) {
  std::string bytes;
  if (text.starts_with("\\x")) {
    bytes.resize((text.size() - 2) / 2);
    const auto place = std::span(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
    if (!from_hex(text.substr(2), place)) bytes.clear();
  }
  out.push_back('"');
  append_base64(out, bytes);
  out.push_back('"');
}

bool is_json_number(std::string_view text) {
  return text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

// A decimal as DOUBLE_OR_LONG wants it.
bool is_whole(std::string_view text) {
  return parse_i64(text).has_value();
}

// The value alone, without the member that holds it.
void append_plain(std::string& out, std::string_view text, Shape shape) {
  switch (shape) {
    case Shape::boolean:
      out += text == "t" ? "true" : "false";
      return;
    case Shape::whole:
    case Shape::long_whole:
      out += text;
      return;
    case Shape::number:
    case Shape::decimal:
      if (is_json_number(text)) {
        out += text;
      } else {
        append_json_string(out, text);
      }
      return;
    case Shape::blob:
      append_blob(out, text);
      return;
    case Shape::zoned:
      // In UTC, as the sessions are, and without saying so.
      if (text.ends_with("+00")) text.remove_suffix(3);
      append_json_string(out, text);
      return;
    case Shape::text:
      append_json_string(out, text);
      return;
  }
}

std::string_view member_of(Shape shape, std::string_view text) {
  switch (shape) {
    case Shape::boolean:
      return "booleanValue";
    case Shape::whole:
    case Shape::long_whole:
      return "longValue";
    case Shape::number:
      return "doubleValue";
    case Shape::decimal:
      return is_whole(text) ? "longValue" : "doubleValue";
    case Shape::blob:
      return "blobValue";
    case Shape::zoned:
    case Shape::text:
      return "stringValue";
  }
  return "stringValue";
}

std::string_view array_member_of(Shape shape) {
  switch (shape) {
    case Shape::boolean:
      return "booleanValues";
    case Shape::whole:
    case Shape::long_whole:
      return "longValues";
    case Shape::number:
    case Shape::decimal:
      return "doubleValues";
    default:
      return "stringValues";
  }
}

// "[1,2]" of an array's text.
Answer<void> append_elements(std::string& out, std::string_view text, Shape shape,
                             const Column& column) {
  const auto elements = read_array(text);
  if (!elements) {
    return unsupported(
        fmt::format("The result has an array with several dimensions or with NULL in it, which "
                    "an arrayValue cannot hold: column {}; cast it to text or to jsonb",
                    printable(column.name)));
  }
  out.push_back('[');
  for (const auto& element : *elements) {
    if (out.back() != '[') out.push_back(',');
    append_plain(out, element, shape);
  }
  out.push_back(']');
  return {};
}

// Blobs are read in one of PostgreSQL's two forms; a session may have been told to write the other.
Answer<void> check_blob(std::string_view text, Shape shape, const Column& column) {
  if (shape != Shape::blob || text.starts_with("\\x")) return {};
  return unsupported(
      fmt::format("column {} is written in another form than hex; leave bytea_output "
                  "as it is",
                  printable(column.name)));
}

Answer<void> append_field(std::string& out, const Cell& cell, const Column& column,
                          const ResultOptions& options) {
  if (!cell) {
    out += "{\"isNull\":true}";
    return {};
  }
  if (const auto* element = element_of(column.type)) {
    const Shape shape = shape_of(element, options);
    fmt::format_to(std::back_inserter(out), "{{\"arrayValue\":{{\"{}\":", array_member_of(shape));
    if (auto done = append_elements(out, *cell, shape, column); !done) return done;
    out += "}}";
    return {};
  }
  const Shape shape = shape_of(type_of(column.type), options);
  if (auto fine = check_blob(*cell, shape, column); !fine) return fine;
  fmt::format_to(std::back_inserter(out), "{{\"{}\":", member_of(shape, *cell));
  append_plain(out, *cell, shape);
  out.push_back('}');
  return {};
}

// Of several columns with one name the last is told.
bool is_hidden(const std::vector<Column>& columns, std::size_t at) {
  return std::any_of(columns.begin() + static_cast<std::ptrdiff_t>(at) + 1, columns.end(),
                     [&](const Column& later) { return later.name == columns[at].name; });
}

Answer<std::string> formatted_records(const ResultSet& result, const ResultOptions& options) {
  std::vector<bool> hidden;
  for (std::size_t i = 0; i < result.columns.size(); ++i) {
    hidden.push_back(is_hidden(result.columns, i));
  }
  std::string out = "[";
  for (const auto& row : result.rows) {
    out += out.size() > 1 ? ",{" : "{";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (hidden[i]) continue;
      if (out.back() != '{') out.push_back(',');
      append_json_string(out, result.columns[i].name);
      out.push_back(':');
      const auto* element = element_of(result.columns[i].type);
      if (!row[i]) {
        out += "null";
      } else if (element != nullptr) {
        auto done = append_elements(out, *row[i], shape_of(element, options), result.columns[i]);
        if (!done) return tl::unexpected<Refusal>(std::move(done.error()));
      } else {
        append_plain(out, *row[i], shape_of(type_of(result.columns[i].type), options));
      }
    }
    out.push_back('}');
    if (out.size() > formatted_bytes_max) break;
  }
  return out + "]";
}

// Digits of a numeric, or the characters of a varchar, as its modifier has them.
int precision_of(const Column& column, const TypeInfo* type) {
  constexpr std::int32_t header = 4;
  if (type == nullptr) return 2'147'483'647;
  if (column.modifier < header) return type->precision;
  if (type->shape == Shape::decimal) return (column.modifier - header) >> 16;
  return type->name == "varchar" || type->name == "bpchar" ? column.modifier - header
                                                           : type->precision;
}
int scale_of(const Column& column, const TypeInfo* type) {
  constexpr std::int32_t header = 4;
  if (type == nullptr) return 0;
  if (type->shape == Shape::decimal && column.modifier >= header) {
    return (column.modifier - header) & 0x7ff;
  }
  return type->shape == Shape::number ? type->precision : 0;
}

void append_metadata(std::string& out, const Column& column) {
  const auto* element = element_of(column.type);
  const auto* type = element != nullptr ? element : type_of(column.type);
  const bool is_number =
      type != nullptr && (type->shape == Shape::whole || type->shape == Shape::long_whole ||
                          type->shape == Shape::number || type->shape == Shape::decimal);
  std::string type_name = type == nullptr ? column.type_name : std::string(type->name);
  if (element != nullptr) type_name = fmt::format("_{}", type_name);
  const int own = type == nullptr ? jdbc_other : type->jdbc;
  const bool is_text = type == nullptr || (!is_number && type->shape != Shape::boolean);
  constexpr int no_nulls = 0;
  constexpr int unknown_nulls = 2;
  const int nullable = column.nullable ? (*column.nullable ? 1 : no_nulls) : unknown_nulls;
  fmt::format_to(std::back_inserter(out), "{{\"arrayBaseColumnType\":{},\"isAutoIncrement\":{},",
                 element == nullptr ? 0 : own, column.auto_increment);
  fmt::format_to(std::back_inserter(out),
                 "\"isCaseSensitive\":{},\"isCurrency\":{},\"isSigned\":{},\"label\":", is_text,
                 type_name == "money", is_number);
  append_json_string(out, column.name);
  out += ",\"name\":";
  append_json_string(out, column.name);
  fmt::format_to(
      std::back_inserter(out),
      ",\"nullable\":{},\"precision\":{},\"scale\":{},\"schemaName\":\"\",\"tableName\":", nullable,
      precision_of(column, type), scale_of(column, type));
  append_json_string(out, column.table_name);
  fmt::format_to(std::back_inserter(out),
                 ",\"type\":{},\"typeName\":", element == nullptr ? own : jdbc_array);
  append_json_string(out, type_name);
  out.push_back('}');
}

constexpr std::string_view too_large = "Database response exceeded size limit";

Answer<std::string> json_reply(const ResultSet& result, const ResultOptions& options) {
  auto records = formatted_records(result, options);
  if (!records) return records;
  if (records->size() > formatted_bytes_max) {
    return unsupported(fmt::format("{} of {} bytes", too_large, with_commas(formatted_bytes_max)));
  }
  std::string out = "{\"formattedRecords\":";
  append_json_string(out, *records);
  return out + ",\"numberOfRecordsUpdated\":0}";
}

Answer<std::string> field_reply(const ResultSet& result, const ResultOptions& options) {
  std::string out = "{\"numberOfRecordsUpdated\":0,\"records\":[";
  for (const auto& row : result.rows) {
    out += out.back() == ']' ? ",[" : "[";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out.push_back(',');
      auto done = append_field(out, row[i], result.columns[i], options);
      if (!done) return tl::unexpected<Refusal>(std::move(done.error()));
    }
    out.push_back(']');
    if (out.size() > response_bytes_max) break;
  }
  out.push_back(']');
  if (options.metadata) {
    out += ",\"columnMetadata\":[";
    for (const auto& column : result.columns) {
      if (out.back() != '[') out.push_back(',');
      append_metadata(out, column);
    }
    out.push_back(']');
  }
  out.push_back('}');
  if (out.size() > response_bytes_max) {
    return unsupported(fmt::format("{} of {} bytes", too_large, with_commas(response_bytes_max)));
  }
  return out;
}

}  // namespace

Answer<std::string> execute_reply(const ResultSet& result, const ResultOptions& options) {
  if (result.row_too_large) {
    return unsupported(
        fmt::format("A row of the result is larger than {} bytes", with_commas(row_bytes_max)));
  }
  if (result.too_large) {
    return unsupported(
        fmt::format("{} of {} bytes", too_large,
                    with_commas(options.as_json ? formatted_bytes_max : response_bytes_max)));
  }
  if (!result.has_rows) {
    return fmt::format("{{\"generatedFields\":[],\"numberOfRecordsUpdated\":{}}}", result.updated);
  }
  return options.as_json ? json_reply(result, options) : field_reply(result, options);
}

std::string batch_reply(std::size_t sets) {
  std::string out = "{\"updateResults\":[";
  for (std::size_t i = 0; i < sets; ++i) {
    out += i == 0 ? "{\"generatedFields\":[]}" : ",{\"generatedFields\":[]}";
  }
  return out + "]}";
}

std::string begin_reply(std::string_view transaction) {
  return fmt::format("{{\"transactionId\":\"{}\"}}", transaction);
}

std::string end_reply(std::string_view status) {
  return fmt::format("{{\"transactionStatus\":\"{}\"}}", status);
}

}  // namespace hunt::data_api
