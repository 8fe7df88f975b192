// NatsOptions: where the NATS servers are and who we are to them, checked before the first connect.
//
// Not what is asked of them (nats_bus.h, nats_stream.h). A value; it holds secrets, so it is never
// printed: ServerList::shown is what errors name.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/nats/figures.h"
#include "base/result.h"
#include "model/hunt_name.h"
#include "model/hunt_owner.h"

namespace hunt::nats {

struct ServerList {
  std::vector<std::string> urls;  // nats://HOST:PORT, without user and password
  std::string user;
  std::string password;
  std::string shown;  // "HOST:PORT,HOST:PORT", for people
  bool tls = false;

  [[nodiscard]] std::string shown_url() const;

  // Where answers to us begin: "_INBOX_<user>", so that rights can keep users out of each other's;
  // "_INBOX" without a user. What is not a letter, a digit, '-' or '_' becomes '_'.
  [[nodiscard]] std::string inbox_prefix() const;
};

struct NatsOptions {
  ServerList servers;
  model::HuntName hunt;                         // of all subjects, streams and consumers
  model::HuntOwner owner;                       // of the streams; without an id: not looked at
  std::vector<std::uint8_t> key;                // the hunt's, to sign with; empty: see signer.h
  std::string token;                            // instead of user and password
  std::string credentials_file;                 // a user's JWT and seed, as `nsc` writes it
  std::string tls_ca_file;                      // empty: the system's
  std::string tls_certificate_file;             // of this client, with tls_key_file
  std::string tls_key_file;                     //
  std::string client_name = "hunt";             // shown in the server's monitoring
  std::int64_t connect_ns_max = 2'000'000'000;  // to one server, its greeting included
  std::int64_t silence_ns_max = 5'000'000'000;  // then a server that says nothing counts as dead
  std::shared_ptr<Figures> figures = std::make_shared<Figures>();  // one for several connections
};

// "nats://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]", or nats+tls:// for TLS. Errors:
// invalid_argument, with field `bus`; they never repeat the user or the password.
[[nodiscard]] Result<ServerList> parse_servers(std::string_view text);

}  // namespace hunt::nats
