// What PostgreSQL says went wrong, as our errors.
//
// Not a retry policy. SQLSTATE decides the code; the message names the server, and what to do.
#pragma once
#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::postgres {

// What stands behind an SQLSTATE. `said`: the server's own sentence.
[[nodiscard]] Error failure_by_state(std::string_view state, std::string_view said,
                                     const std::string& shown);
// A result with an error. `shown` names the server.
[[nodiscard]] Error failure_of(const PGresult* result, const std::string& shown);
// A connection that could not be made or is lost, by what libpq says about it.
[[nodiscard]] Error lost_connection(const PGconn* connection, const std::string& shown);

// Something shares its connections to the server with us. Code: unavailable.
[[nodiscard]] Error pooler_between(const std::string& shown);

// Whether another transaction was in the way: split the call and try again.
[[nodiscard]] bool in_the_way(const Error& error) noexcept;

}  // namespace hunt::postgres
