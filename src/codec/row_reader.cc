#include "codec/row_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "codec/json_syntax.h"

namespace hunt::codec {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// floor() of "-?digits[.digits]", exactly; nothing when it is no such text or far outside int32.
struct Decimal {
  std::int64_t floor = 0;
  bool fraction = false;
};
std::optional<Decimal> parse_decimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view part =
      dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  if (whole.empty() || !std::all_of(whole.begin(), whole.end(), is_digit)) return {};
  if (dot != std::string_view::npos && part.empty()) return {};
  if (!std::all_of(part.begin(), part.end(), is_digit)) return {};
  Decimal value;
  for (const char c : whole) {
    value.floor = std::min<std::int64_t>(value.floor * 10 + (c - '0'), std::int64_t{1} << 40);
  }
  value.fraction = part.find_first_not_of('0') != std::string_view::npos;
  if (negative) value.floor = -value.floor - (value.fraction ? 1 : 0);
  return value;
}

std::string_view json_type_name(simdjson::ondemand::json_type type) {
  switch (type) {
    case simdjson::ondemand::json_type::array:
      return "an array";
    case simdjson::ondemand::json_type::object:
      return "an object";
    case simdjson::ondemand::json_type::boolean:
      return "a boolean";
    default:
      return "neither text nor a number";
  }
}

// What the first line shows to be a form that is not read, and what to do; empty: none of them.
std::string_view mistaken_form(std::string_view line) {
  if (line.starts_with('[')) {
    return "the file is a JSON array; write one object a line (jq -c '.[]' FILE)";
  }
  if (line.starts_with('{')) {
    const bool goes_on = line.ends_with('{') || line.ends_with(',') || line.ends_with('[');
    if (!goes_on) return {};
    return "the JSON object goes on in the next line; write one object a line (jq -c . FILE)";
  }
  if (line.find('\r') != std::string_view::npos) {
    return "its lines end with CR alone; save it with LF or CRLF";
  }
  if (line.find(',') != std::string_view::npos) return {};
  if (line.find(';') != std::string_view::npos) {
    return "its columns are separated by semicolons; separate them with commas";
  }
  if (line.find('\t') != std::string_view::npos) {
    return "its columns are separated by tabs; separate them with commas";
  }
  if (line.find('|') != std::string_view::npos) {
    return "its columns are separated by '|'; separate them with commas";
  }
  return {};
}

}  // namespace

struct RowReader::Json {
  simdjson::ondemand::parser parser;
  std::string padded;
};

std::optional<FileFormat> parse_file_format(std::string_view text) noexcept {
  if (text == "csv") return FileFormat::csv;
  if (text == "jsonl") return FileFormat::jsonl;
  return {};
}

void BadRows::add(const Error& error) {
  ++count;
  if (messages.size() < messages_max) messages.push_back(error.message);
}

RowReader::RowReader(LineReader lines, std::span<const Column> columns, FileFormat format)
    : lines_(std::move(lines)), columns_(columns), format_(format), fields_(columns.size()) {}
RowReader::~RowReader() = default;
RowReader::RowReader(RowReader&&) noexcept = default;

tl::unexpected<Error> RowReader::bad(std::string_view what, std::string_view field) const {
  return fail(Errc::invalid_argument, fmt::format("{} row {}: {}", name(), row(), what),
              std::string(field));
}

std::string_view RowReader::text(std::size_t column) const noexcept {
  const Field& field = fields_[column];
  return std::string_view(values_).substr(field.at, field.size);
}

void RowReader::put(std::size_t column, std::string_view value) {
  fields_[column] = {values_.size(), value.size()};
  values_.append(value);
}

std::optional<std::size_t> RowReader::column_of(std::string_view column) const noexcept {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == column) return i;
  }
  return {};
}

std::string RowReader::known_columns() const {
  std::string names;
  for (const Column& column : columns_) {
    if (!names.empty()) names += ", ";
    names += column.name;
    if (!column.required) names += " (optional)";
  }
  return names;
}

Result<bool> RowReader::next() {
  std::string_view line;
  while (true) {
    auto more = lines_.next(line);
    if (!more || !*more) return more;
    if (trimmed(line).empty()) continue;
    if (!started_) {
      started_ = true;
      if (const std::string_view mistaken = mistaken_form(trimmed(line)); !mistaken.empty()) {
        fatal_ = true;
        return bad(mistaken);
      }
      if (format_ == FileFormat::detect) {
        format_ = trimmed(line).starts_with('{') ? FileFormat::jsonl : FileFormat::csv;
      }
      if (format_ == FileFormat::csv) {
        auto header = read_header(line);
        fatal_ = !header;
        if (!header) return tl::unexpected<Error>(std::move(header).error());
        continue;
      }
    }
    values_.clear();
    std::fill(fields_.begin(), fields_.end(), Field{});
    auto read = format_ == FileFormat::csv ? read_csv(line) : read_json(line);
    if (!read) return tl::unexpected<Error>(std::move(read).error());
    HUNT_CHECK(check_required());
    return true;
  }
}

Result<void> RowReader::check_required() const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].required && fields_[i].size == 0) {
      return bad(fmt::format("{} is missing", columns_[i].name), columns_[i].name);
    }
  }
  return {};
}

