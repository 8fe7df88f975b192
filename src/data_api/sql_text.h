// SqlText: a statement with :name parameters, as PostgreSQL takes it, with $1, $2, ….
//
// Not a parser of SQL: it knows what can hold a colon that is no parameter (strings, identifiers,
// dollar quotes, comments, casts, slices of arrays) and where a statement ends. Pure; thread: any.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data_api/refusal.h"

namespace hunt::data_api {

struct SqlText {
  std::string text;
  std::vector<std::string> names;                       // names[0] is $1; each once
  std::unordered_map<std::string, std::size_t> places;  // where a name stands in them
  std::string first_word;                               // lower case: "select"
  // Begins, ends or prepares a transaction; savepoints do not.
  bool controls_transaction = false;
  // May leave something behind in its session (settings, locks, temporary tables, cursors),
  // whatever the functions in `calls` do.
  bool marks_session = false;
  // Functions, by the names that they are called by, of which nothing is known here: they may, too.
  std::vector<std::string> calls;
};

// Errors: bad_request (empty, a zero byte, $1 in it, a quote or comment without its end),
// validation (several statements).
[[nodiscard]] Answer<SqlText> read_sql(std::string_view sql);

}  // namespace hunt::data_api
