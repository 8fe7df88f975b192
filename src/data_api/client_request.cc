#include "data_api/client_request.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>

#include "base/json_string.h"
#include "data_api/base64.h"

namespace hunt::data_api {
namespace {

constexpr std::array<std::string_view, operation_count> paths = {
    "/Execute", "/BatchExecute", "/BeginTransaction", "/CommitTransaction", "/RollbackTransaction"};
constexpr std::array<std::string_view, 7> hint_words = {"",     "JSON", "UUID",   "TIMESTAMP",
                                                        "DATE", "TIME", "DECIMAL"};

void append_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

// {"longValue":7}
void append_field(std::string& out, const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) {
    out += "{\"isNull\":true}";
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? "{\"booleanValue\":true}" : "{\"booleanValue\":false}";
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    fmt::format_to(std::back_inserter(out), "{{\"longValue\":{}}}", *whole);
  } else if (const auto* number = std::get_if<double>(&value)) {
    out += "{\"doubleValue\":";
    append_double(out, *number);
    out.push_back('}');
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out += "{\"stringValue\":";
    append_json_string(out, *text);
    out.push_back('}');
  } else {
    out += "{\"blobValue\":\"";
    append_base64(out, std::get<Blob>(value).bytes);
    out += "\"}";
  }
}

void append_set(std::string& out, const std::vector<Parameter>& set) {
  out.push_back('[');
  for (const auto& parameter : set) {
    if (out.back() != '[') out.push_back(',');
    out += "{\"name\":";
    append_json_string(out, parameter.name);
    out += ",\"value\":";
    append_field(out, parameter.value);
    if (parameter.hint != TypeHint::none) {
      fmt::format_to(std::back_inserter(out), ",\"typeHint\":\"{}\"",
                     hint_words[static_cast<std::size_t>(parameter.hint)]);
    }
    out.push_back('}');
  }
  out.push_back(']');
}

void append_text(std::string& out, std::string_view member, std::string_view text) {
  if (text.empty()) return;
  out += out.size() > 1 ? ",\"" : "\"";
  out += member;
  out += "\":";
  append_json_string(out, text);
}

void append_statement(std::string& out, const Request& request) {
  append_text(out, "sql", request.sql);
  if (request.continue_after_timeout) out += ",\"continueAfterTimeout\":true";
  if (request.result.metadata) out += ",\"includeResultMetadata\":true";
  if (request.result.as_json) out += ",\"formatRecordsAs\":\"JSON\"";
  if (request.result.long_strings || request.result.decimal_numbers) {
    out += ",\"resultSetOptions\":{";
    if (request.result.long_strings) out += "\"longReturnType\":\"STRING\"";
    if (request.result.long_strings && request.result.decimal_numbers) out.push_back(',');
    if (request.result.decimal_numbers) out += "\"decimalReturnType\":\"DOUBLE_OR_LONG\"";
    out.push_back('}');
  }
  if (request.sets.empty() || request.sets.front().empty()) return;
  out += ",\"parameters\":";
  append_set(out, request.sets.front());
}

void append_batch(std::string& out, const Request& request) {
  append_text(out, "sql", request.sql);
  out += ",\"parameterSets\":[";
  for (const auto& set : request.sets) {
    if (out.back() != '[') out.push_back(',');
    append_set(out, set);
  }
  out.push_back(']');
}

}  // namespace

std::string_view path_of(Operation operation) noexcept {
  return paths[static_cast<std::size_t>(operation)];
}

std::string write_request(Operation operation, const Request& request) {
  std::string out = "{";
  append_text(out, "resourceArn", request.resource);
  append_text(out, "secretArn", request.secret);
  if (operation != Operation::commit && operation != Operation::rollback) {
    append_text(out, "database", request.database);
  }
  if (operation != Operation::begin) append_text(out, "transactionId", request.transaction);
  if (operation == Operation::execute) append_statement(out, request);
  if (operation == Operation::batch_execute) append_batch(out, request);
  out.push_back('}');
  return out;
}

}  // namespace hunt::data_api
