// What a Data API says went wrong, as our errors.
//
// Not a retry policy (data_api_client.h). What the database said goes by its SQLSTATE, as over
// libpq (failure.h); the rest by the name of the exception, or the status where there is none.
#pragma once
#include <string>

#include "base/result.h"
#include "data_api/client_reply.h"

namespace hunt::postgres {

struct DataApiFailure {
  Error error;
  bool unknown = false;  // it may have been done
  bool resuming =
      false;  // the database sleeps, and wakes up now: nothing was done, but if `unknown`
  bool stranger = false;  // nothing was done: who signed is not known (any more)
};
[[nodiscard]] DataApiFailure failure_of(const data_api::ReplyFailure& said, unsigned status,
                                        const std::string& shown);

}  // namespace hunt::postgres
