#include "base/hide_user.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace hunt {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view scheme_end = "://";

// "password", "sslpassword", "PGPASSWORD", "--admin-token", and "pass%77ord", as libpq reads it.
bool is_secret(std::string_view name) {
  std::string plain;
  if (percent_decode(name, plain) != std::string_view::npos) plain = name;
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 3> secrets = {"password", "passwd", "token"};
  return std::any_of(secrets.begin(), secrets.end(),
                     [&plain](std::string_view one) { return plain.ends_with(one); });
}

// How long the secret is that stands before "=" and behind a name, which began with `before`. In
// doubt it is longer: an & of a password that nobody escaped is not told from the next parameter,
// nor its @ from that of a user.
std::size_t value_size(std::string_view text, char before) {
  if (text.starts_with('\'')) {
    std::size_t at = 1;
    while (at < text.size() && text[at] != '\'') at += text[at] == '\\' ? 2 : 1;
    return std::min(at + 1, text.size());
  }
  std::string_view word = text.substr(0, text.find_first_of(blanks));
  const bool of_url = before == '?' || before == '&';
  if (of_url && word.find('@') == std::string_view::npos) word = word.substr(0, word.find('&'));
  if (word.size() < text.size() && text[word.size()] == '&') return word.size();
  // Of the sentence around.
  return word.find_last_not_of("\"'`)]}>;,.:") + 1;
}

// "…?user=ann&password=secret" -> "…?user=ann&password=...".
std::string hide_parameters(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t equals = text.find('='); equals < text.size(); equals = text.find('=', equals)) {
    const std::string_view so_far = text.substr(done, equals - done);
    const std::size_t begin = so_far.find_last_of(" \t\r\n?&;=\"'") + 1;
    const char before = begin == 0 ? ' ' : so_far[begin - 1];
    ++equals;
    if (!is_secret(so_far.substr(begin))) continue;
    const std::string_view value = text.substr(equals, value_size(text.substr(equals), before));
    if (value.empty()) continue;
    out += text.substr(done, equals - done);
    out += "...";
    // Where it may be a part of what stands before a host, that is hidden with it.
    if (value.find('@') != std::string_view::npos) out += '@';
    done = equals = equals + value.size();
  }
  out += text.substr(done);
  return out;
}

std::string hide_users(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t scheme = text.find(scheme_end);
    if (scheme == std::string_view::npos) break;
    const std::size_t from = scheme + scheme_end.size();
    const std::string_view word = text.substr(from, text.find_first_of(blanks, from) - from);
    const std::size_t at = word.rfind('@');
    const bool holds = at != std::string_view::npos && !word.substr(at).starts_with("@]");
    out += text.substr(0, from);
    if (holds) out += "...";
    text.remove_prefix(from + (holds ? at : 0));
  }
  out += text;
  return out;
}

}  // namespace

std::string hide_user(std::string_view text) {
  return hide_users(hide_parameters(text));
}

}  // namespace hunt
