// rules.lock: which version the files beside it come to, so that files that are not all there yet,
// or are cut off, are never taken for rules.
//
// Not a signature: whoever can write the files can write the lock. Made by `hunt rules lock`, best
// where the files are merged; it travels with them. Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "rules/diagnostic.h"

namespace hunt::rules {

inline constexpr std::string_view lock_file_name = "rules.lock";

[[nodiscard]] bool is_lock_file(std::string_view path) noexcept;

// What stands in it. Errors: where `text` is no lock.
struct Lock {
  std::string version;
  Mark version_at;
  std::string zone_data;  // the release of the machine that made it; empty: not said
  std::string note;
  std::uint64_t revision = 0;                // what has a higher one is newer; 0: not said
  std::optional<std::int64_t> activates_us;  // not in force before
};
[[nodiscard]] tl::expected<Lock, std::vector<Diagnostic>> read_lock(std::string_view file,
                                                                    std::string_view text);
[[nodiscard]] std::string lock_text(const Lock& lock);

}  // namespace hunt::rules
