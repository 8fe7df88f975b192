#include "data_api/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>

#include "base/text.h"
#include "data_api/base64.h"
#include "data_api/client_request.h"
#include "data_api/limits.h"

namespace hunt::data_api {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 16;

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}
std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

tl::unexpected<Refusal> malformed(std::string message) {
  return refuse(Failure::serialization, std::move(message));
}
tl::unexpected<Refusal> invalid(std::string_view member, std::string_view what) {
  return refuse(Failure::validation,
                fmt::format("1 validation error detected: Value at '{}' failed to satisfy "
                            "constraint: {}",
                            printable(member), what));
}
tl::unexpected<Refusal> wrong_type(std::string_view member, std::string_view expected) {
  return malformed(
      fmt::format("'{}' has a value of another type; expected {}", printable(member), expected));
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

// A member that is null is one that is not there.
Answer<void> read_text(const json::value& value, std::string_view member, std::size_t min,
                       std::size_t max, std::string& out) {
  if (value.is_null()) return {};
  if (!value.is_string()) return wrong_type(member, "a string");
  const auto text = view(value.get_string());
  const std::size_t count = characters_of(text);
  if (count < min) {
    return invalid(member, fmt::format("Member must have length greater than or equal to {}", min));
  }
  if (count > max) {
    return invalid(member, fmt::format("Member must have length less than or equal to {}", max));
  }
  out = text;
  return {};
}

Answer<void> read_flag(const json::value& value, std::string_view member, bool& out) {
  if (value.is_null()) return {};
  if (!value.is_bool()) return wrong_type(member, "true or false");
  out = value.get_bool();
  return {};
}

// One of two words; `out` is whether it is the second.
Answer<void> read_word(const json::value& value, std::string_view member, std::string_view first,
                       std::string_view second, bool& out) {
  if (value.is_null()) return {};
  if (!value.is_string()) return wrong_type(member, "a string");
  const auto word = view(value.get_string());
  if (word != first && word != second) {
    return invalid(member,
                   fmt::format("Member must satisfy enum value set: [{}, {}]", first, second));
  }
  out = word == second;
  return {};
}

tl::unexpected<Refusal> unknown(std::string_view member, std::span<const std::string_view> known) {
  return malformed(
      fmt::format("'{}' is no member here{}", printable(member), did_you_mean(member, known)));
}

Answer<Value> read_double(const json::value& value, std::string_view member) {
  if (value.is_double()) return Value(value.get_double());
  if (value.is_int64()) return Value(static_cast<double>(value.get_int64()));
  if (value.is_uint64()) return Value(static_cast<double>(value.get_uint64()));
  if (value.is_string()) {
    const auto word = view(value.get_string());
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (word == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
    if (word == "Infinity") return Value(infinity);
    if (word == "-Infinity") return Value(-infinity);
  }
  return wrong_type(member, "a number");
}

constexpr std::array<std::string_view, 7> field_members = {
    "isNull", "booleanValue", "longValue", "doubleValue", "stringValue", "blobValue", "arrayValue"};

Answer<Value> read_union(std::string_view name, const json::value& value, std::string_view place) {
  const std::string member = fmt::format("{}.{}", place, name);
  if (name == "isNull") {
    if (!value.is_bool()) return wrong_type(member, "true");
    if (!value.get_bool()) {
      return refuse(Failure::bad_request,
                    fmt::format("{} is false; give the value instead", printable(member)));
    }
    return Value();
  }
  if (name == "booleanValue") {
    if (!value.is_bool()) return wrong_type(member, "true or false");
    return Value(value.get_bool());
  }
  if (name == "longValue") {
    if (!value.is_int64()) return wrong_type(member, "a whole number of 64 bits");
    return Value(value.get_int64());
  }
  if (name == "doubleValue") return read_double(value, member);
  if (name == "arrayValue") {
    return refuse(Failure::bad_request, "Array parameters are not supported.");
  }
  if (name != "stringValue" && name != "blobValue") return unknown(name, field_members);
  if (!value.is_string()) return wrong_type(member, "a string");
  if (name == "stringValue") return Value(std::string(view(value.get_string())));
  auto bytes = decode_base64(view(value.get_string()));
  if (!bytes) return wrong_type(member, "base64");
  return Value(Blob{std::move(*bytes)});
}

Answer<Value> read_field(const json::value& value, std::string_view place) {
  if (!value.is_object()) return wrong_type(place, "an object");
  const json::value* only = nullptr;
  std::string_view name;
  for (const auto& [key, member] : value.get_object()) {
    if (member.is_null()) continue;
    if (only != nullptr) {
      return malformed(fmt::format("'{}' has two members of a union, {} and {}; give one",
                                   printable(place), printable(name), printable(view(key))));
    }
    only = &member;
    name = view(key);
  }
  if (only == nullptr) {
    return refuse(Failure::bad_request,
                  fmt::format("{} has a value with no field set", printable(place)));
  }
  return read_union(name, *only, place);
}

constexpr std::array<std::string_view, 6> hint_words = {"JSON", "UUID", "TIMESTAMP",
                                                        "DATE", "TIME", "DECIMAL"};

Answer<TypeHint> read_hint(const json::value& value, const std::string& member) {
  if (value.is_null()) return TypeHint::none;
  if (!value.is_string()) return wrong_type(member, "a string");
  const auto found = std::find(hint_words.begin(), hint_words.end(), view(value.get_string()));
  if (found == hint_words.end()) {
    return invalid(member,
                   "Member must satisfy enum value set: [JSON, UUID, TIMESTAMP, DATE, TIME, "
                   "DECIMAL]");
  }
  return static_cast<TypeHint>(found - hint_words.begin() + 1);
}

Answer<Parameter> read_parameter(const json::value& value, const std::string& place) {
  constexpr std::array<std::string_view, 3> known = {"name", "value", "typeHint"};
  if (!value.is_object()) return wrong_type(place, "an object");
  Parameter parameter;
  bool has_value = false;
  for (const auto& [key, member] : value.get_object()) {
    const auto name = view(key);
    const std::string where = fmt::format("{}.{}", place, name);
    if (name == "name") {
      if (!member.is_string()) return wrong_type(where, "a string");
      parameter.name = view(member.get_string());
    } else if (name == "value") {
      auto read = read_field(member, where);
      if (!read) return tl::unexpected<Refusal>(std::move(read.error()));
      parameter.value = std::move(*read);
      has_value = true;
    } else if (name == "typeHint") {
      const auto hint = read_hint(member, where);
      if (!hint) return tl::unexpected<Refusal>(hint.error());
      parameter.hint = *hint;
    } else {
      return unknown(name, known);
    }
  }
  if (parameter.name.empty()) {
    return refuse(Failure::bad_request, fmt::format("{} has no name", place));
  }
  if (!has_value) {
    return refuse(Failure::bad_request,
                  fmt::format("The parameter {} has no value", printable(parameter.name)));
  }
  return parameter;
}

Answer<std::vector<Parameter>> read_set(const json::value& value, const std::string& place) {
  if (!value.is_array()) return wrong_type(place, "a list");
  std::vector<Parameter> set;
  for (const auto& one : value.get_array()) {
    auto parameter = read_parameter(one, fmt::format("{}[{}]", place, set.size()));
    if (!parameter) return tl::unexpected<Refusal>(std::move(parameter.error()));
    set.push_back(std::move(*parameter));
  }
  return set;
}

Answer<void> read_sets(const json::value& value, bool several, Request& out) {
  if (value.is_null()) return {};
  if (!several) {
    auto set = read_set(value, "parameters");
    if (!set) return tl::unexpected<Refusal>(std::move(set.error()));
    out.sets.front() = std::move(*set);
    return {};
  }
  if (!value.is_array()) return wrong_type("parameterSets", "a list of lists");
  const std::size_t count = value.get_array().size();
  if (count > batch_sets_max) {
    return refuse(Failure::bad_request,
                  fmt::format("parameterSets has {} sets, whose answer would be larger than {} "
                              "bytes; send at most {} at a time",
                              with_commas(count), with_commas(response_bytes_max),
                              with_commas(batch_sets_max)));
  }
  out.sets.clear();
  out.sets.reserve(count);
  for (const auto& one : value.get_array()) {
    auto set = read_set(one, fmt::format("parameterSets[{}]", out.sets.size()));
    if (!set) return tl::unexpected<Refusal>(std::move(set.error()));
    out.sets.push_back(std::move(*set));
  }
  return {};
}

Answer<void> read_result_options(const json::value& value, ResultOptions& out) {
  constexpr std::array<std::string_view, 2> known = {"decimalReturnType", "longReturnType"};
  if (value.is_null()) return {};
  if (!value.is_object()) return wrong_type("resultSetOptions", "an object");
  for (const auto& [key, member] : value.get_object()) {
    Answer<void> read;
    if (view(key) == known[0]) {
      read = read_word(member, known[0], "STRING", "DOUBLE_OR_LONG", out.decimal_numbers);
    } else if (view(key) == known[1]) {
      read = read_word(member, known[1], "LONG", "STRING", out.long_strings);
    } else {
      return unknown(view(key), known);
    }
    if (!read) return read;
  }
  return {};
}

// Which operations take which member.
struct Member {
  std::string_view name;
  std::array<bool, operation_count> taken;  // in the order of Operation
};
constexpr std::array members{
    Member{"resourceArn", {true, true, true, true, true}},
    Member{"secretArn", {true, true, true, true, true}},
    Member{"sql", {true, true, false, false, false}},
    Member{"database", {true, true, true, false, false}},
    Member{"schema", {true, true, true, false, false}},
    Member{"parameters", {true, false, false, false, false}},
    Member{"parameterSets", {false, true, false, false, false}},
    Member{"transactionId", {true, true, false, true, true}},
    Member{"includeResultMetadata", {true, false, false, false, false}},
    Member{"continueAfterTimeout", {true, false, false, false, false}},
    Member{"resultSetOptions", {true, false, false, false, false}},
    Member{"formatRecordsAs", {true, false, false, false, false}},
};

Answer<void> read_schema(const json::value& value) {
  if (value.is_null()) return {};
  return refuse(Failure::bad_request,
                "The schema parameter isn't supported; name the schema in sql, or set search_path "
                "for the role");
}

Answer<void> read_member(std::string_view name, const json::value& value, Request& out) {
  constexpr std::size_t arn_min = arn_characters_min;
  constexpr std::size_t arn_max = arn_characters_max;
  if (name == "resourceArn") return read_text(value, name, arn_min, arn_max, out.resource);
  if (name == "secretArn") return read_text(value, name, arn_min, arn_max, out.secret);
  if (name == "sql") return read_text(value, name, 0, sql_characters_max, out.sql);
  if (name == "database") return read_text(value, name, 0, database_characters_max, out.database);
  if (name == "schema") return read_schema(value);
  if (name == "parameters") return read_sets(value, false, out);
  if (name == "parameterSets") return read_sets(value, true, out);
  if (name == "transactionId") {
    return read_text(value, name, 0, transaction_characters_max, out.transaction);
  }
  if (name == "includeResultMetadata") return read_flag(value, name, out.result.metadata);
  if (name == "continueAfterTimeout") return read_flag(value, name, out.continue_after_timeout);
  if (name == "resultSetOptions") return read_result_options(value, out.result);
  return read_word(value, name, "NONE", "JSON", out.result.as_json);
}

Answer<void> check_required(Operation operation, const Request& request) {
  const bool has_sql = operation == Operation::execute || operation == Operation::batch_execute;
  const bool ends = operation == Operation::commit || operation == Operation::rollback;
  constexpr std::string_view missing = "Member must not be null";
  if (request.resource.empty()) return invalid("resourceArn", missing);
  if (request.secret.empty()) return invalid("secretArn", missing);
  if (has_sql && request.sql.empty()) return invalid("sql", missing);
  if (ends && request.transaction.empty()) return invalid("transactionId", missing);
  if (request.database.find('\0') != std::string::npos) {
    return invalid("database", "Member must not hold a zero byte");
  }
  return {};
}

Answer<json::value> parse(std::string_view body, json::monotonic_resource& memory) {
  json::parse_options how;
  how.max_depth = depth_max;
  json::error_code error;
  json::value value = json::parse({body.data(), body.size()}, error, &memory, how);
  if (error) return malformed(fmt::format("the body is no JSON: {}", error.message()));
  if (!value.is_object()) return malformed("the body is no JSON object");
  return value;
}

}  // namespace

std::optional<Operation> operation_of(std::string_view path) noexcept {
  for (std::size_t i = 0; i < operation_count; ++i) {
    const auto operation = static_cast<Operation>(i);
    if (path_of(operation) == path) return operation;
  }
  return {};
}

Answer<Request> read_request(Operation operation, std::string_view body) {
  json::monotonic_resource memory;
  const auto value = parse(body, memory);
  if (!value) return tl::unexpected<Refusal>(value.error());
  std::vector<std::string_view> known;
  for (const auto& member : members) {
    if (member.taken[static_cast<std::size_t>(operation)]) known.push_back(member.name);
  }
  Request request;
  request.sets.resize(1);
  for (const auto& [key, member] : value->get_object()) {
    const auto name = view(key);
    if (std::find(known.begin(), known.end(), name) == known.end()) return unknown(name, known);
    if (const auto read = read_member(name, member, request); !read) {
      return tl::unexpected<Refusal>(read.error());
    }
  }
  if (const auto fine = check_required(operation, request); !fine) {
    return tl::unexpected<Refusal>(fine.error());
  }
  return request;
}

}  // namespace hunt::data_api
