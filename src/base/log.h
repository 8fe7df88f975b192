// Log: what a process tells whoever runs it: one line an event, on standard error.
//
// Not what a command answers, which is standard output. A process has one log as it has one
// standard error, so nothing is handed around for it. Commands that end soon write plain lines, as
// people read them; servers set a form with time, level and part. What comes again within ten
// seconds is counted, and told as a number; what nobody takes is lost, and counted. Never a secret:
// URLs are shown without user and password, files by their names. Thread: any.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hunt {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
inline constexpr std::string_view log_level_names[] = {"debug", "info", "warning", "error"};

// plain: "hunt: <message>", for commands.
enum class LogFormat : std::uint8_t { plain, text, json };

// A name is one word of a-z, 0-9 and _.
struct LogField {
  std::string name;
  std::string value;
};

struct LogEvent {
  LogLevel level = LogLevel::info;
  std::string part;     // one word, or a few: "bus", "store of shard 1"
  std::string message;  // a sentence without what changes from one time to the next
  std::vector<LogField> fields = {};
};

// The event as one line, without its end. Units: microseconds since 1970.
[[nodiscard]] std::string log_line(const LogEvent& event, LogFormat format, std::int64_t wall_us);

// Which events are told, and which are counted: those of one level, part and message.
// Bound: known_max of them; the oldest is forgotten for a new one. Pure; thread: one.
class LogRepeats {
 public:
  static constexpr std::int64_t window_ns = 10'000'000'000;
  static constexpr std::size_t known_max = 256;

  // Whether to tell it now.
  [[nodiscard]] bool take(const LogEvent& event, std::int64_t now_ns);
  // What was counted, as events, where ten seconds are over; all of it at the end of a process.
  [[nodiscard]] std::vector<LogEvent> due(std::int64_t now_ns, bool all = false);

 private:
  struct Known {
    LogLevel level = LogLevel::info;
    std::string part;
    std::string message;
    std::int64_t since_ns = 0;
    std::uint64_t more = 0;
  };
  std::map<std::string, Known> known_;
};

// How this process writes from now on.
void set_log(LogLevel least, LogFormat format);
void log(const LogEvent& event);
inline void log(LogLevel level, std::string part, std::string message,
                std::vector<LogField> fields = {}) {
  log({level, std::move(part), std::move(message), std::move(fields)});
}
// Tells what was counted. To be called now and then, and with `all` at the end.
void log_counted(bool all = false);

}  // namespace hunt
