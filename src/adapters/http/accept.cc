#include "adapters/http/accept.h"

#include <algorithm>

namespace hunt::http {

namespace {

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The text up to `mark`, which is taken off `rest` with it. A mark within quotes does not count.
std::string_view next_part(std::string_view& rest, char mark) noexcept {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (quoted && rest[end] == '\\') {
      ++end;
    } else if (rest[end] == '"') {
      quoted = !quoted;
    } else if (rest[end] == mark && !quoted) {
      break;
    }
  }
  end = std::min(end, rest.size());
  const auto part = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

// "0.25" is 250. What is no weight counts as 1, as if it were not there.
int thousandths(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 1'000;
  if (text.size() > 1 && text[1] != '.') return 1'000;
  int value = (text[0] - '0') * 1'000;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return 1'000;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return std::min(value, 1'000);
}

int specificity_of(std::string_view range, std::string_view type) noexcept {
  if (range == "*/*") return 1;
  if (same_name(range, type)) return 3;
  const auto slash = type.find('/') + 1;
  const bool whole = range.size() == slash + 1 && range.back() == '*';
  return whole && same_name(range.substr(0, slash), type.substr(0, slash)) ? 2 : 0;
}

}  // namespace

Acceptance acceptance(std::string_view accept, std::string_view type) noexcept {
  if (trimmed(accept).empty()) return {1'000, 1};
  Acceptance best;
  while (!accept.empty()) {
    std::string_view entry = next_part(accept, ',');
    const int specificity = specificity_of(next_part(entry, ';'), type);
    int quality = 1'000;
    while (!entry.empty()) {
      const auto parameter = next_part(entry, ';');
      if (parameter.size() >= 2 && same_name(parameter.substr(0, 2), "q=")) {
        quality = thousandths(trimmed(parameter.substr(2)));
      }
    }
    if (specificity == 0 || specificity < best.specificity) continue;
    // The same type in several versions: the one that is wanted most.
    best.quality = specificity == best.specificity ? std::max(best.quality, quality) : quality;
    best.specificity = specificity;
  }
  return best;
}

}  // namespace hunt::http
