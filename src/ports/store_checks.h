// What every store checks of its input before it touches anything.
//
// Not what only the store knows (whether a world exists, who owns a range): that is its own.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/hunt.h"
#include "model/rules_timeline.h"
#include "model/spawn.h"

namespace hunt::ports {

// Errors: invalid_argument and too_large, with the field.
[[nodiscard]] Result<void> check(const model::Burial& burial);
[[nodiscard]] Result<void> check_world_name(const std::string& name);
// Whether a store of the hunt `kept` is to be written over as one of `asked`; false: it is that
// hunt's already. Errors: already_exists (HuntStore::join_hunt).
[[nodiscard]] Result<bool> joins(const model::Hunt& kept, const model::Hunt& asked);
// Errors: too_large where one call holds more than `count_max` of something.
[[nodiscard]] Result<void> check_count(std::string_view what, std::size_t count,
                                       std::size_t count_max);

// Whether a timeline may take the place of one with `kept_seq`. Errors: already_exists.
[[nodiscard]] Result<void> check_next(std::uint64_t kept_seq, const model::RulesTimeline& next);
// not_found: a timeline names a version whose files the store does not have.
[[nodiscard]] Error no_files_of(const std::string& version);

}  // namespace hunt::ports
