// hunt data-api: a gateway with the wire of the AWS RDS Data API over any PostgreSQL.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/system/open_files.h"
#include "adapters/system/stop_signals.h"
#include "apps/command.h"
#include "apps/settings.h"
#include "base/input_file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread_name.h"
#include "base/url.h"
#include "gateway/gateway.h"
#include "gateway/server.h"
#include "node/secrets.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t look_every_ns = 200'000'000;
constexpr std::size_t keys_bytes_max = 4 * 1'024 * 1'024;
// Descriptors that are opened later, beside the connections: the event loop's, those of looking up
// names. A guess, on the safe side.
constexpr std::uint64_t files_later = 32;
constexpr std::uint64_t clients_min = 32;

struct DataApiFlags {
  gateway::Options gateway;
  std::string store;
  std::vector<std::string> resources;
  std::string keys;
  std::string listen = "127.0.0.1:8099";
  LogFlags log;
};

Result<void> read_resource(const std::string& text, gateway::Options& out) {
  const auto equals = text.find('=');
  const std::string arn = text.substr(0, equals);
  if (equals == std::string::npos || !arn.starts_with("arn:")) {
    return fail(Errc::invalid_argument,
                "expected ARN=postgres://…, such as "
                "arn:aws:rds:eu-north-1:123456789012:cluster:hunt=postgres://db/hunt",
                "resource");
  }
  auto url = postgres::PostgresUrl::parse(text.substr(equals + 1));
  if (!url) return fail(url.error().code, arn + ": " + url.error().message, "resource");
  if (!out.resources.emplace(arn, std::move(*url)).second) {
    return fail(Errc::invalid_argument, arn + " is given twice", "resource");
  }
  return {};
}

Result<void> read_flags(DataApiFlags& flags) {
  if (flags.store.empty() && flags.resources.empty()) {
    return fail(Errc::invalid_argument,
                "say which database it is: --store postgres://HOST:PORT/DATABASE, or --resource "
                "ARN=postgres://… for each",
                "store");
  }
  if (!flags.store.empty()) {
    HUNT_TRY(url, postgres::PostgresUrl::parse(flags.store));
    flags.gateway.any_resource = std::move(url);
  }
  for (const auto& one : flags.resources) HUNT_CHECK(read_resource(one, flags.gateway));
  auto listen = parse_listen(flags.listen);
  if (!listen) {
    return fail(listen.error().code, listen.error().message + "; expected HOST:PORT", "listen");
  }
  flags.gateway.host = listen->host;
  flags.gateway.port = listen->port;
  return {};
}

Result<void> open_keys(DataApiFlags& flags) {
  node::warn_of_others(flags.keys);
  HUNT_TRY(text, read_whole_file(flags.keys, keys_bytes_max));
  HUNT_TRY(keys, data_api::read_keys(text));
  flags.gateway.keys = std::move(keys);
  return {};
}

// As many clients as the open files allow that the databases' connections do not need: whoever is
// idle must not take one of theirs.
Result<void> settle_clients(gateway::Options& options) {
  const std::size_t databases = options.resources.size() + (options.any_resource ? 1 : 0);
  const std::uint64_t rest =
      system::open_files() + files_later + databases * options.connections_max;
  const std::uint64_t allowed = system::raise_open_files(options.clients_max + rest);
  if (allowed < rest + clients_min) {
    return fail(
        Errc::io,
        fmt::format("{} open files are allowed, and {} connections to each of {} databases "
                    "need {} with the rest: raise it to {} or more (ulimit -n, "
                    "LimitNOFILE=), or lower --connections",
                    allowed, options.connections_max, databases, rest, options.clients_max + rest));
  }
  options.clients_max = std::min<std::uint64_t>(options.clients_max, allowed - rest);
  log(LogLevel::info, "http",
      fmt::format("at most {} HTTP connections: {} open files are allowed, {} are for the rest",
                  with_commas(options.clients_max), with_commas(allowed), with_commas(rest)));
  return {};
}

int serve(const DataApiFlags& flags) {
  const system::StopSignals signals;
  boost::asio::io_context io(1);
  gateway::Gateway gateway(io.get_executor(), flags.gateway);
  gateway::Server server(io, gateway, flags.gateway);
  const auto port = server.listen();
  if (!port) return report(port.error());
  server.start();
  std::thread loop([&io] {
    name_thread("data-api");
    io.run();
  });
  const std::string address = HostPort{flags.gateway.host, *port}.shown();
  std::printf("hunt data-api on http://%s\n", address.c_str());
  std::fflush(stdout);
  log(LogLevel::info, "process", "serving", {{"address", address}});
  while (!signals.wait(look_every_ns)) log_counted();
  std::printf("hunt: draining\n");
  std::fflush(stdout);
  log(LogLevel::info, "process", "draining");
  boost::asio::post(io, [&server] { server.stop(); });
  loop.join();
  log_counted(true);
  return 0;
}

int run(DataApiFlags flags, const model::Settings& settings) {
  if (const auto fine = read_flags(flags); !fine) return report_usage(fine.error());
  use(flags.log);
  log_settings(settings);
  if (const auto opened = open_keys(flags); !opened) return report(opened.error());
  if (const auto fine = settle_clients(flags.gateway); !fine) return report(fine.error());
  return serve(flags);
}

}  // namespace

void add_data_api(CommandLine& line) {
  auto flags = std::make_shared<DataApiFlags>();
  CLI::App* command = line.app.add_subcommand(
      "data-api", "The AWS RDS Data API over any PostgreSQL: SQL by signed HTTP requests");
  command->add_option("--store", flags->store,
                      "postgres://HOST:PORT/DATABASE, for every resource ARN that no --resource "
                      "names");
  command
      ->add_option("--resource", flags->resources,
                   "ARN=postgres://HOST:PORT/DATABASE: the cluster that this resource ARN stands "
                   "for; repeatable")
      ->allow_extra_args(false);
  command
      ->add_option("--keys", flags->keys,
                   "JSON file: the access keys that may sign, and the database role of each secret "
                   "ARN")
      ->required();
  command->add_option("--listen", flags->listen, "HOST:PORT for HTTP")->capture_default_str();
  command->add_option("--region", flags->gateway.region,
                      "The region that signatures must be for; any without it");
  command
      ->add_option("--connections", flags->gateway.connections_max,
                   "Connections to each PostgreSQL at most; requests wait two seconds for one")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000}))
      ->capture_default_str();
  add_log_flags(*command, flags->log);
  command->footer(
      "The file of --keys:\n"
      "  {\"access_keys\":[{\"id\":\"AKIDLOCAL\",\"secret\":\"…\"}],\n"
      "   \"secrets\":[{\"arn\":\"arn:aws:secretsmanager:local:1:secret:hunt\",\"user\":\"hunt\","
      "\"password\":\"…\"}]}\n"
      "Examples:\n"
      "  hunt data-api --store postgres://127.0.0.1:5432/hunt --keys keys.json\n"
      "  AWS_ENDPOINT_URL_RDS_DATA=http://127.0.0.1:8099 aws rds-data execute-statement \\\n"
      "      --resource-arn arn:aws:rds:local:1:cluster:hunt \\\n"
      "      --secret-arn arn:aws:secretsmanager:local:1:secret:hunt --sql \"select 1\"");
  command->callback(
      [&line, flags] { line.run = [&line, flags] { return run(*flags, line.settings); }; });
}

}  // namespace hunt::apps
