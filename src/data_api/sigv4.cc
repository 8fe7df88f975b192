#include "data_api/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/percent.h"
#include "base/text.h"

namespace hunt::data_api {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view terminator = "aws4_request";
constexpr std::size_t signed_headers_max = 64;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool same_name(std::string_view any_case, std::string_view lower_case) {
  if (any_case.size() != lower_case.size()) return false;
  return std::equal(any_case.begin(), any_case.end(), lower_case.begin(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Without spaces at both ends, and with one instead of several in between.
void append_trimmed(std::string& out, std::string_view value) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  bool after_space = false;
  for (const char c : value) {
    if (is_space(c)) {
      if (!after_space) out.push_back(' ');
      after_space = true;
    } else {
      out.push_back(c);
      after_space = false;
    }
  }
}

std::string encoded_once(std::string_view escaped) {
  std::string plain;
  std::string out;
  const bool readable = percent_decode(escaped, plain) == std::string_view::npos;
  append_percent_encoded(out, readable ? std::string_view(plain) : escaped);
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::string> pairs;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string_view value =
        equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    if (!pair.empty()) {
      pairs.push_back(encoded_once(pair.substr(0, equals)) + "=" + encoded_once(value));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& pair : pairs) out += (out.empty() ? "" : "&") + pair;
  return out;
}

std::string_view header_of(const WireRequest& request, std::string_view name) {
  for (const auto& [field, value] : request.headers) {
    if (same_name(field, name)) return value;
  }
  return {};
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ";") + part;
  return out;
}

Digest256 hmac(Bytes key, std::string_view text) {
  return HmacSha256(key).of(bytes_of(text));
}

tl::unexpected<Refusal> incomplete(std::string why) {
  return refuse(Failure::incomplete_signature, std::move(why));
}

// Whether what must be signed is: else somebody on the way could change it.
Answer<void> check_signed(const WireRequest& request, const Authorization& said) {
  const auto is_signed = [&said](std::string_view name) {
    return std::any_of(said.signed_headers.begin(), said.signed_headers.end(),
                       [name](const std::string& one) { return same_name(name, one); });
  };
  if (!is_signed("host")) return incomplete("'Host' must be a 'SignedHeader' in the AWS signature");
  for (const auto& [name, value] : request.headers) {
    const bool must = name.size() > 6 && same_name(name.substr(0, 6), "x-amz-");
    if (must && !is_signed(name)) {
      return incomplete(fmt::format(
          "'{}' must be a 'SignedHeader' in the AWS signature, as every x-amz- header that is sent",
          printable(name)));
    }
  }
  for (const auto& name : said.signed_headers) {
    const auto there =
        std::count_if(request.headers.begin(), request.headers.end(),
                      [&name](const auto& header) { return same_name(header.first, name); });
    if (there == 0) {
      return incomplete(
          fmt::format("the signed header '{}' is not in the request", printable(name)));
    }
  }
  return {};
}

Answer<void> check_time(std::string_view time, std::int64_t now_us, const Scope& scope) {
  constexpr std::int64_t skew_us = 5 * 60 * 1'000'000LL;
  const auto at_us = read_amz_time(time);
  if (!at_us) {
    return incomplete(
        fmt::format("Date must be in ISO-8601 'basic format'. Got '{}'. See "
                    "http://en.wikipedia.org/wiki/ISO_8601",
                    printable(time)));
  }
  if (time.substr(0, 8) != scope.date) {
    return refuse(Failure::invalid_signature,
                  fmt::format("Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                              "version of date from HTTP: '{}' != '{}', from '{}'.",
                              printable(scope.date), time.substr(0, 8), printable(time)));
  }
  if (*at_us < now_us - skew_us) {
    return refuse(Failure::invalid_signature,
                  fmt::format("Signature expired: {} is now earlier than {} ({} - 5 min.)", time,
                              write_amz_time(now_us - skew_us), write_amz_time(now_us)));
  }
  if (*at_us > now_us + skew_us) {
    return refuse(Failure::invalid_signature,
                  fmt::format("Signature not yet current: {} is still later than {} ({} + 5 min.)",
                              time, write_amz_time(now_us + skew_us), write_amz_time(now_us)));
  }
  return {};
}

}  // namespace

std::string Scope::text() const {
  return fmt::format("{}/{}/{}/{}", date, region, service, terminator);
}

Answer<Authorization> read_authorization(std::string_view header) {
  if (!header.starts_with(algorithm) || header.size() == algorithm.size() ||
      header[algorithm.size()] != ' ') {
    return incomplete(fmt::format("Authorization header requires the algorithm '{}'", algorithm));
  }
  Authorization said;
  bool has_scope = false;
  for (const auto part : split(header.substr(algorithm.size() + 1), ',')) {
    const auto one = trimmed(part);
    const auto equals = one.find('=');
    if (equals == std::string_view::npos) return incomplete("a part of Authorization has no '='");
    const auto name = one.substr(0, equals);
    const auto value = one.substr(equals + 1);
    if (name == "Credential" && !has_scope) {
      const auto words = split(value, '/');
      if (words.size() < 5 || words.back() != terminator) {
        return incomplete(
            "Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request in Authorization");
      }
      const auto scope_bytes = words[words.size() - 4].data() - value.data();
      said.access_key = value.substr(0, static_cast<std::size_t>(scope_bytes) - 1);
      said.scope = {std::string(words[words.size() - 4]), std::string(words[words.size() - 3]),
                    std::string(words[words.size() - 2])};
      has_scope = true;
    } else if (name == "SignedHeaders" && said.signed_headers.empty()) {
      for (const auto word : split(value, ';')) said.signed_headers.push_back(lower(word));
    } else if (name == "Signature" && said.signature.empty()) {
      said.signature = value;
    } else {
      return incomplete(
          fmt::format("'{}' is not expected there in Authorization", printable(name)));
    }
  }
  if (!has_scope) return incomplete("Authorization header requires 'Credential' parameter.");
  if (said.signature.empty()) {
    return incomplete("Authorization header requires 'Signature' parameter.");
  }
  auto& names = said.signed_headers;
  if (names.empty()) return incomplete("Authorization header requires 'SignedHeaders' parameter.");
  std::sort(names.begin(), names.end());
  if (names.size() > signed_headers_max || names.front().empty() ||
      std::adjacent_find(names.begin(), names.end()) != names.end()) {
    return incomplete("SignedHeaders names a header twice, none, or more than 64");
  }
  return said;
}

std::string hex_sha256(std::string_view text) {
  thread_local Sha256 sha256;
  return to_hex(sha256.of(bytes_of(text)));
}

std::string canonical_request(const WireRequest& request,
                              const std::vector<std::string>& signed_headers) {
  std::string out(request.method);
  out.push_back('\n');
  append_percent_encoded(out, request.path.empty() ? std::string_view("/") : request.path, "/");
  out += "\n" + canonical_query(request.query) + "\n";
  for (const auto& name : signed_headers) {
    out += name + ":";
    bool first = true;
    for (const auto& [field, value] : request.headers) {
      if (!same_name(field, name)) continue;
      if (!first) out.push_back(',');
      append_trimmed(out, value);
      first = false;
    }
    out.push_back('\n');
  }
  return out + "\n" + join(signed_headers) + "\n" + hex_sha256(request.body);
}

std::string string_to_sign(std::string_view time, const Scope& scope, std::string_view canonical) {
  return fmt::format("{}\n{}\n{}\n{}", algorithm, time, scope.text(), hex_sha256(canonical));
}

Digest256 signing_key(std::string_view secret, const Scope& scope) {
  const Digest256 date = hmac(bytes_of(fmt::format("AWS4{}", secret)), scope.date);
  const Digest256 region = hmac(date, scope.region);
  const Digest256 service = hmac(region, scope.service);
  return hmac(service, terminator);
}

std::string Signer::signature_of(std::string_view time, const Scope& scope,
                                 std::string_view canonical, std::string_view secret) {
  const std::string name = fmt::format("{}/{}", secret, scope.text());
  auto known = kept_.find(name);
  if (known == kept_.end()) {
    if (kept_.size() >= kept_max) kept_.clear();
    known = kept_.emplace(name, HmacSha256(signing_key(secret, scope))).first;
  }
  return to_hex(known->second.of(bytes_of(string_to_sign(time, scope, canonical))));
}

std::string authorization_for(const WireRequest& request, std::string_view time, const Scope& scope,
                              std::string_view access_key, std::string_view secret) {
  Signer signer;
  return authorization_for(request, time, scope, access_key, secret, signer);
}

std::string authorization_for(const WireRequest& request, std::string_view time, const Scope& scope,
                              std::string_view access_key, std::string_view secret,
                              Signer& signer) {
  std::vector<std::string> names;
  for (const auto& [name, value] : request.headers) names.push_back(lower(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string signature =
      signer.signature_of(time, scope, canonical_request(request, names), secret);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", algorithm, access_key,
                     scope.text(), join(names), signature);
}

std::optional<std::int64_t> read_amz_time(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return {};
  return parse_time_us(fmt::format("{}-{}-{}T{}:{}:{}Z", text.substr(0, 4), text.substr(4, 2),
                                   text.substr(6, 2), text.substr(9, 2), text.substr(11, 2),
                                   text.substr(13, 2)));
}

std::string write_amz_time(std::int64_t time_us) {
  const std::string iso = format_time_us(time_us);  // 2026-11-23T18:30:17.123456Z
  return fmt::format("{}{}{}T{}{}{}Z", iso.substr(0, 4), iso.substr(5, 2), iso.substr(8, 2),
                     iso.substr(11, 2), iso.substr(14, 2), iso.substr(17, 2));
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return different == 0;
}

Answer<const AccessKey*> Verifier::verify(const WireRequest& request, std::int64_t now_us) {
  const std::string_view header = header_of(request, "authorization");
  if (header.empty()) {
    return refuse(Failure::missing_authentication, "Missing Authentication Token");
  }
  auto said = read_authorization(header);
  if (!said) return tl::unexpected<Refusal>(std::move(said.error()));
  const std::string_view time = header_of(request, "x-amz-date");
  if (time.empty()) return incomplete("the request has no X-Amz-Date header");
  if (const auto fine = check_signed(request, *said); !fine) {
    return tl::unexpected<Refusal>(fine.error());
  }
  const auto known = keys_.find(said->access_key);
  if (known == keys_.end() ||
      !same_secret(header_of(request, "x-amz-security-token"), known->second.session_token)) {
    return refuse(Failure::unrecognized_client,
                  "The security token included in the request is invalid.");
  }
  if (said->scope.service != service_) {
    return refuse(Failure::invalid_signature,
                  fmt::format("Credential should be scoped to correct service: '{}'.", service_));
  }
  if (said->scope.region.empty() || (!region_.empty() && said->scope.region != region_)) {
    return refuse(Failure::invalid_signature,
                  fmt::format("Credential should be scoped to a valid region, not '{}'.",
                              printable(said->scope.region)));
  }
  if (const auto fine = check_time(time, now_us, said->scope); !fine) {
    return tl::unexpected<Refusal>(fine.error());
  }
  const std::string_view claimed = header_of(request, "x-amz-content-sha256");
  const std::string expected = signer_.signature_of(
      time, said->scope, canonical_request(request, said->signed_headers), known->second.secret);
  const bool body_fits = claimed.empty() || same_secret(claimed, hex_sha256(request.body));
  if (!same_secret(expected, said->signature) || !body_fits) {
    return refuse(Failure::invalid_signature,
                  "The request signature we calculated does not match the signature you provided. "
                  "Check your AWS Secret Access Key and signing method. Consult the service "
                  "documentation for details.");
  }
  return &known->second;
}

}  // namespace hunt::data_api
