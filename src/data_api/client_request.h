// The bodies of requests, as a client of the Data API writes them.
//
// Not their signature (sigv4.h) and not how they are read (request.h), which takes all of these.
// Pure; thread: any.
#pragma once
#include <string>
#include <string_view>

#include "data_api/request.h"

namespace hunt::data_api {

// "/Execute".
[[nodiscard]] std::string_view path_of(Operation operation) noexcept;

// Only what the operation takes; members that are empty or as the service has them anyway are left
// out. Requires: of what is no batch one set, texts in UTF-8.
[[nodiscard]] std::string write_request(Operation operation, const Request& request);

}  // namespace hunt::data_api
