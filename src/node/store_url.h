// StoreUrl: one --store, read once: which kind of store it is, and where.
//
// Not the store (open_store.h). A value; a PostgreSQL URL may hold a password, which is not shown.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/postgres/data_api_url.h"
#include "adapters/postgres/postgres_url.h"
#include "base/result.h"

namespace hunt::node {

// As far as its name tells: the folder of a socket, or an address that only this machine has.
[[nodiscard]] bool is_this_machine(std::string_view host);

class StoreUrl {
 public:
  // "sqlite:FILE", "postgres://…" or "data-api+https://…". Errors: invalid_argument, with field
  // `store`.
  [[nodiscard]] static Result<StoreUrl> parse(const std::string& url);
  [[nodiscard]] static StoreUrl sqlite(std::string path);

  // Null: it is of another kind.
  [[nodiscard]] const std::string* sqlite_path() const noexcept;
  [[nodiscard]] const postgres::PostgresUrl* postgres() const noexcept;
  [[nodiscard]] const postgres::DataApiUrl* data_api() const noexcept;
  // Whether such a URL begins here, in a list of them.
  [[nodiscard]] static bool begins(std::string_view text) noexcept;
  // Whether who serves it shares this machine's cores.
  [[nodiscard]] bool is_here() const;
  // For people: without user and password.
  [[nodiscard]] std::string shown() const;
  friend bool operator==(const StoreUrl& a, const StoreUrl& b) { return a.url_ == b.url_; }

 private:
  using Where = std::variant<std::string, postgres::PostgresUrl, postgres::DataApiUrl>;
  StoreUrl(std::string url, Where where) : url_(std::move(url)), where_(std::move(where)) {}

  std::string url_;
  Where where_;
};

// That there are not too many, none twice, and of several each can be a shard. Errors:
// invalid_argument, with field `store`.
[[nodiscard]] Result<void> check_stores(const std::vector<StoreUrl>& urls);
// For whoever reads changes of the stores. Errors: unsupported, with field `store` (a Data API has
// none).
[[nodiscard]] Result<void> check_followed(const std::vector<StoreUrl>& urls);
[[nodiscard]] std::string shown_stores(const std::vector<StoreUrl>& urls);

}  // namespace hunt::node
