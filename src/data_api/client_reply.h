// What a client reads of an answer of the Data API: rows, the id of a transaction, or why not.
//
// Not how a gateway writes it (reply.h). Reads what the real service may send, too: unknown members
// are passed over, errors are named in a header or in the body. Pure; thread: any.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data_api/field.h"

namespace hunt::data_api {

// All rows have as many values. Integers may come as numbers or as text.
struct ReplyRows {
  std::size_t columns = 0;
  std::vector<std::vector<Value>> rows;
};

// Of /Execute, as fields or as formattedRecords, whichever is there; none of a statement without
// rows. Errors: corrupt (no JSON, another shape, rows of different length, a value of a kind that
// was not asked for).
[[nodiscard]] Result<ReplyRows> read_rows(std::string_view body);
// Of /BeginTransaction. Errors: corrupt.
[[nodiscard]] Result<std::string> read_transaction(std::string_view body);

struct ReplyFailure {
  std::string name;     // "DatabaseErrorException"; empty: it is none of the service's own
  std::string message;  // in its words; may be empty
  std::string state;    // the SQLSTATE that the message ends with; empty: none
};
// `type`: the header x-amzn-ErrorType. Any bytes are read.
[[nodiscard]] ReplyFailure read_failure(std::string_view type, std::string_view body);

}  // namespace hunt::data_api
