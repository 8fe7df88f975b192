// feed_held: how a change feed says that another process holds it.
//
// Not a failure of the feed: whoever is told so stands by. Any other `unavailable` is one, and
// nobody may be telling.
#pragma once
#include <string_view>

#include "base/result.h"

namespace hunt::ports {

// The field of errors that say that another process holds the feed; their code is `unavailable`.
inline constexpr std::string_view feed_held = "feed";

[[nodiscard]] inline bool says_held(const Error& error) noexcept {
  return error.code == Errc::unavailable && error.field == feed_held;
}

}  // namespace hunt::ports
