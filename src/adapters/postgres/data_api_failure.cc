#include "adapters/postgres/data_api_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "adapters/postgres/failure.h"
#include "base/text.h"

namespace hunt::postgres {
namespace {

enum class Meaning : std::uint8_t { plain, unknown, resuming, stranger };

struct Known {
  std::string_view name;
  Errc code;
  Meaning meaning;
  std::string_view advice;
};

constexpr std::string_view check_key =
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) and this machine's clock";

constexpr std::array known_names = {
    Known{"DatabaseResumingException", Errc::unavailable, Meaning::resuming, "it is tried again"},
    Known{"DatabaseUnavailableException", Errc::unavailable, Meaning::plain, "it is tried again"},
    Known{"ServiceUnavailableError", Errc::unavailable, Meaning::plain, "it is tried again"},
    Known{"ServiceUnavailableException", Errc::unavailable, Meaning::plain, "it is tried again"},
    Known{"InvalidResourceStateException", Errc::unavailable, Meaning::plain,
          "look at the state of the cluster"},
    Known{"InternalServerErrorException", Errc::unavailable, Meaning::unknown, "it is tried again"},
    Known{"InternalFailure", Errc::unavailable, Meaning::unknown, "it is tried again"},
    Known{"StatementTimeoutException", Errc::deadline_exceeded, Meaning::plain,
          "look for what blocks it (pg_stat_activity)"},
    Known{"TransactionNotFoundException", Errc::unavailable, Meaning::plain, "call again"},
    Known{"ThrottlingException", Errc::overloaded, Meaning::plain, "it is tried again"},
    Known{"TooManyRequestsException", Errc::overloaded, Meaning::plain, "it is tried again"},
    Known{"UnsupportedResultException", Errc::too_large, Meaning::plain,
          "ask for less, or over postgres://"},
    Known{"RequestEntityTooLargeException", Errc::too_large, Meaning::plain,
          "send less, or over postgres://"},
    Known{"AccessDeniedException", Errc::unauthorized, Meaning::plain,
          "let who signs use rds-data:* of the resource, and the secret"},
    Known{"ForbiddenException", Errc::unauthorized, Meaning::plain,
          "let who signs use rds-data:* of the resource, and the secret"},
    Known{"MissingAuthenticationTokenException", Errc::unauthorized, Meaning::stranger, check_key},
    Known{"IncompleteSignatureException", Errc::unauthorized, Meaning::stranger, check_key},
    Known{"InvalidSignatureException", Errc::unauthorized, Meaning::stranger, check_key},
    Known{"UnrecognizedClientException", Errc::unauthorized, Meaning::stranger, check_key},
    Known{"ExpiredTokenException", Errc::unauthorized, Meaning::stranger,
          "write a newer session token into the credentials file"},
    Known{"SecretsErrorException", Errc::unauthorized, Meaning::plain, "check secret= of --store"},
    Known{"InvalidSecretException", Errc::unauthorized, Meaning::plain, "check secret= of --store"},
    Known{"DatabaseNotFoundException", Errc::not_found, Meaning::plain,
          "check resource= and database= of --store"},
    Known{"NotFoundException", Errc::not_found, Meaning::plain,
          "check resource= and database= of --store"},
    Known{"HttpEndpointNotEnabledException", Errc::unsupported, Meaning::plain,
          "enable the Data API (HTTP endpoint) of the cluster"},
};

// "ERROR: <this>; Detail: …; SQLState: 23505".
std::string_view primary_of(std::string_view message) {
  for (const std::string_view severity : {"ERROR: ", "FATAL: ", "PANIC: "}) {
    if (message.starts_with(severity)) message.remove_prefix(severity.size());
  }
  for (const std::string_view part : {"; Detail: ", "; Hint: ", "; Position: ", "; SQLState: "}) {
    message = message.substr(0, message.find(part));
  }
  return message;
}

// AWS tells who signed wrongly what it would have signed, with the session token in it.
std::string_view without_secrets(std::string_view message) {
  return message.substr(0, message.find("\n\nThe Canonical String"));
}

DataApiFailure by_status(unsigned status, std::string_view said, const std::string& shown) {
  const std::string what = fmt::format("{} answered with status {}{}{}", shown, status,
                                       said.empty() ? "" : ": ", printable(said, 200));
  constexpr unsigned forbidden = 403;
  constexpr unsigned too_many = 429;
  constexpr unsigned too_large = 413;
  constexpr unsigned server_errors = 500;
  if (status == forbidden) return {{Errc::unauthorized, what, {}}, false, false, false};
  if (status == too_many) return {{Errc::overloaded, what, {}}, false, false, false};
  if (status == too_large) return {{Errc::too_large, what, {}}, false, false, false};
  if (status >= server_errors) return {{Errc::unavailable, what, {}}, true, false, false};
  return {{Errc::unsupported, what + "; is it a Data API?", {}}, false, false, false};
}

}  // namespace

DataApiFailure failure_of(const data_api::ReplyFailure& said, unsigned status,
                          const std::string& shown) {
  if (!said.state.empty()) {
    DataApiFailure failure;
    failure.error = failure_by_state(said.state, primary_of(said.message), shown);
    // The connection went, or the server did, while the statement ran.
    failure.unknown = said.state.starts_with("08") || said.state.starts_with("57P");
    return failure;
  }
  const auto* known = std::find_if(known_names.begin(), known_names.end(),
                                   [&said](const Known& one) { return one.name == said.name; });
  const std::string_view message = without_secrets(said.message);
  // What Aurora Serverless said before it had a name for it; but also of a connection that was lost
  // under a statement.
  const bool wakes = known == known_names.end() &&
                     message.find("Communications link failure") != std::string_view::npos;
  if (wakes) known = known_names.begin();
  if (known == known_names.end() && said.name.empty()) return by_status(status, message, shown);
  const std::string what = fmt::format("{}: {}{}{}", shown, said.name, message.empty() ? "" : ": ",
                                       printable(message, 400));
  if (known == known_names.end()) {
    DataApiFailure strange = by_status(status, message, shown);
    strange.error.message = what;
    return strange;
  }
  return {{known->code, fmt::format("{}; {}", what, known->advice), {}},
          wakes || known->meaning == Meaning::unknown,
          known->meaning == Meaning::resuming,
          known->meaning == Meaning::stranger};
}

}  // namespace hunt::postgres
