#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace hunt {

std::string_view name_of(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::already_exists:
      return "already_exists";
    case Errc::unauthorized:
      return "unauthorized";
    case Errc::too_large:
      return "too_large";
    case Errc::overloaded:
      return "overloaded";
    case Errc::deadline_exceeded:
      return "deadline_exceeded";
    case Errc::unavailable:
      return "unavailable";
    case Errc::disk_full:
      return "disk_full";
    case Errc::unknown_outcome:
      return "unknown_outcome";
    case Errc::moved:
      return "moved";
    case Errc::epoch_stale:
      return "epoch_stale";
    case Errc::unsupported:
      return "unsupported";
    case Errc::corrupt:
      return "corrupt";
    case Errc::io:
      return "io";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

void assert_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expression);
  std::abort();
}

}  // namespace hunt
