#include "apps/serve_checkup.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>

#include "adapters/http/http_server.h"
#include "apps/command.h"
#include "node/http_front.h"
#include "node/open_store.h"
#include "node/secrets.h"
#include "rules/load.h"

namespace hunt::apps {
namespace {

using ports::Findings;

void note_rules(Findings& findings, const std::string& path, const ports::Clock& clock) {
  if (path.empty()) return;
  const auto loaded = rules::load_rules(path, clock.wall_us());
  if (!loaded) {
    for (const auto& diagnostic : loaded.error()) {
      findings.failure(rules::format(diagnostic), "mend the rules: `hunt rules check` shows all");
    }
    return;
  }
  for (const auto& warning : loaded->warnings) findings.warning(rules::format(warning), {});
  findings.ok(fmt::format("the rules {} are version {}: {} events, {} tables", path,
                          loaded->set.version, loaded->set.events.size(),
                          loaded->set.tables.size()));
}

template <class T>
void note_secret(Findings& findings, const char* flag, const std::string& path,
                 Result<T> (*read)(const std::string&)) {
  if (path.empty()) return;
  const auto secret = read(path);
  if (secret) return findings.ok(fmt::format("--{} can be read", flag));
  findings.failure(fmt::format("--{}: {}", flag, secret.error().message), "");
}

// As they go together with each other and with the address: what the server itself asks. Files that
// cannot be read were told.
void note_tokens(Findings& findings, const node::NodeOptions& node, const HostPort& listen) {
  const auto options = node::http_options_of(node, listen);
  if (!options) return;
  const auto fine = http::check_tokens(*options);
  if (fine) return;
  findings.failure(fmt::format("--{}: {}", fine.error().field, fine.error().message), "");
}

// Binds for a moment. What listens there already may be the server that is looked at.
void note_listen(Findings& findings, const HostPort& listen) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  const auto address =
      ip::make_address(listen.host == "localhost" ? "127.0.0.1" : listen.host, error);
  const std::string shown = listen.shown();
  if (error) {
    return findings.failure(fmt::format("--listen {} is no IP address", shown),
                            "use 127.0.0.1 for this machine alone or 0.0.0.0 for every network");
  }
  boost::asio::io_context context;
  ip::tcp::acceptor acceptor(context);
  const ip::tcp::endpoint endpoint(address, listen.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(ip::tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1, error);
  if (!error) return findings.ok(fmt::format("it can listen on {}", shown));
  if (error == boost::asio::error::address_in_use) {
    return findings.warning(fmt::format("somebody listens on {} already", shown),
                            "if it is not the `hunt serve` that is meant, choose another --listen");
  }
  findings.failure(fmt::format("it cannot listen on {}: {}", shown, error.message()),
                   "choose another --listen");
}

// What players' ways, grants that are asked for and the page ask of a store, of each shard.
Result<void> ask_all(node::OpenStores& stores) {
  for (ports::HuntStore* store : stores.stores()) {
    HUNT_CHECK(node::run_here(store->info()));
    HUNT_TRY(worlds, node::run_here(store->worlds()));
    const model::WorldId world = worlds.empty() ? 1 : worlds.front().id;
    HUNT_CHECK(
        node::run_here(store->load_chunks({model::chunk_of(world, model::tile_id_of({0, 0}))})));
    HUNT_CHECK(node::run_here(store->find_grant(model::ClaimId{})));
    HUNT_CHECK(node::run_here(store->grants_after(0, 1)));
    HUNT_CHECK(node::run_here(store->list_tiles(world, model::everywhere, {}, 1)));
  }
  return {};
}

// `hunt serve` makes a file that is not there, and the tables in an empty one or an empty database.
bool is_not_made_yet(const std::vector<node::StoreUrl>& urls) {
  const std::string* path = urls.front().sqlite_path();
  std::error_code ignored;
  return path != nullptr && !std::filesystem::exists(*path, ignored);
}

}  // namespace

std::vector<ports::Finding> check_serve(const ServeFlags& flags, const ports::Clock& clock) {
  const node::NodeOptions& node = flags.node;
  Findings findings("hunt serve");
  if (const auto fine = check_flags(node); !fine) {
    findings.failure(fmt::format("--{}: {}", fine.error().field, fine.error().message), "");
  }
  note_rules(findings, node.rules_path, clock);
  note_secret(findings, "event-seed-file", node.event_seed_file, node::read_event_seed);
  note_secret(findings, "admin-token-file", node.admin_token_file, node::read_secret);
  note_secret(findings, "server-token-file", node.server_token_file, node::read_secret);
  if (const auto listen = node::listen_address(node.listen)) {
    note_listen(findings, *listen);
    note_tokens(findings, node, *listen);
  }
  return findings.all();
}

std::vector<ports::Finding> check_opening(const std::vector<node::StoreUrl>& urls,
                                          const ports::Clock& clock) {
  Findings findings(urls.size() > 1 ? "all stores" : node::shown_stores(urls));
  if (is_not_made_yet(urls)) return {};  // that was told
  node::OpenStoreOptions how;
  how.read_only = true;
  how.connect_ahead = true;
  auto stores = node::OpenStores::open(urls, clock, how);
  if (!stores && stores.error().code == Errc::not_found) return {};  // that was told
  Result<void> asked;
  if (stores) {
    asked = ask_all(*stores);
    stores->close();
  } else {
    asked = tl::unexpected<Error>(stores.error());
  }
  if (!asked && asked.error().code == Errc::unauthorized) {
    findings.warning(asked.error().message,
                     "GRANT hunt_ingest, if `hunt serve` is to use this user");
  } else if (!asked) {
    findings.failure(asked.error());
  } else {
    findings.ok("it opens and answers as `hunt serve` asks");
  }
  return findings.all();
}

}  // namespace hunt::apps
