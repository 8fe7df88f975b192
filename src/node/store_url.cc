#include "node/store_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/url.h"
#include "model/limits.h"

namespace hunt::node {

namespace {

tl::unexpected<Error> wrong(std::string why) {
  return fail(Errc::invalid_argument, std::move(why), "store");
}

// Why this is no file of a store; empty: it is one.
std::string_view file_trouble(std::string_view path) {
  if (path.empty()) return "no file is named";
  if (path == ":memory:" || path.starts_with("file:")) {
    return "a hunt is kept in a file of its own, not in memory and not by a URI";
  }
  if (path.starts_with("//") && !path.starts_with("///")) {
    return "there is no host: the path follows \"sqlite:\"";
  }
  return {};
}

}  // namespace

Result<StoreUrl> StoreUrl::parse(const std::string& url) {
  if (postgres::DataApiUrl::begins(url)) {
    HUNT_TRY(parsed, postgres::DataApiUrl::parse(url));
    return StoreUrl(url, std::move(parsed));
  }
  const auto [scheme, rest] = split_url(url);
  if (scheme == Scheme::postgres) {
    HUNT_TRY(parsed, postgres::PostgresUrl::parse(url));
    return StoreUrl(url, std::move(parsed));
  }
  if (scheme != Scheme::sqlite) {
    // Nothing after the scheme is shown: other stores' URLs may hold a password, and so may what
    // has none, such as libpq's "host=h password=p".
    const bool named = url.find_first_of("=/@ ") > url.find(':');
    const std::string begins = named ? url.substr(0, url.find(':') + 1) : std::string();
    return wrong(
        fmt::format("cannot open a store \"{}…\"; this version opens sqlite:FILE, "
                    "postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE and "
                    "data-api+https://HOST?resource=ARN&secret=ARN&database=NAME",
                    printable(begins)));
  }
  const std::string_view why = file_trouble(rest);
  if (why.empty()) return StoreUrl(url, std::string(rest));
  return wrong(
      fmt::format("cannot open {}: {}; write it such as sqlite:hunt.db", printable(url, 200), why));
}

StoreUrl StoreUrl::sqlite(std::string path) {
  std::string url = fmt::format("{}{}", prefix_of(Scheme::sqlite), path);
  return {std::move(url), std::move(path)};
}

const std::string* StoreUrl::sqlite_path() const noexcept {
  return std::get_if<std::string>(&where_);
}
const postgres::PostgresUrl* StoreUrl::postgres() const noexcept {
  return std::get_if<postgres::PostgresUrl>(&where_);
}

const postgres::DataApiUrl* StoreUrl::data_api() const noexcept {
  return std::get_if<postgres::DataApiUrl>(&where_);
}
bool StoreUrl::begins(std::string_view text) noexcept {
  const Scheme scheme = split_url(text).scheme;
  return scheme == Scheme::sqlite || scheme == Scheme::postgres ||
         postgres::DataApiUrl::begins(text);
}

bool is_this_machine(std::string_view host) {
  return host.starts_with('/') || host.starts_with("127.") || host == "localhost" || host == "::1";
}

bool StoreUrl::is_here() const {
  if (data_api() != nullptr) return is_this_machine(data_api()->address().host);
  return postgres() == nullptr || is_this_machine(postgres()->host());
}

std::string StoreUrl::shown() const {
  if (data_api() != nullptr) return data_api()->shown();
  if (postgres() == nullptr) return url_;
  return fmt::format("{}{}", prefix_of(Scheme::postgres), postgres()->shown());
}

std::string shown_stores(const std::vector<StoreUrl>& urls) {
  std::string shown;
  for (const auto& url : urls) {
    if (!shown.empty()) shown += ", ";
    shown += url.shown();
  }
  return shown;
}

Result<void> check_followed(const std::vector<StoreUrl>& urls) {
  for (const auto& url : urls) {
    if (url.data_api() == nullptr) continue;
    return fail(Errc::unsupported,
                fmt::format("{}: a Data API does not tell what changes: run `hunt relay --store "
                            "postgres://…` on the same database, with --bus, and give `hunt serve` "
                            "that --bus, too",
                            url.shown()),
                "store");
  }
  return {};
}

Result<void> check_stores(const std::vector<StoreUrl>& urls) {
  if (urls.size() > limits::shards_max) {
    return wrong(fmt::format("at most {} shards, found {}", limits::shards_max, urls.size()));
  }
  for (const auto& url : urls) {
    if (urls.size() > 1 && url.sqlite_path() != nullptr) {
      return wrong(
          fmt::format("{} cannot be one of several shards: give one --store, or postgres:// for "
                      "each",
                      url.shown()));
    }
    if (std::count(urls.begin(), urls.end(), url) > 1) {
      return wrong(
          fmt::format("{} is given twice: each shard has a database of its own", url.shown()));
    }
  }
  return {};
}

}  // namespace hunt::node
