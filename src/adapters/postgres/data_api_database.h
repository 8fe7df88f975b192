// A Database over a Data API, and conversations with it.
//
// Not the schema: nothing is made or updated this way, and changes cannot be followed.
#pragma once
#include <memory>

#include "adapters/postgres/data_api_url.h"
#include "adapters/postgres/database.h"
#include "base/result.h"
#include "data_api/credentials.h"

namespace hunt::postgres {

// What to do where something needs a connection of its own.
inline constexpr const char* needs_postgres =
    "a Data API makes no tables and follows no changes: start `hunt relay` on the same database "
    "over "
    "postgres://, as the owner of its tables";

// Errors: unauthorized, invalid_argument, io: who signs, for which region, whom to trust.
[[nodiscard]] Result<std::shared_ptr<const Database>> database_at(
    const DataApiUrl& url, data_api::Environment environment = data_api::process_environment());

}  // namespace hunt::postgres
