#include "gateway/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/write.hpp>
#include <boost/json.hpp>
#include <ctime>
#include <sstream>
#include <utility>

#include "base/random_bytes.h"
#include "base/text.h"

namespace hunt::gateway {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using data_api::Failure;

// An SDK that obeys waits so long before it sends what was refused again.
constexpr const char* retry_after_seconds = "2";

template <class Text>
std::string_view view(const Text& text) {
  return {text.data(), text.size()};
}

std::string request_id() {
  const std::string hex = to_hex(random_bytes<16>());
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, length};
}

}  // namespace

Message message_of(unsigned status, std::string body, std::string_view type) {
  Message message(static_cast<bhttp::status>(status), 11);
  message.set(bhttp::field::content_type, beast::string_view(type.data(), type.size()));
  message.set("x-amzn-RequestId", request_id());
  message.set(bhttp::field::date, http_date());  // SDKs set their clocks by it
  message.body() = std::move(body);
  return message;
}

Message message_of(std::string body, Failure failure) {
  const auto [name, status] = data_api::kind_of(failure);
  auto message = message_of(status, std::move(body), "application/json");
  message.set("x-amzn-ErrorType", beast::string_view(name.data(), name.size()));
  if (failure == Failure::service_unavailable || failure == Failure::database_unavailable) {
    message.set(bhttp::field::retry_after, retry_after_seconds);
  }
  return message;
}

Message refusal(Failure failure, std::string text) {
  return message_of(data_api::body_of({failure, std::move(text)}), failure);
}

Message refusal(const http::Response& response) {
  boost::system::error_code ignored;
  const auto said = boost::json::parse(response.body, ignored);
  const auto* text = ignored ? nullptr : said.find_pointer("/error/message", ignored);
  const std::string words = text == nullptr || !text->is_string()
                                ? "the request is not valid HTTP/1.1"
                                : std::string(view(text->get_string()));
  auto message = refusal(Failure::bad_request, words);
  message.result(response.status);
  return message;
}

bool is_repeat(const http::Parser& parser) {
  const auto said = view(parser.get()["amz-sdk-request"]);
  constexpr std::string_view word = "attempt=";
  const auto at = said.find(word);
  if (at == std::string_view::npos) return false;
  const auto number = said.substr(at + word.size());
  return !number.empty() && number != "1" && !number.starts_with("1;");
}

bool is_probe(const http::Parser& parser) {
  if (parser.get().method() != bhttp::verb::get) return false;
  const auto target = view(parser.get().target());
  const auto path = target.substr(0, target.find('?'));
  return path == "/livez" || path == "/readyz" || path == "/metrics" || path == "/v1/why";
}

std::string closing_text(Message message) {
  message.keep_alive(false);
  message.prepare_payload();
  std::ostringstream text;
  text << message;
  return std::move(text).str();
}

data_api::WireRequest request_of(const http::Parser& parser) {
  const auto& message = parser.get();
  data_api::WireRequest request;
  request.method = view(message.method_string());
  const auto target = view(message.target());
  const auto query = std::min(target.find('?'), target.size());
  request.path = target.substr(0, query);
  if (query < target.size()) request.query = target.substr(query + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(view(field.name_string()), view(field.value()));
  }
  request.body = message.body();
  return request;
}

}  // namespace hunt::gateway
