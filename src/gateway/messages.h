// Requests and answers of the gateway as Beast has them: between its messages and the Data API's.
//
// Not a connection's life (server.h) and not the operations (gateway.h). Thread: any.
#pragma once
#include <string>
#include <string_view>

#include "adapters/http/http_wire.h"
#include "data_api/refusal.h"
#include "data_api/sigv4.h"

namespace hunt::gateway {

using Message = boost::beast::http::response<boost::beast::http::string_body>;

[[nodiscard]] Message message_of(unsigned status, std::string body, std::string_view type);
[[nodiscard]] Message message_of(std::string body, data_api::Failure failure);
[[nodiscard]] Message refusal(data_api::Failure failure, std::string text);
// What adapters/http says of a request that is no proper HTTP, in the words of this wire.
[[nodiscard]] Message refusal(const http::Response& response);
// A whole answer as text, for who is told without waiting. It ends the connection.
[[nodiscard]] std::string closing_text(Message message);

// The SDK says "attempt=2; max=3" when it sends something again.
[[nodiscard]] bool is_repeat(const http::Parser& parser);
// Whether it asks for /livez, /readyz, /metrics or /v1/why, which need no signature.
[[nodiscard]] bool is_probe(const http::Parser& parser);
// Lifetime: what it names is the parser's.
[[nodiscard]] data_api::WireRequest request_of(const http::Parser& parser);

}  // namespace hunt::gateway
