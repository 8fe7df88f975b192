#include "data_api/refusal.h"

#include <array>

#include "base/json_string.h"

namespace hunt::data_api {
namespace {

constexpr std::array<FailureKind, failure_count> kinds{{
    {"MissingAuthenticationTokenException", 403},
    {"IncompleteSignatureException", 403},
    {"InvalidSignatureException", 403},
    {"UnrecognizedClientException", 403},
    {"AccessDeniedException", 403},
    {"UnknownOperationException", 404},
    {"SerializationException", 400},
    {"ValidationException", 400},
    {"BadRequestException", 400},
    {"RequestEntityTooLargeException", 413},
    {"DatabaseErrorException", 400},
    {"DatabaseNotFoundException", 404},
    {"DatabaseUnavailableException", 504},
    {"SecretsErrorException", 400},
    {"StatementTimeoutException", 400},
    {"TransactionNotFoundException", 404},
    {"UnsupportedResultException", 400},
    {"ServiceUnavailableError", 503},
    {"InternalServerErrorException", 500},
}};

}  // namespace

FailureKind kind_of(Failure failure) noexcept {
  return kinds[static_cast<std::size_t>(failure)];
}

std::string body_of(const Refusal& refusal) {
  std::string body = "{\"message\":";
  append_json_string(body, refusal.message);
  // The model has it as a required number; the connection is the gateway's own.
  if (refusal.failure == Failure::statement_timeout) body += ",\"dbConnectionId\":0";
  return body + "}";
}

}  // namespace hunt::data_api
