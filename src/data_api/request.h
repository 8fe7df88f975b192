// Request: what a body of the Data API asks for, read strictly.
//
// Not HTTP and not signatures. Unknown members, two members of a union and numbers that do not fit
// are refused, each with the member's name. Pure; thread: any.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data_api/field.h"
#include "data_api/refusal.h"

namespace hunt::data_api {

enum class Operation : std::uint8_t { execute, batch_execute, begin, commit, rollback };
inline constexpr std::size_t operation_count = 5;
inline constexpr std::string_view operation_names[] = {"ExecuteStatement", "BatchExecuteStatement",
                                                       "BeginTransaction", "CommitTransaction",
                                                       "RollbackTransaction"};
// By the path of its requests; nothing for any other.
[[nodiscard]] std::optional<Operation> operation_of(std::string_view path) noexcept;

struct ResultOptions {
  bool metadata = false;
  bool as_json = false;          // formatRecordsAs
  bool decimal_numbers = false;  // decimalReturnType DOUBLE_OR_LONG
  bool long_strings = false;     // longReturnType STRING
};

struct Request {
  std::string resource;
  std::string secret;
  std::string database;  // empty: the resource's own
  std::string sql;
  std::string transaction;                   // empty: none
  std::vector<std::vector<Parameter>> sets;  // ExecuteStatement: one
  bool continue_after_timeout = false;
  ResultOptions result;
};

[[nodiscard]] Answer<Request> read_request(Operation operation, std::string_view body);

}  // namespace hunt::data_api
