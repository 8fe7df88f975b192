// look_at_access(): whether a Data API answers, takes our signature, and has our time.
//
// Not the database behind it (checkup.h). One request, without effect.
#pragma once
#include "adapters/postgres/data_api_url.h"
#include "base/result.h"
#include "ports/clock.h"
#include "ports/findings.h"

namespace hunt::postgres {

// Adds what was found. Errors: nobody answers, or who asks is not let in.
[[nodiscard]] Result<void> look_at_access(ports::Findings& findings, const DataApiUrl& url,
                                          const ports::Clock& clock);

// Of an HTTP Date ("Sun, 06 Nov 1994 08:49:37 GMT"), in seconds since 1970. 0: it is none.
[[nodiscard]] std::int64_t seconds_of_http_date(const std::string& date);

}  // namespace hunt::postgres
