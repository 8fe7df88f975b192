#include "adapters/http/hot_head.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

#include "adapters/http/header_lines.h"

namespace hunt::http {

namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

constexpr std::string_view line_start = "POST /v1/positions";
constexpr std::string_view path = "/v1/positions";
constexpr std::string_view waiting_path = "/v1/positions?wait=terminal";
constexpr std::size_t length_digits_max = 5;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

// Beast's parser without its message: what is to be known of a header, by views of it.
class HeaderReader final : public bhttp::basic_parser<true> {
 public:
  std::string_view target;
  std::string_view host;
  std::string_view authorization;
  std::string_view origin;
  std::string_view length;
  bool plain = true;  // nothing was said that needs a further look

 private:
  void once(std::string_view& what, std::string_view value, unsigned bit) {
    plain = plain && (seen_ & bit) == 0;
    seen_ |= bit;
    what = value;
  }

  void on_request_impl(bhttp::verb method, beast::string_view, beast::string_view asked,
                       int version, beast::error_code&) override {
    constexpr int http_1_1 = 11;
    plain = plain && method == bhttp::verb::post && version == http_1_1;
    target = view(asked);
  }

  void on_field_impl(bhttp::field name, beast::string_view, beast::string_view value,
                     beast::error_code&) override {
    std::string_view ignored;
    switch (name) {
      case bhttp::field::host:
        return once(host, view(value), 1);
      case bhttp::field::authorization:
        return once(authorization, view(value), 2);
      case bhttp::field::origin:
        return once(origin, view(value), 4);
      case bhttp::field::content_length:
        return once(length, view(value), 8);
      case bhttp::field::content_type:
        return once(ignored, view(value), 16);
      case bhttp::field::connection:
        plain = plain && beast::iequals(value, "keep-alive");
        return;
      case bhttp::field::proxy_connection:
      case bhttp::field::transfer_encoding:
      case bhttp::field::content_encoding:
      case bhttp::field::expect:
      case bhttp::field::upgrade:
        plain = false;
        return;
      default:
        return;
    }
  }

  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, beast::error_code&) override {
    return 0;
  }
  void on_finish_impl(beast::error_code&) override {}

  unsigned seen_ = 0;
};

// As every program writes it: digits alone, none too many.
std::optional<std::size_t> read_length(std::string_view digits) {
  std::size_t value = 0;
  if (digits.empty() || digits.size() > length_digits_max) return {};
  if (digits.front() == '0' && digits.size() > 1) return {};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return {};
  return value;
}

}  // namespace

HotHead::Look HotHead::look(std::string_view bytes) {
  const std::size_t begun = std::min(bytes.size(), line_start.size());
  if (bytes.substr(0, begun) != line_start.substr(0, begun)) return {};
  std::optional<Header> header = repeated(bytes);
  if (!header) {
    HeaderLines lines(header_bytes_max_);
    if (!lines.feed(bytes).empty() || lines.too_large()) return {};
    if (!lines.done()) return {Kind::more, 0, {}, false};
    constexpr std::string_view blank_line = "\r\n\r\n";
    header = read(bytes.substr(0, bytes.find(blank_line) + blank_line.size()));
  }
  if (!header || header->body_bytes > hot_body_bytes_max) return {};
  const std::size_t whole = header->bytes + header->body_bytes;
  if (bytes.size() < whole) return {Kind::more, 0, {}, false};
  return {Kind::hot, whole, bytes.substr(header->bytes, header->body_bytes), header->terminal};
}

// Nothing when it is not the same, or not all of it has come.
std::optional<HotHead::Header> HotHead::repeated(std::string_view bytes) const {
  if (before_.empty() || !bytes.starts_with(before_)) return {};
  const std::string_view rest = bytes.substr(before_.size());
  const std::size_t digits = std::min(rest.find('\r'), rest.size());
  if (!rest.substr(digits).starts_with(after_)) return {};
  const auto length = read_length(rest.substr(0, digits));
  if (!length) return {};
  return Header{before_.size() + digits + after_.size(), *length, before_terminal_};
}

std::optional<HotHead::Header> HotHead::read(std::string_view header) {
  HeaderReader reader;
  reader.header_limit(static_cast<std::uint32_t>(header_bytes_max_));
  reader.body_limit(boost::none);
  beast::error_code error;
  reader.put(boost::asio::buffer(header.data(), header.size()), error);
  if (error || !reader.is_header_done() || !reader.plain || !reader.keep_alive()) return {};
  const bool terminal = reader.target == waiting_path;
  if (!terminal && reader.target != path) return {};
  if (reader.host.empty() || reader.host != admitted_.host) return {};
  if (reader.authorization != admitted_.authorization) return {};
  if (reader.origin != admitted_.origin) return {};
  const auto length = read_length(reader.length);
  if (!length) return {};
  const auto at = static_cast<std::size_t>(reader.length.data() - header.data());
  before_ = header.substr(0, at);
  after_ = header.substr(at + reader.length.size());
  before_terminal_ = terminal;
  return Header{header.size(), *length, terminal};
}

}  // namespace hunt::http
