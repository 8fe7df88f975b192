#include "data_api/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/input_file.h"
#include "base/text.h"

namespace hunt::data_api {
namespace {

constexpr std::size_t file_bytes_max = 1'024 * 1'024;
constexpr const char* key_variable = "AWS_ACCESS_KEY_ID";

tl::unexpected<Error> unsigned_for(std::string why) {
  return fail(Errc::unauthorized, std::move(why), "store");
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// "[profile x]" of AWS's other file is taken, too.
std::string_view section_of(std::string_view line) {
  std::string_view name = trimmed(line.substr(1, line.find(']') - 1));
  if (name.starts_with("profile ")) name = trimmed(name.substr(8));
  return name;
}

std::string credentials_path(const Environment& environment) {
  std::string path = environment("AWS_SHARED_CREDENTIALS_FILE");
  if (!path.empty()) return path;
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.aws/credentials";
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
}

Result<Credentials> read_profile(std::string_view file, std::string_view profile) {
  Credentials found;
  bool here = false;
  bool there_is = false;
  while (!file.empty()) {
    const auto end = std::min(file.find('\n'), file.size());
    const std::string_view line = trimmed(file.substr(0, end));
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      here = section_of(line) == profile;
      there_is = there_is || here;
      continue;
    }
    const auto equals = line.find('=');
    if (!here || equals == std::string_view::npos) continue;
    const std::string_view name = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (name == "aws_access_key_id") found.key_id = value;
    if (name == "aws_secret_access_key") found.secret = value;
    if (name == "aws_session_token") found.session_token = value;
  }
  if (!there_is) return unsigned_for(fmt::format("it has no profile [{}]", printable(profile)));
  if (found.key_id.empty() || found.secret.empty()) {
    return unsigned_for(fmt::format(
        "its profile [{}] lacks aws_access_key_id or aws_secret_access_key", printable(profile)));
  }
  return found;
}

Result<Credentials> read_credentials(const Environment& environment) {
  Credentials given{environment(key_variable), environment("AWS_SECRET_ACCESS_KEY"),
                    environment("AWS_SESSION_TOKEN")};
  if (!given.key_id.empty() && !given.secret.empty()) return given;
  if (!given.key_id.empty() || !given.secret.empty()) {
    return unsigned_for(
        fmt::format("of {} and AWS_SECRET_ACCESS_KEY only one is set: set both", key_variable));
  }
  const std::string path = credentials_path(environment);
  const std::string set = environment("AWS_PROFILE");
  const std::string profile = set.empty() ? "default" : set;
  const auto file = path.empty()
                        ? Result<std::string>(fail(Errc::not_found, "there is no home directory"))
                        : read_whole_file(path, file_bytes_max);
  if (!file) {
    return unsigned_for(
        fmt::format("nothing to sign requests with: set {} and AWS_SECRET_ACCESS_KEY, or write a "
                    "credentials file ({})",
                    key_variable, file.error().message));
  }
  auto read = read_profile(*file, profile);
  if (!read) {
    return unsigned_for(fmt::format("nothing to sign requests with: {}: {}; set {}, or AWS_PROFILE",
                                    path, read.error().message, key_variable));
  }
  return read;
}

Result<std::string> read_region(const Environment& environment, std::string_view resource_arn) {
  for (const auto* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string value = environment(name); !value.empty()) return value;
  }
  // arn:aws:rds:REGION:ACCOUNT:cluster:NAME
  constexpr int colons_before_region = 3;
  for (int i = 0; i < colons_before_region; ++i) {
    const auto colon = resource_arn.find(':');
    resource_arn.remove_prefix(std::min(colon, resource_arn.size() - 1) + 1);
  }
  const std::string_view region = resource_arn.substr(0, resource_arn.find(':'));
  if (!region.empty()) return std::string(region);
  return fail(Errc::invalid_argument,
              "no region to sign requests for: set AWS_REGION, or name it in the resource's ARN",
              "store");
}

}  // namespace hunt::data_api
