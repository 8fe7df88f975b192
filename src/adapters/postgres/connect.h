// make_connection(): makes a connection without blocking the loop.
//
// Not a policy: who connects when, and again, is session.h and replication.h. Names are resolved by
// libpq, which waits for the resolver.
#pragma once
#include <libpq-fe.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>

#include "adapters/postgres/postgres_url.h"
#include "base/result.h"

namespace hunt::postgres {

using OwnedConnection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

// `socket` is used meanwhile, and empty again at the end. Gives up after five seconds, and when
// `closed` is set and the socket cancelled. Lifetime: all references outlive the call. Errors:
// those of lost_connection().
[[nodiscard]] boost::asio::awaitable<Result<void>> make_connection(
    OwnedConnection& connection, boost::asio::posix::stream_descriptor& socket,
    PostgresUrl::Pairs pairs, std::string shown, const bool& closed);

}  // namespace hunt::postgres
