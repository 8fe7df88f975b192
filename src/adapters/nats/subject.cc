#include "adapters/nats/subject.h"

#include <array>

#include "base/text.h"
#include "model/hunt_name.h"

namespace hunt::nats {

bool is_reply_subject(std::string_view subject) noexcept {
  constexpr std::size_t subject_bytes_max = 255;
  if (subject.empty() || subject.size() > subject_bytes_max) return false;
  if (subject.front() == '$' || subject.front() == '.' || subject.back() == '.') return false;
  if (model::is_hunt_subject(subject) || subject.find("..") != std::string_view::npos) return false;
  for (const char c : subject) {
    if (c <= ' ' || c >= 127 || c == '*' || c == '>') return false;
  }
  return true;
}

std::optional<AckSubject> parse_ack_subject(std::string_view subject, std::string_view stream,
                                            std::string_view consumer) noexcept {
  if (!subject.starts_with("$JS.ACK.")) return {};
  std::array<std::string_view, 12> tokens;
  std::size_t count = 0;
  while (count < tokens.size()) {
    const auto dot = subject.find('.');
    tokens[count++] = subject.substr(0, dot);
    if (dot == std::string_view::npos) break;
    subject.remove_prefix(dot + 1);
  }
  const bool longer = count >= 11;
  if (!longer && count != 9) return {};
  const std::size_t first = longer ? 6 : 4;
  if (tokens[first - 2] != stream || tokens[first - 1] != consumer) return {};
  const auto delivered = parse_u64(tokens[first]);
  const auto sequence = parse_u64(tokens[first + 1]);
  const auto stored_ns = parse_i64(tokens[first + 3]);
  const auto pending = parse_u64(tokens[first + 4]);
  if (!delivered || !sequence || !stored_ns || !pending) return {};
  return AckSubject{*delivered, *sequence, *stored_ns / 1'000, *pending};
}

}  // namespace hunt::nats
