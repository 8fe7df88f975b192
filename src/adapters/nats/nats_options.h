// NatsOptions: where the NATS servers are and who we are to them, checked before the first connect.
//
// Not what is asked of them (nats_bus.h, nats_stream.h). A value; it holds secrets, so it is never
// printed: ServerList::shown is what errors name.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hunt::nats {

struct NatsOptions {
  // "nats://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]", or nats+tls:// for TLS.
  std::string url;
  std::string token;                            // instead of user and password
  std::string credentials_file;                 // a user's JWT and seed, as `nsc` writes it
  std::string tls_ca_file;                      // empty: the system's
  std::string tls_certificate_file;             // of this client, with tls_key_file
  std::string tls_key_file;                     //
  std::string client_name = "hunt";             // shown in the server's monitoring
  std::int64_t connect_ns_max = 2'000'000'000;  // to one server, its greeting included
  std::int64_t silence_ns_max = 5'000'000'000;  // then a server that says nothing counts as dead
};

struct ServerList {
  std::vector<std::string> urls;  // nats://HOST:PORT, without user and password
  std::string user;
  std::string password;
  std::string shown;  // "HOST:PORT,HOST:PORT", for people
  bool tls = false;
};

// Errors: invalid_argument, with field `bus`; they never repeat the user or the password.
[[nodiscard]] Result<ServerList> parse_servers(std::string_view url);

}  // namespace hunt::nats
