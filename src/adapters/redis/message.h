// Command and Reply: what goes to a Redis server and what comes back, as values.
//
// Not the connection (link.h). A command is its bytes on the wire; a reply is a copy of what
// hiredis read, so that it may outlive the connection.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct redisReply;

namespace hunt::redis {

// Writes one command: as many words as were announced.
class CommandWriter {
 public:
  explicit CommandWriter(std::size_t words);
  CommandWriter& add(std::string_view word);
  CommandWriter& add(std::uint64_t number);
  [[nodiscard]] std::string take();

 private:
  std::string bytes_;
  std::size_t missing_;
};

struct Reply {
  enum class Kind : std::uint8_t { nothing, status, error, integer, text, list };
  Kind kind = Kind::nothing;
  std::int64_t integer = 0;
  std::string text;  // of a status, an error or a text
  std::vector<Reply> list;
  std::int64_t time_ms = 0;  // the server's clock, a moment later, where that was asked for
  std::uint32_t clock = 0;   // which server's

  [[nodiscard]] bool is_error() const noexcept { return kind == Kind::error; }
  // Whether it is an error that begins with this word.
  [[nodiscard]] bool is_error(std::string_view word) const noexcept;
};

[[nodiscard]] Reply copy_of(const redisReply& reply);

}  // namespace hunt::redis
