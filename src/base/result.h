// Result<T>: what the world does is a value, never an exception.
//
// Not for programmer errors: those are HUNT_ASSERT, on in every build. Exceptions stop at the edge
// of an adapter. An Error carries a code a caller can react to and a sentence a person can act on.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace hunt {

// A code exists only if some caller reacts to it differently.
enum class Errc : std::uint8_t {
  invalid_argument,   // the request is wrong; the same request never succeeds
  not_found,          // the named thing does not exist (yet)
  already_exists,     // the name is taken
  unauthorized,       // a token is missing or wrong
  too_large,          // over a bound of model/limits.h
  overloaded,         // a queue or limit is full; try later
  deadline_exceeded,  // not done in time; nothing is known to have failed
  unavailable,        // the server behind is down or unreachable; retry
  disk_full,          // the store cannot write; retry when there is space
  unknown_outcome,    // it may or may not have happened; only idempotent work is repeated
  moved,              // the range belongs to another shard now
  epoch_stale,        // the server is not the one the epoch was taken from
  unsupported,        // a newer format, or a part this build does not have
  corrupt,            // stored data breaks an invariant
  io,                 // the operating system refused (path, port, permission)
  internal,           // a bug: please report
};

[[nodiscard]] std::string_view name_of(Errc code) noexcept;

struct Error {
  Errc code = Errc::internal;
  std::string message;  // one sentence: what failed, where, why, what to do
  std::string field;    // the input's field it is about, or empty
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string message,
                                                std::string field = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(field)});
}

[[noreturn]] void assert_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace hunt

// Holds in release builds too: a broken invariant stops the process before it can grant wrongly.
#define HUNT_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::hunt::assert_failed(#expression, __FILE__, __LINE__))

#define HUNT_CONCAT_INNER(a, b) a##b
#define HUNT_CONCAT(a, b) HUNT_CONCAT_INNER(a, b)

// HUNT_TRY(var, expr): declares var with the value of a Result, or returns its error.
// HUNT_CO_TRY: the same inside a coroutine. Both are declarations, never expressions.
#define HUNT_TRY(var, expr)                                                                 \
  auto HUNT_CONCAT(try_, __LINE__) = (expr);                                                \
  if (!HUNT_CONCAT(try_, __LINE__))                                                         \
    return ::tl::unexpected<::hunt::Error>(std::move(HUNT_CONCAT(try_, __LINE__)).error()); \
  auto var = std::move(*HUNT_CONCAT(try_, __LINE__))
#define HUNT_CO_TRY(var, expr)                                                                 \
  auto HUNT_CONCAT(try_, __LINE__) = (expr);                                                   \
  if (!HUNT_CONCAT(try_, __LINE__))                                                            \
    co_return ::tl::unexpected<::hunt::Error>(std::move(HUNT_CONCAT(try_, __LINE__)).error()); \
  auto var = std::move(*HUNT_CONCAT(try_, __LINE__))
// The same for Result<void>.
#define HUNT_CHECK(expr)               \
  if (auto checked = (expr); !checked) \
  return ::tl::unexpected<::hunt::Error>(std::move(checked).error())
#define HUNT_CO_CHECK(expr)            \
  if (auto checked = (expr); !checked) \
  co_return ::tl::unexpected<::hunt::Error>(std::move(checked).error())
