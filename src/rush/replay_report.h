// What a replay came to, as text, as JSON and as a page: which claims came differently, for whom,
// and why.
//
// Not the comparison (replay_book.h).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "rush/replay_here.h"

namespace hunt::rush {

// Lines for people.
[[nodiscard]] std::vector<std::string> replay_text(const ReplayRun& run);
// `file` and `target` are told in it; the target without its user and password.
[[nodiscard]] std::string replay_json(const ReplayRun& run, const std::string& file,
                                      const std::string& target);

// The same as a page, one HTML document.
[[nodiscard]] std::string replay_html(const ReplayRun& run, const std::string& file,
                                      const std::string& target);

// Parts of them: a sentence for a reason, and what a claim came to, "no claim" for nothing.
[[nodiscard]] std::string_view reason_of(Why why) noexcept;
[[nodiscard]] std::string or_none(const std::string& came);

}  // namespace hunt::rush
