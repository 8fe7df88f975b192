// Field values of requests: what a parameter holds, and how PostgreSQL is given it.
//
// Not those of results (reply.h). Plain values; thread: any.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data_api/refusal.h"
#include "data_api/sql_text.h"

namespace hunt::data_api {

struct Blob {
  std::string bytes;
};
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Blob>;

enum class TypeHint : std::uint8_t { none, json, uuid, timestamp, date, time, decimal };

struct Parameter {
  std::string name;
  Value value;
  TypeHint hint = TypeHint::none;
};

// A parameter as libpq sends it.
struct Bound {
  std::uint32_t type = 0;  // its OID; 0: the server finds out
  bool null = false;
  bool binary = false;
  std::string bytes;
};

// The values in the order of the statement's $1, $2, …. Errors: bad_request for a name that is
// missing, not in the statement or given twice, and for a value that its hint does not take.
[[nodiscard]] Answer<std::vector<Bound>> bind(const SqlText& sql,
                                              const std::vector<Parameter>& parameters);

// Of several sets for one statement: a null without a hint takes the type that its parameter has in
// another set, so that the statement is prepared once. Returns how often it has to be.
[[nodiscard]] std::size_t settle_types(std::vector<std::vector<Bound>>& sets);

}  // namespace hunt::data_api
