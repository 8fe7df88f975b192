// How the store's statements and their arguments go over a Data API, and what comes back.
//
// Not HTTP (data_api_client.h). Pure; thread: any.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/params.h"
#include "data_api/client_reply.h"
#include "data_api/field.h"

namespace hunt::postgres {

// What stands around a statement.
struct SqlFrame {
  bool timed = false;    // one column more, the last: how long it took so far, in microseconds
  bool patient = false;  // no lock is waited for longer than two seconds; needs a $1
};

// `$1` as `CAST(:p1 AS bigint)`, by the kinds of `params`. Requires: a statement of ours, with $n
// in no string.
[[nodiscard]] std::string named_sql(std::string_view sql, const Params& params,
                                    SqlFrame frame = {});
// p1, p2, …. Numbers and ids travel as text, so that nobody on the way rounds them; bytea as blobs.
[[nodiscard]] std::vector<data_api::Parameter> named_params(const Params& params);
// In libpq's text format, which Rows reads.
[[nodiscard]] Rows rows_of(const data_api::ReplyRows& reply);

}  // namespace hunt::postgres
