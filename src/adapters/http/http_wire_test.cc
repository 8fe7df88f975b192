// What is written by hand is what Beast would write.
#include "adapters/http/http_wire.h"

#include <gtest/gtest.h>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>

namespace hunt::http {
namespace {

namespace bhttp = boost::beast::http;

std::string by_beast(const Response& response, bool keep_alive) {
  constexpr unsigned http_1_1 = 11;
  bhttp::response<bhttp::string_body> message(static_cast<bhttp::status>(response.status),
                                              http_1_1);
  set_fields(message, response);
  message.keep_alive(keep_alive);
  message.body() = response.body;
  message.prepare_payload();
  std::ostringstream text;
  text << message;
  return text.str();
}

TEST(HttpWire, a_response_by_hand_is_the_same_as_by_beast) {
  for (const bool keep_alive : {true, false}) {
    for (const auto& response :
         {json_response("{}"), json_response(std::string(70'000, 'a')),
          error_response(400, "invalid_argument", "no", "field"),
          error_response(429, "overloaded", "later"), error_response(503, "unavailable", "later"),
          error_response(504, "deadline_exceeded", "late"), internal_error("why")}) {
      std::string text = "before";
      append_response(text, response, keep_alive);
      EXPECT_EQ(text, "before" + by_beast(response, keep_alive));
    }
  }
}

}  // namespace
}  // namespace hunt::http
