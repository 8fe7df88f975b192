#include "base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>

#include "base/json_string.h"
#include "base/text.h"

namespace hunt {

namespace {

// Together a line of one field fits into what a pipe takes at once (PIPE_BUF).
constexpr std::size_t message_bytes_max = 3'072;
constexpr std::size_t field_bytes_max = 512;
// Nobody who serves waits longer for whoever reads the log.
constexpr int reader_patience_ms = 10;

std::string time_of(std::int64_t wall_us) {
  std::string time = format_time_us(wall_us);  // …:17.123456Z
  return time.erase(time.size() - 4, 3);
}

// One line, whatever is in it. Text beyond ASCII stays.
void append_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    }
  }
}

std::string_view cut(std::string_view text) {
  return text.substr(0, message_bytes_max);
}
std::string_view cut_field(std::string_view text) {
  return text.substr(0, field_bytes_max);
}

std::string text_line(const LogEvent& event, std::int64_t wall_us) {
  std::string line =
      fmt::format("{} {:<7} {}: ", time_of(wall_us),
                  log_level_names[static_cast<std::size_t>(event.level)], event.part);
  // Whoever writes for `hunt: ` names the part himself.
  const std::string named = event.part + ": ";
  const std::size_t from = event.message.starts_with(named) ? named.size() : 0;
  append_text(line, cut(std::string_view(event.message).substr(from)));
  for (const auto& field : event.fields) {
    line += fmt::format(" {}=", field.name);
    const bool bare =
        !field.value.empty() && field.value.find_first_of(" \"=\n\t") == std::string::npos;
    if (bare) {
      append_text(line, cut_field(field.value));
    } else {
      append_json_string(line, cut_field(field.value));
    }
  }
  return line;
}

std::string json_line(const LogEvent& event, std::int64_t wall_us) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","part":)", time_of(wall_us),
                                 log_level_names[static_cast<std::size_t>(event.level)]);
  append_json_string(line, event.part);
  line += R"(,"message":)";
  append_json_string(line, cut(event.message));
  for (const auto& field : event.fields) {
    line.push_back(',');
    append_json_string(line, field.name);
    line.push_back(':');
    append_json_string(line, cut_field(field.value));
  }
  line.push_back('}');
  return line;
}

// The one of this process.
struct Process {
  std::mutex mutex;
  LogLevel least = LogLevel::info;
  LogFormat format = LogFormat::plain;
  LogRepeats repeats;
};

Process& process() {
  static Process one;
  return one;
}

std::int64_t monotonic_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// At once and whole, so that lines of several threads do not mix. A log that nobody takes is no
// reason to stop: what finds no room is counted, and told when there is room again.
void put(const LogEvent& event, LogFormat format) {
  static std::uint64_t lost = 0;
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (format != LogFormat::plain && ::poll(&room, 1, reader_patience_ms) == 0) {
    ++lost;
    return;
  }
  std::string line = log_line(event, format, wall_us()) + '\n';
  if (lost > 0) {
    const LogEvent told{LogLevel::warning, "log",
                        fmt::format("{} lines were lost: nobody read them", lost)};
    line = log_line(told, format, wall_us()) + '\n' + line;
    lost = 0;
  }
  std::string_view left = line;
  while (!left.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, left.data(), left.size());
    if (written <= 0) return;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string log_line(const LogEvent& event, LogFormat format, std::int64_t wall_us) {
  switch (format) {
    case LogFormat::text:
      return text_line(event, wall_us);
    case LogFormat::json:
      return json_line(event, wall_us);
    case LogFormat::plain:
      break;
  }
  return "hunt: " + event.message;
}

bool LogRepeats::take(const LogEvent& event, std::int64_t now_ns) {
  const std::string key =
      fmt::format("{} {}: {}", static_cast<int>(event.level), event.part, event.message);
  if (const auto found = known_.find(key); found != known_.end()) {
    ++found->second.more;
    return false;
  }
  if (known_.size() >= known_max) {
    known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
      return a.second.since_ns < b.second.since_ns;
    }));
  }
  known_.emplace(key, Known{event.level, event.part, event.message, now_ns, 0});
  return true;
}

std::vector<LogEvent> LogRepeats::due(std::int64_t now_ns, bool all) {
  std::vector<LogEvent> events;
  for (auto at = known_.begin(); at != known_.end();) {
    Known& known = at->second;
    if (!all && now_ns - known.since_ns < window_ns) {
      ++at;
      continue;
    }
    if (known.more == 0) {
      at = known_.erase(at);
      continue;
    }
    const auto seconds = std::max<std::int64_t>(1, (now_ns - known.since_ns) / 1'000'000'000);
    events.push_back({known.level,
                      known.part,
                      fmt::format("… and {} more like it in the last {} s: {}", known.more, seconds,
                                  known.message),
                      {{"repeats", fmt::format("{}", known.more)}}});
    known.more = 0;
    known.since_ns = now_ns;
    ++at;
  }
  return events;
}

void set_log(LogLevel least, LogFormat format) {
  Process& one = process();
  const std::lock_guard lock(one.mutex);
  one.least = least;
  one.format = format;
}

void log(const LogEvent& event) {
  Process& one = process();
  const std::lock_guard lock(one.mutex);
  if (event.level < one.least) return;
  if (one.format == LogFormat::plain) return put(event, one.format);  // a person reads along
  const std::int64_t now_ns = monotonic_ns();
  for (const auto& counted : one.repeats.due(now_ns)) put(counted, one.format);
  if (one.repeats.take(event, now_ns)) put(event, one.format);
}

void log_counted(bool all) {
  Process& one = process();
  const std::lock_guard lock(one.mutex);
  for (const auto& counted : one.repeats.due(monotonic_ns(), all)) put(counted, one.format);
}

}  // namespace hunt
