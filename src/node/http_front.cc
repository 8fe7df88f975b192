#include "node/http_front.h"

#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "adapters/http/hosts.h"
#include "base/random_bytes.h"
#include "base/text.h"
#include "node/secrets.h"

namespace hunt::node {
namespace {

Result<std::string> read_token(const std::string& path, const char* flag) {
  auto token = read_secret(path);
  if (!token) token.error().field = flag;
  return token;
}

}  // namespace

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Result<http::HttpOptions> http_options_of(const NodeOptions& options, const HostPort& listen) {
  http::HttpOptions out;
  out.machine_name = machine_name();
  for (const auto& text : options.allowed_hosts) {
    HUNT_TRY(name, http::allowed_host(text));
    out.allowed_hosts.push_back(std::move(name));
  }
  out.host = listen.host;
  out.port = listen.port;
  if (options.admin_token_file.empty()) {
    out.admin_token = to_hex(random_bytes<16>());
  } else {
    HUNT_TRY(token, read_token(options.admin_token_file, "admin-token-file"));
    out.admin_token = token;
  }
  if (!options.server_token_file.empty()) {
    HUNT_TRY(token, read_token(options.server_token_file, "server-token-file"));
    out.server_token = token;
  }
  return out;
}

}  // namespace hunt::node
