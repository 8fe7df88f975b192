#include "adapters/postgres/data_api_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "data_api/limits.h"

namespace hunt::postgres {
namespace {

constexpr std::string_view prefix = "data-api+";
constexpr std::array<std::string_view, 3> known = {"resource", "secret", "database"};

tl::unexpected<Error> wrong(std::string_view why) {
  return fail(Errc::invalid_argument,
              fmt::format("{}; expected "
                          "data-api+https://HOST[:PORT]?resource=ARN&secret=ARN&database=NAME",
                          why),
              "store");
}

Result<void> check_arn(std::string_view name, std::string_view value) {
  const bool fits = value.starts_with("arn:") && value.size() >= data_api::arn_characters_min &&
                    value.size() <= data_api::arn_characters_max;
  if (fits) return {};
  return wrong(fmt::format("{}= of the Data API's URL is no ARN", name));
}

}  // namespace

bool DataApiUrl::begins(std::string_view url) noexcept {
  return url.starts_with(prefix);
}

Result<DataApiUrl> DataApiUrl::parse(std::string_view url) {
  if (!begins(url)) return wrong("no URL of a Data API");
  const auto [scheme, rest] = split_url(url.substr(prefix.size()));
  if (scheme != Scheme::http && scheme != Scheme::https) {
    return wrong("a Data API is spoken to over http or https");
  }
  DataApiUrl out;
  out.tls_ = scheme == Scheme::https;
  const auto question = std::min(rest.find('?'), rest.size());
  std::string_view server = rest.substr(0, question);
  if (server.find('@') != std::string_view::npos) {
    return wrong("who signs stands in the environment (AWS_ACCESS_KEY_ID), not in the URL");
  }
  if (server.ends_with('/')) server.remove_suffix(1);
  if (server.find('/') != std::string_view::npos) return wrong("a Data API's URL has no path");
  constexpr std::uint16_t http_port = 80;
  constexpr std::uint16_t https_port = 443;
  const std::uint16_t usual = out.tls_ ? https_port : http_port;
  auto address = parse_server(server, usual);
  if (!address) return wrong(fmt::format("the server of the URL: {}", address.error().message));
  out.address_ = std::move(*address);
  std::string_view query = rest.substr(std::min(question + 1, rest.size()));
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    std::string value;
    if (percent_decode(pair.substr(std::min(equals + 1, pair.size())), value) !=
        std::string_view::npos) {
      return wrong("a % of the URL is not followed by two hexadecimal digits");
    }
    std::string* place = name == known[0]   ? &out.resource_
                         : name == known[1] ? &out.secret_
                         : name == known[2] ? &out.database_
                                            : nullptr;
    if (place == nullptr) {
      return wrong(fmt::format("\"{}\" is no setting of a Data API's URL{}", printable(name),
                               did_you_mean(name, known)));
    }
    if (!place->empty()) return wrong(fmt::format("{}= is given twice", name));
    *place = std::move(value);
  }
  HUNT_CHECK(check_arn(known[0], out.resource_));
  HUNT_CHECK(check_arn(known[1], out.secret_));
  if (out.database_.empty() || out.database_.size() > data_api::database_characters_max ||
      out.database_ != printable(out.database_)) {
    return wrong("database= of the Data API's URL has to be a name of at most 64 characters");
  }
  out.host_ = out.address_.port == usual ? std::string(server) : out.address_.shown();
  if (out.address_.port == usual && server.ends_with(fmt::format(":{}", usual))) {
    out.host_.resize(out.host_.rfind(':'));
  }
  out.shown_ = fmt::format("{}{}{}?database={}", prefix, prefix_of(scheme), out.address_.shown(),
                           out.database_);
  return out;
}

}  // namespace hunt::postgres
