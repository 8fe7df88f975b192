#include "node/secrets.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <string_view>
#include <utility>

#include "base/input_file.h"
#include "base/log.h"
#include "base/text.h"

namespace hunt::node {

namespace {

constexpr std::size_t secret_file_bytes_max = 64 * 1'024;

}  // namespace

Result<std::string> read_secret(const std::string& path) {
  auto whole = read_whole_file(path, secret_file_bytes_max);
  if (!whole) {
    Error error = std::move(whole).error();
    error.message += "; expected a token in its first line, such as `openssl rand -hex 32` writes";
    return tl::unexpected<Error>(std::move(error));
  }
  const std::string& text = *whole;
  const std::string_view line = std::string_view(text).substr(0, text.find('\n'));
  const auto first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return fail(Errc::invalid_argument, fmt::format("{} holds no token in its first line", path));
  }
  return std::string(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
}

Result<std::vector<std::uint8_t>> read_event_seed(const std::string& path) {
  HUNT_TRY(text, read_whole_file(path, secret_file_bytes_max));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  std::vector<std::uint8_t> seed(32);
  if (text.size() == 64 && from_hex(text, seed)) return seed;
  return fail(Errc::invalid_argument,
              fmt::format("{} must hold 64 hexadecimal digits (32 bytes), such as "
                          "`openssl rand -hex 32` writes",
                          path));
}

// Secrets belong to their owner. Where a group is given one by Kubernetes, others still are not.
void warn_of_others(const std::string& path) {
  struct stat found {};
  if (path.empty() || ::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  if ((found.st_mode & 0007U) == 0) return;
  log(LogLevel::warning, "secrets",
      fmt::format(
          "everybody on this machine may read {} (mode {:04o}), which holds a secret; `chmod "
          "600` it",
          path, found.st_mode & 07777U));
}

}  // namespace hunt::node
