// DataApiAccess: where a Data API is, who signs requests to it, and which certificates are trusted.
//
// Not a connection (data_api_client.h). Shared by all of them. Thread: any.
#pragma once
#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/data_api_url.h"
#include "base/result.h"
#include "data_api/credentials.h"
#include "data_api/sigv4.h"

namespace hunt::postgres {

class DataApiAccess {
 public:
  // Reads the environment. Errors: unauthorized, invalid_argument, io (a file of certificates).
  [[nodiscard]] static Result<std::shared_ptr<DataApiAccess>> make(
      const DataApiUrl& url, data_api::Environment environment = data_api::process_environment());

  [[nodiscard]] const DataApiUrl& url() const noexcept { return url_; }
  [[nodiscard]] boost::asio::ssl::context& trust() noexcept { return trust_; }

  // The headers of a request with this path and body, its signature among them. `used`: whose.
  using Headers = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] Headers sign(std::string_view path, std::string_view body,
                             data_api::Credentials& used);
  // Those were refused: reads them again. False: there are no others.
  [[nodiscard]] bool renew(const data_api::Credentials& refused);
  // Whether the database wakes up just now. True: that is news.
  [[nodiscard]] bool note_resuming(bool resuming) noexcept {
    return resuming_.exchange(resuming) != resuming;
  }

 private:
  DataApiAccess(DataApiUrl url, data_api::Environment environment)
      : url_(std::move(url)),
        environment_(std::move(environment)),
        trust_(boost::asio::ssl::context::tls_client) {}

  const DataApiUrl url_;
  const data_api::Environment environment_;
  std::string region_;
  boost::asio::ssl::context trust_;
  std::atomic<bool> resuming_ = false;
  std::mutex mutex_;
  data_api::Credentials credentials_;
  data_api::Signer signer_;
};

}  // namespace hunt::postgres
