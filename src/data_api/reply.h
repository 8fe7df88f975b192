// The bodies of answers, as the Data API writes them.
//
// Not the refusals (refusal.h). Whole numbers are JSON numbers, blobs base64, NaN and infinities
// strings, arrays of one dimension arrayValue. Pure; thread: any.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "data_api/request.h"
#include "data_api/result_set.h"

namespace hunt::data_api {

// Errors: unsupported_result (larger than a response or a row may be, an array of several
// dimensions or with NULL in it).
[[nodiscard]] Answer<std::string> execute_reply(const ResultSet& result,
                                                const ResultOptions& options);
// Requires: sets <= batch_sets_max, more of which read_request() lets nobody ask for.
[[nodiscard]] std::string batch_reply(std::size_t sets);
[[nodiscard]] std::string begin_reply(std::string_view transaction);
[[nodiscard]] std::string end_reply(std::string_view status);

}  // namespace hunt::data_api
