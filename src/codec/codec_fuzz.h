// What the fuzzers of this folder require of every answer and of every refusal.
//
// Not for tests, which tell what was expected: a fuzzer ends where something does not hold.
#pragma once
#include <cstdlib>

#include "base/result.h"

namespace hunt::codec {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline void check_error(const Error& error) {
  require(!error.message.empty());
  require(error.code == Errc::invalid_argument || error.code == Errc::too_large);
}

}  // namespace hunt::codec
