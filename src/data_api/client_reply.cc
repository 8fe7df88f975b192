#include "data_api/client_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <optional>

#include "base/text.h"
#include "data_api/base64.h"

namespace hunt::data_api {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 16;
constexpr std::size_t message_bytes_max = 2'000;

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}
std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

tl::unexpected<Error> strange(std::string_view what) {
  return fail(Errc::corrupt, fmt::format("the answer of the Data API {}", what));
}

std::optional<json::value> parse(std::string_view text, json::storage_ptr memory) {
  json::parse_options how;
  how.max_depth = depth_max;
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, std::move(memory), how);
  if (error) return {};
  return value;
}

std::optional<Value> read_double(const json::value& value) {
  if (value.is_number()) return Value(value.to_number<double>());
  if (!value.is_string()) return {};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto word = view(value.get_string());
  if (word == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
  if (word == "Infinity") return Value(infinity);
  if (word == "-Infinity") return Value(-infinity);
  return {};
}

// A Field: {"longValue":7}.
std::optional<Value> read_field(const json::value& value) {
  if (!value.is_object() || value.get_object().size() != 1) return {};
  const auto& member = *value.get_object().begin();
  const auto name = view(member.key());
  const json::value& held = member.value();
  if (name == "isNull" && held.is_bool() && held.get_bool()) return Value();
  if (name == "booleanValue" && held.is_bool()) return Value(held.get_bool());
  if (name == "longValue" && held.is_int64()) return Value(held.get_int64());
  if (name == "doubleValue") return read_double(held);
  if (name == "stringValue" && held.is_string()) return Value(std::string(view(held.get_string())));
  if (name != "blobValue" || !held.is_string()) return {};
  auto bytes = decode_base64(view(held.get_string()));
  if (!bytes) return {};
  return Value(Blob{std::move(*bytes)});
}

// A value of formattedRecords: 7.
std::optional<Value> read_plain(const json::value& value) {
  if (value.is_null()) return Value();
  if (value.is_bool()) return Value(value.get_bool());
  if (value.is_int64()) return Value(value.get_int64());
  if (value.is_double()) return Value(value.get_double());
  if (value.is_string()) return Value(std::string(view(value.get_string())));
  return {};
}

// Whether the row fits to those before it.
bool take_row(ReplyRows& out, std::vector<Value> row) {
  if (out.rows.empty()) out.columns = row.size();
  if (row.size() != out.columns || row.empty()) return false;
  out.rows.push_back(std::move(row));
  return true;
}

Result<ReplyRows> read_records(const json::value& records) {
  ReplyRows out;
  if (!records.is_array()) return strange("has records that are no list");
  for (const auto& one : records.get_array()) {
    if (!one.is_array()) return strange("has a record that is no list");
    std::vector<Value> row;
    for (const auto& field : one.get_array()) {
      auto value = read_field(field);
      if (!value) return strange("has a field that is none of the kinds that were asked for");
      row.push_back(std::move(*value));
    }
    if (!take_row(out, std::move(row))) return strange("has records of different length");
  }
  return out;
}

Result<ReplyRows> read_formatted(const json::value& formatted) {
  ReplyRows out;
  if (!formatted.is_string()) return strange("has formattedRecords that are no text");
  json::monotonic_resource memory;
  const auto records = parse(view(formatted.get_string()), &memory);
  if (!records || !records->is_array()) return strange("has formattedRecords that are no list");
  for (const auto& one : records->get_array()) {
    if (!one.is_object()) return strange("has a formatted record that is no object");
    std::vector<Value> row;
    for (const auto& member : one.get_object()) {
      auto value = read_plain(member.value());
      if (!value) return strange("has a formatted value of a kind that was not asked for");
      row.push_back(std::move(*value));
    }
    if (!take_row(out, std::move(row))) return strange("has formatted records of different length");
  }
  return out;
}

// "…; SQLState: 23505"; AWS has it last, with or without what its driver adds behind.
std::string state_in(std::string_view message) {
  constexpr std::string_view word = "SQLState: ";
  constexpr std::size_t length = 5;
  const auto at = message.rfind(word);
  if (at == std::string_view::npos) return {};
  const std::string_view state = message.substr(at + word.size(), length);
  const bool plain = std::all_of(state.begin(), state.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  });
  return plain && state.size() == length ? std::string(state) : std::string();
}

// "aws.protocols#DatabaseErrorException:http://…" is DatabaseErrorException.
std::string plain_name(std::string_view type) {
  type = type.substr(0, type.find(':'));
  if (const auto hash = type.rfind('#'); hash != std::string_view::npos) {
    type = type.substr(hash + 1);
  }
  return printable(type);
}

}  // namespace

Result<ReplyRows> read_rows(std::string_view body) {
  json::monotonic_resource memory;
  const auto value = parse(body, &memory);
  if (!value || !value->is_object()) return strange("is no JSON object");
  const auto& object = value->get_object();
  if (const auto* formatted = object.if_contains("formattedRecords");
      formatted != nullptr && !formatted->is_null()) {
    return read_formatted(*formatted);
  }
  const auto* records = object.if_contains("records");
  if (records != nullptr && !records->is_null()) return read_records(*records);
  if (object.if_contains("numberOfRecordsUpdated") == nullptr) {
    return strange("has neither records nor a count");
  }
  return ReplyRows{};
}

Result<std::string> read_transaction(std::string_view body) {
  json::monotonic_resource memory;
  const auto value = parse(body, &memory);
  if (!value || !value->is_object()) return strange("is no JSON object");
  const auto* id = value->get_object().if_contains("transactionId");
  if (id == nullptr || !id->is_string() || id->get_string().empty()) {
    return strange("names no transaction");
  }
  return std::string(view(id->get_string()));
}

ReplyFailure read_failure(std::string_view type, std::string_view body) {
  ReplyFailure failure;
  failure.name = plain_name(type);
  json::monotonic_resource memory;
  const auto value = parse(body, &memory);
  if (!value || !value->is_object()) return failure;
  const auto text = [&value](std::string_view name) -> std::string_view {
    const auto* found = value->get_object().if_contains({name.data(), name.size()});
    return found != nullptr && found->is_string() ? view(found->get_string())
                                                  : std::string_view("");
  };
  for (const auto name : {"code", "Code", "__type"}) {
    if (failure.name.empty()) failure.name = plain_name(text(name));
  }
  for (const auto name : {"message", "Message"}) {
    if (failure.message.empty()) failure.message = text(name).substr(0, message_bytes_max);
  }
  failure.state = state_in(text("message").empty() ? text("Message") : text("message"));
  return failure;
}

}  // namespace hunt::data_api
