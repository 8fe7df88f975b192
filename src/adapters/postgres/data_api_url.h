// DataApiUrl: `data-api+http(s)://HOST[:PORT]?resource=ARN&secret=ARN&database=NAME` of --store,
// checked.
//
// Not a client (data_api_client.h), and no secret: who signs stands in the environment
// (data_api/credentials.h). A plain value.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/url.h"

namespace hunt::postgres {

class DataApiUrl {
 public:
  // Whether it is meant as one.
  [[nodiscard]] static bool begins(std::string_view url) noexcept;
  // Errors: invalid_argument, with field `store`; nothing that could be a password is in it.
  [[nodiscard]] static Result<DataApiUrl> parse(std::string_view url);

  [[nodiscard]] bool tls() const noexcept { return tls_; }
  [[nodiscard]] const HostPort& address() const noexcept { return address_; }
  // As the header Host has it.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] const std::string& resource() const noexcept { return resource_; }
  [[nodiscard]] const std::string& secret() const noexcept { return secret_; }
  [[nodiscard]] const std::string& database() const noexcept { return database_; }
  // For people: without the ARNs.
  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }

 private:
  DataApiUrl() = default;

  bool tls_ = true;
  HostPort address_;
  std::string host_;
  std::string resource_;
  std::string secret_;
  std::string database_;
  std::string shown_;
};

}  // namespace hunt::postgres
