// OwnFunctions: functions of a hunt's schema that leave nothing behind in the session that calls
// them, and how a database shows that it has these and no others by their names.
//
// Not whether a statement calls them (data_api/sql_text.h). They set nothing outside of themselves,
// take locks only until the end of the transaction, and make no temporary table. Pure; thread: any.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "data_api/result_set.h"

namespace hunt::postgres {

// Those that a store calls all day. Others of the schema may keep a lock for a moment.
[[nodiscard]] bool is_own_function(std::string_view name) noexcept;
// All of the schema's, for they call each other.
[[nodiscard]] std::vector<std::string> own_function_names();

// Lists functions of the names in the array $1: the name, whether it is the schema's, its body.
extern const char* const list_own_functions_sql;
// Whether each is there once, as our migrations made it. Another of the same name, in any schema,
// could be the one that is called.
[[nodiscard]] bool are_own_functions(const data_api::ResultSet& listed);

}  // namespace hunt::postgres
