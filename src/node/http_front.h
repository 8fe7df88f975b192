// Who may ask a process over HTTP, and by which names: from its options to those of the server.
//
// Not the server, and not the routes. Reads the tokens' files.
#pragma once
#include <string>

#include "adapters/http/http_options.h"
#include "base/result.h"
#include "node/options.h"

namespace hunt::node {

// What this machine calls itself; empty: it does not say.
[[nodiscard]] std::string machine_name();

// Without a file for it, the admin's token is a fresh one. Errors: those of read_secret() and
// http::allowed_host().
[[nodiscard]] Result<http::HttpOptions> http_options_of(const NodeOptions& options,
                                                        const HostPort& listen);

}  // namespace hunt::node
