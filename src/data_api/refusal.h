// Refusal: why a request of the Data API is not done, as its clients are told.
//
// Not base/result.h's Error: the names, statuses and sentences are those of the real service, which
// clients match on. Thread: plain values.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace hunt::data_api {

enum class Failure : std::uint8_t {
  // Who asks, before anything else is looked at.
  missing_authentication,
  incomplete_signature,
  invalid_signature,
  unrecognized_client,
  access_denied,
  // The request itself.
  unknown_operation,
  serialization,
  validation,
  bad_request,
  request_too_large,
  // The database.
  database_error,
  database_not_found,
  database_unavailable,
  secrets_error,
  statement_timeout,
  transaction_not_found,
  unsupported_result,
  // The gateway.
  service_unavailable,
  internal,
};
inline constexpr std::size_t failure_count = 19;

struct FailureKind {
  std::string_view name;  // as x-amzn-ErrorType has it
  unsigned status;
};
[[nodiscard]] FailureKind kind_of(Failure failure) noexcept;

struct Refusal {
  Failure failure = Failure::internal;
  std::string message;
};

template <class T>
using Answer = tl::expected<T, Refusal>;

[[nodiscard]] inline tl::unexpected<Refusal> refuse(Failure failure, std::string message) {
  return tl::unexpected<Refusal>(Refusal{failure, std::move(message)});
}

// {"message":…}, which goes with the header x-amzn-ErrorType.
[[nodiscard]] std::string body_of(const Refusal& refusal);

}  // namespace hunt::data_api
