// Which names before a parenthesis leave nothing behind in a session.
//
// Not whether a function may be called: all may. A list of what is known to be harmless, for a list
// of what is not is never whole (query_to_xml() runs a statement, dblink() keeps connections, and a
// function of somebody's own does what it likes). Pure; thread: any.
#pragma once
#include <string_view>

namespace hunt::data_api {

// `name` as PostgreSQL has it after it made it small: a function or type of pg_catalog, or a word
// of SQL that a parenthesis may follow.
[[nodiscard]] bool is_harmless_call(std::string_view name) noexcept;

}  // namespace hunt::data_api