// Splits a CSV line into cells_ (RFC 4180 quotes, except that no line end may be quoted).
Result<bool> RowReader::split(std::string_view line) {
  cell_count_ = 0;
  std::size_t at = 0;
  while (true) {
    if (cell_count_ == cells_.size()) cells_.emplace_back();
    std::string& cell = cells_[cell_count_++];
    cell.clear();
    at = std::min(line.find_first_not_of(blanks, at), line.size());
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        const std::size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) {
          return bad(fmt::format("the quote of field {} does not end", cell_count_));
        }
        cell.append(line.substr(at, quote - at));
        at = quote + 1;
        if (at >= line.size() || line[at] != '"') break;
        cell.push_back('"');
      }
      at = std::min(line.find_first_not_of(blanks, at), line.size());
      if (at < line.size() && line[at] != ',') {
        return bad(fmt::format("text follows the quote of field {}", cell_count_));
      }
    } else {
      const std::size_t comma = std::min(line.find(',', at), line.size());
      cell = trimmed(line.substr(at, comma - at));
      at = comma;
    }
    if (at >= line.size()) return true;
    ++at;  // the comma
  }
}

Result<void> RowReader::read_header(std::string_view line) {
  HUNT_CHECK(split(line));
  std::vector<std::string_view> names;
  for (const Column& column : columns_) names.push_back(column.name);
  std::vector<bool> seen(columns_.size(), false);
  for (std::size_t i = 0; i < cell_count_; ++i) {
    const auto column = column_of(cells_[i]);
    if (!column) {
      return bad(fmt::format("column \"{}\" is not known{}; columns are {}", printable(cells_[i]),
                             did_you_mean(cells_[i], names), known_columns()),
                 printable(cells_[i]));
    }
    if (seen[*column]) return bad(fmt::format("column {} stands twice", cells_[i]), cells_[i]);
    seen[*column] = true;
    order_.push_back(*column);
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].required && !seen[i]) {
      return bad(
          fmt::format("column {} is missing; columns are {}", columns_[i].name, known_columns()),
          columns_[i].name);
    }
  }
  return {};
}

Result<void> RowReader::read_csv(std::string_view line) {
  HUNT_CHECK(split(line));
  if (cell_count_ != order_.size()) {
    return bad(
        fmt::format("{} fields, but the header names {} columns", cell_count_, order_.size()));
  }
  for (std::size_t i = 0; i < cell_count_; ++i) put(order_[i], cells_[i]);
  return {};
}

Result<void> RowReader::read_json(std::string_view line) {
  namespace od = simdjson::ondemand;
  if (!json_) json_ = std::make_unique<Json>();
  std::string& padded = json_->padded;
  padded.assign(line);
  padded.resize(line.size() + simdjson::SIMDJSON_PADDING);
  const auto broken = [this, line](simdjson::error_code error) {
    if (const auto syntax = find_syntax_error(line)) return bad(syntax->message);
    return bad(fmt::format("not a JSON object: {}", simdjson::error_message(error)));
  };
  od::document document;
  od::object object;
  if (auto error = json_->parser.iterate(padded.data(), line.size(), padded.size()).get(document)) {
    return broken(error);
  }
  if (auto error = document.get_object().get(object)) return broken(error);
  std::vector<std::string_view> names;
  for (const Column& column : columns_) names.push_back(column.name);
  std::vector<bool> seen(columns_.size(), false);
  for (auto field : object) {
    std::string_view key;
    if (auto error = field.unescaped_key().get(key)) return broken(error);
    const auto column = column_of(key);
    if (!column) {
      return bad(
          fmt::format("field \"{}\" is not known{}", printable(key), did_you_mean(key, names)),
          printable(key));
    }
    if (seen[*column]) return bad(fmt::format("field {} stands twice", key), key);
    seen[*column] = true;
    od::value value;
    od::json_type type{};
    if (auto error = field.value().get(value)) return broken(error);
    if (auto error = value.type().get(type)) return broken(error);
    if (type == od::json_type::string) {
      std::string_view text;
      if (auto error = value.get_string().get(text)) return broken(error);
      put(*column, text);
    } else if (type == od::json_type::number) {
      std::string_view token = value.raw_json_token();
      token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
      double number = 0;  // consumes the value, and checks that it is a JSON number
      if (auto error = value.get_double().get(number)) return broken(error);
      put(*column, token);
    } else if (type != od::json_type::null) {
      return bad(fmt::format("{} is {}", key, json_type_name(type)), key);
    } else if (bool null = false; value.is_null().get(null) != simdjson::SUCCESS || !null) {
      return bad(fmt::format("{} is no JSON value", key), key);
    }
  }
  const char* rest = nullptr;
  const auto located = document.current_location().get(rest);  // out of bounds: nothing is left
  if (located == simdjson::SUCCESS) return bad("text follows the JSON object");
  return {};
}

Result<std::int32_t> RowReader::floor_tile(std::size_t column) const {
  const std::string_view name = columns_[column].name;
  const auto value = parse_decimal(text(column));
  if (!value) {
    return bad(
        fmt::format("{} is \"{}\", expected a decimal number", name, printable(text(column))),
        name);
  }
  if (value->floor < std::numeric_limits<std::int32_t>::min() ||
      value->floor > std::numeric_limits<std::int32_t>::max()) {
    return bad(
        fmt::format("{} is {}, outside -2147483648 to 2147483647", name, printable(text(column))),
        name);
  }
  return static_cast<std::int32_t>(value->floor);
}

Result<std::int32_t> RowReader::whole_tile(std::size_t column) const {
  const auto value = parse_decimal(text(column));
  if (value && text(column).find('.') != std::string_view::npos) {
    return bad(fmt::format("{} is {}, expected a whole number", columns_[column].name,
                           printable(text(column))),
               columns_[column].name);
  }
  return floor_tile(column);
}

}  // namespace hunt::codec
