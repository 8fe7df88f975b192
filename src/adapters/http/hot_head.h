// HotHead: whether bytes of a connection begin with a request for positions that asks as an earlier
// one of it did.
//
// Not the parser of all requests (http_connection.cc has that): what is not plainly the same but
// for its length is `other`, which is no error. A header that repeats the last one byte by byte is
// compared and not parsed. No allocation once it has seen its first request. Thread: a plain value.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hunt::http {

// A larger batch costs a hop between threads next to nothing.
inline constexpr std::size_t hot_body_bytes_max = 16 * 1'024;

// What a request said about who asks, and that was let in.
struct AdmittedHead {
  std::string host;
  std::string authorization;
  std::string origin;
};

class HotHead {
 public:
  enum class Kind : std::uint8_t {
    more,   // so far it is one
    hot,    // it is whole
    other,  // it is not one, or nobody should answer it without a further look
  };
  struct Look {
    Kind kind = Kind::other;
    std::size_t bytes = 0;  // of the whole request
    std::string_view body;  // of `bytes`
    bool terminal = false;  // ?wait=terminal
  };

  HotHead(AdmittedHead admitted, std::size_t header_bytes_max)
      : admitted_(std::move(admitted)), header_bytes_max_(header_bytes_max) {}

  // Of bytes that a request begins with; empty ones are `more`.
  [[nodiscard]] Look look(std::string_view bytes);

 private:
  struct Header {
    std::size_t bytes = 0;
    std::size_t body_bytes = 0;
    bool terminal = false;
  };
  [[nodiscard]] std::optional<Header> repeated(std::string_view bytes) const;
  [[nodiscard]] std::optional<Header> read(std::string_view header);

  AdmittedHead admitted_;
  std::size_t header_bytes_max_;
  std::string before_;  // up to the digits of the length of the last one
  std::string after_;   // and from there on
  bool before_terminal_ = false;
};

}  // namespace hunt::http
