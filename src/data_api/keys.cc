#include "data_api/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <span>

#include "base/text.h"

namespace hunt::data_api {
namespace {

namespace json = boost::json;

constexpr std::size_t entries_max = 10'000;

std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

tl::unexpected<Error> wrong(const std::string& place, std::string_view why) {
  return fail(Errc::invalid_argument, fmt::format("the keys file: {}: {}", place, why), "keys");
}

// The text of a member. Never says what stands there: it may be a secret.
Result<std::string> text_of(const json::object& object, std::string_view name,
                            const std::string& place, bool needed) {
  const auto* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr && !needed) return std::string();
  if (value == nullptr) return wrong(place, fmt::format("\"{}\" is missing", name));
  if (!value->is_string()) return wrong(place, fmt::format("\"{}\" is no string", name));
  const std::string text(view(value->get_string()));
  if (needed && text.empty()) return wrong(place, fmt::format("\"{}\" is empty", name));
  if (text.find('\0') != std::string::npos) {
    return wrong(place, fmt::format("\"{}\" has a zero byte", name));
  }
  return text;
}

Result<const json::object*> entry_of(const json::value& value, const std::string& place,
                                     std::span<const std::string_view> known) {
  if (!value.is_object()) return wrong(place, "no object");
  for (const auto& [key, member] : value.get_object()) {
    if (std::find(known.begin(), known.end(), view(key)) != known.end()) continue;
    return wrong(place, fmt::format("\"{}\" is unknown{}", printable(view(key)),
                                    did_you_mean(view(key), known)));
  }
  return &value.get_object();
}

Result<AccessKey> read_access_key(const json::value& value, const std::string& place) {
  constexpr std::array<std::string_view, 4> known = {"id", "secret", "session_token", "secrets"};
  HUNT_TRY(entry, entry_of(value, place, known));
  AccessKey key;
  HUNT_TRY(id, text_of(*entry, "id", place, true));
  HUNT_TRY(secret, text_of(*entry, "secret", place, true));
  HUNT_TRY(token, text_of(*entry, "session_token", place, false));
  key.id = id;
  key.secret = secret;
  key.session_token = token;
  if (const auto* secrets = entry->if_contains("secrets")) {
    if (!secrets->is_array() || secrets->get_array().empty()) {
      return wrong(place, "\"secrets\" is no list of ARNs; leave it out to allow all");
    }
    for (const auto& arn : secrets->get_array()) {
      if (!arn.is_string()) return wrong(place, "\"secrets\" holds something else than ARNs");
      key.secrets.emplace_back(view(arn.get_string()));
    }
  }
  return key;
}

Result<void> read_secret(const json::value& value, const std::string& place, Keys& keys) {
  constexpr std::array<std::string_view, 3> known = {"arn", "user", "password"};
  HUNT_TRY(entry, entry_of(value, place, known));
  HUNT_TRY(arn, text_of(*entry, "arn", place, true));
  HUNT_TRY(user, text_of(*entry, "user", place, true));
  HUNT_TRY(password, text_of(*entry, "password", place, false));
  if (!keys.secrets.emplace(arn, DatabaseRole{user, password}).second) {
    return wrong(place, "the ARN stands there twice");
  }
  return {};
}

Result<const json::array*> list_of(const json::object& all, std::string_view name) {
  const auto* list = all.if_contains({name.data(), name.size()});
  if (list == nullptr || !list->is_array() || list->get_array().empty()) {
    return wrong(std::string(name), "expected a list with at least one entry");
  }
  if (list->get_array().size() > entries_max) {
    return wrong(std::string(name), fmt::format("more than {} entries", with_commas(entries_max)));
  }
  return &list->get_array();
}

}  // namespace

Result<Keys> read_keys(std::string_view text) {
  constexpr std::array<std::string_view, 2> known = {"access_keys", "secrets"};
  json::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error) return wrong("the whole", "no JSON: " + error.message());
  HUNT_TRY(all, entry_of(value, "the whole", known));
  HUNT_TRY(access_keys, list_of(*all, "access_keys"));
  HUNT_TRY(secrets, list_of(*all, "secrets"));
  Keys keys;
  for (std::size_t i = 0; i < access_keys->size(); ++i) {
    const std::string place = fmt::format("access_keys[{}]", i);
    HUNT_TRY(key, read_access_key((*access_keys)[i], place));
    const std::string id = key.id;
    if (!keys.access_keys.emplace(id, std::move(key)).second) {
      return wrong(place, "the id stands there twice");
    }
  }
  for (std::size_t i = 0; i < secrets->size(); ++i) {
    HUNT_CHECK(read_secret((*secrets)[i], fmt::format("secrets[{}]", i), keys));
  }
  for (const auto& [id, key] : keys.access_keys) {
    for (const auto& arn : key.secrets) {
      if (keys.secrets.find(arn) != keys.secrets.end()) continue;
      return wrong(fmt::format("the access key {}", printable(id)),
                   fmt::format("its secret {} is not among \"secrets\"", printable(arn, 600)));
    }
  }
  return keys;
}

}  // namespace hunt::data_api
