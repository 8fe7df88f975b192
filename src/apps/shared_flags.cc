#include "apps/shared_flags.h"

#include <algorithm>

#include "base/hide_user.h"
#include "base/url.h"
#include "node/secrets.h"

namespace hunt::apps {

namespace {

[[noreturn]] void refuse(const std::string& flag, const Error& error) {
  throw CLI::ValidationError(flag, error.message);
}

// HUNT_STORE holds those of all shards, with white space between them. Where no URL follows, it is
// part of one: of a file's name.
std::vector<std::string> split_stores(const std::vector<std::string>& values) {
  std::vector<std::string> urls;
  for (const std::string& value : values) {
    std::size_t from = 0;
    for (std::size_t at = 0; (at = value.find_first_of(" \t\n", at)) != std::string::npos; ++at) {
      if (!node::StoreUrl::begins(std::string_view(value).substr(at + 1))) continue;
      urls.push_back(value.substr(from, value.find_last_not_of(" \t\n", at) + 1 - from));
      from = at + 1;
    }
    urls.push_back(value.substr(from));
  }
  return urls;
}

}  // namespace

CLI::Option* add_stores(CLI::App& command, std::vector<node::StoreUrl>& urls) {
  const auto read = [&urls](const std::vector<std::string>& values) {
    urls.clear();
    for (const auto& text : split_stores(values)) {
      auto url = node::StoreUrl::parse(text);
      if (!url) refuse("--store", url.error());
      urls.push_back(std::move(*url));
    }
  };
  return command
      .add_option_function<std::vector<std::string>>(
          "--store", read,
          "The truth: sqlite:FILE, postgres://HOST:PORT/DATABASE, or for serving "
          "data-api+https://HOST?resource=ARN&secret=ARN&database=NAME; of several shards, once "
          "for each, in order")
      ->expected(1)
      ->take_all()
      ->default_str(node::shown_stores(urls));
}

CLI::Option* add_bus(CLI::App& command, std::optional<nats::ServerList>& bus) {
  const auto read = [&bus](const std::string& url) {
    bus.reset();
    if (split_url(url).scheme == Scheme::inproc) return;
    auto servers = nats::parse_servers(url);
    if (!servers) refuse("--bus", servers.error());
    bus = std::move(*servers);
  };
  return command
      .add_option_function<std::string>("--bus", read,
                                        "Carries positions and news between processes: "
                                        "nats://[USER:PASSWORD@]HOST:PORT[,…], or inproc: for none")
      ->default_str("inproc:");
}

CLI::Option* add_cache(CLI::App& command, std::optional<redis::RedisUrl>& cache) {
  const auto read = [&cache](const std::string& url) {
    cache.reset();
    if (split_url(url).scheme == Scheme::none) return;
    auto parsed = redis::parse_redis_url(url);
    if (!parsed) refuse("--cache", parsed.error());
    cache = std::move(*parsed);
  };
  return command
      .add_option_function<std::string>("--cache", read,
                                        "The shared tile cache: none:, "
                                        "redis://HOST:PORT[/DATABASE] or redis-cluster://HOST:PORT")
      ->default_str("none:");
}

void add_hunt(CLI::App& command, model::HuntName& hunt) {
  const auto read = [&hunt](const std::string& text) {
    auto name = model::HuntName::parse(text);
    if (!name) refuse("--hunt", name.error());
    hunt = std::move(*name);
  };
  command
      .add_option_function<std::string>(
          "--hunt", read,
          "The hunt's name on a NATS or Redis that several hunts share: before all subjects, "
          "streams and keys")
      ->default_str(hunt.text());
}

void add_tokens(CLI::App& command, std::string& admin_file, std::string& server_file) {
  command.add_option("--admin-token-file", admin_file, "The server's admin token");
  command.add_option("--server-token-file", server_file, "The game servers' token");
}

Result<std::string> read_token(const std::string& file) {
  return file.empty() ? std::string() : node::read_secret(file);
}

std::string shown_value(const std::string& flag, const std::string& text) {
  const std::string hidden = "(not shown)";
  if (flag == "store") {
    std::string all;
    for (const auto& one : split_stores({text})) {
      const auto url = node::StoreUrl::parse(one);
      all += (all.empty() ? "" : ", ") + (url ? url->shown() : hidden);
    }
    return all;
  }
  if (flag == "bus") {
    const auto servers = nats::parse_servers(text);
    if (servers) return servers->shown_url();
    return split_url(text).scheme == Scheme::inproc ? text : hidden;
  }
  if (flag == "cache") {
    const auto url = redis::parse_redis_url(text);
    if (url) return url->shown();
    return split_url(text).scheme == Scheme::none ? text : hidden;
  }
  if (flag == "resource") {
    const auto equals = text.find('=');
    const auto url = node::StoreUrl::parse(text.substr(std::min(equals, text.size() - 1) + 1));
    return equals != std::string::npos && url ? text.substr(0, equals + 1) + url->shown() : hidden;
  }
  for (const char* secret : {"token", "password", "secret"}) {
    if (flag.ends_with(secret)) return hidden;  // their files may be named
  }
  return hide_user(text);
}

void add_trace(CLI::App& command, std::string& path, std::string& on_error) {
  command.add_option("--trace", path,
                     "Walks to follow: CSV or JSON Lines, plain or gzip (t_ms,player,world,x,y)");
  add_on_error(command, on_error,
               "What a bad row of the trace does: abort, or skip it and keep the others");
}

void add_on_error(CLI::App& command, std::string& on_error, const std::string& text) {
  command.add_option("--on-error", on_error, text)
      ->check(CLI::IsMember({"abort", "skip"}))
      ->capture_default_str();
}

}  // namespace hunt::apps
