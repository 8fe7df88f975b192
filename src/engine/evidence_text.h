// Evidence as lines of text, and read again: so that what was said of it can be judged anew, by
// other rules or by somebody else.
//
// Not a public format: a release reads what itself has written, and of others what it knows. Pure.
// Bound: evidence_lines_max timelines of a kind; of more, all of the slowest, and of the others
// each so many-th counts for as many.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/attribution.h"

namespace hunt::engine {

inline constexpr std::size_t evidence_lines_max = 4'096;
// Of a file of it; so many lines have a sixth of that.
inline constexpr std::size_t evidence_bytes_max = 16 * 1'024 * 1'024;

[[nodiscard]] std::string write_evidence(const Evidence& evidence);
// Errors: corrupt.
[[nodiscard]] Result<Evidence> read_evidence(std::string_view text);

}  // namespace hunt::engine
