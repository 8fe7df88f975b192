#include "adapters/postgres/data_api_access.h"

#include <fmt/format.h>

#include <chrono>

namespace hunt::postgres {
namespace {

namespace ssl = boost::asio::ssl;

// The system's own, or those of AWS_CA_BUNDLE. TLS 1.2 at least, and no server goes unchecked.
Result<void> set_trust(ssl::context& trust, const std::string& bundle) {
  boost::system::error_code failed;
  trust.set_options(
      ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
      failed);
  trust.set_verify_mode(ssl::verify_peer, failed);
  if (bundle.empty()) {
    trust.set_default_verify_paths(failed);
  } else {
    trust.load_verify_file(bundle, failed);
  }
  if (!failed) return {};
  return fail(Errc::io,
              fmt::format("the certificates to trust cannot be read ({}): {}",
                          bundle.empty() ? "the system's" : "AWS_CA_BUNDLE", failed.message()),
              "store");
}

}  // namespace

Result<std::shared_ptr<DataApiAccess>> DataApiAccess::make(const DataApiUrl& url,
                                                           data_api::Environment environment) {
  std::shared_ptr<DataApiAccess> made(new DataApiAccess(url, std::move(environment)));
  HUNT_TRY(region, data_api::read_region(made->environment_, url.resource()));
  HUNT_TRY(credentials, data_api::read_credentials(made->environment_));
  made->region_ = std::move(region);
  made->credentials_ = std::move(credentials);
  if (url.tls()) HUNT_CHECK(set_trust(made->trust_, made->environment_("AWS_CA_BUNDLE")));
  return made;
}

DataApiAccess::Headers DataApiAccess::sign(std::string_view path, std::string_view body,
                                           data_api::Credentials& used) {
  {
    const std::lock_guard lock(mutex_);
    used = credentials_;
  }
  const std::string time = data_api::write_amz_time(
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::microseconds(1));
  Headers headers{{"Host", url_.host()},
                  {"Content-Type", "application/json"},
                  {"X-Amz-Date", time},
                  {"X-Amz-Content-Sha256", data_api::hex_sha256(body)}};
  if (!used.session_token.empty()) {
    headers.emplace_back("X-Amz-Security-Token", used.session_token);
  }
  data_api::WireRequest request;
  request.method = "POST";
  request.path = path;
  request.body = body;
  for (const auto& [name, value] : headers) request.headers.emplace_back(name, value);
  const data_api::Scope scope{time.substr(0, 8), region_, "rds-data"};
  const std::lock_guard lock(mutex_);
  headers.emplace_back(
      "Authorization",
      data_api::authorization_for(request, time, scope, used.key_id, used.secret, signer_));
  return headers;
}

bool DataApiAccess::renew(const data_api::Credentials& refused) {
  const std::lock_guard lock(mutex_);
  if (!(credentials_ == refused)) return true;  // somebody else has done it
  auto read = data_api::read_credentials(environment_);
  if (!read || *read == refused) return false;
  credentials_ = std::move(*read);
  return true;
}

}  // namespace hunt::postgres
