// The schema of a store file: who it belongs to, its versions, and what a new one holds.
//
// Not the statements that use it. Migrations are plain SQL, forward only, each in one transaction
// with the change of user_version. `application_id` is the letters HUNT.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "adapters/sqlite/connection.h"
#include "base/result.h"

namespace hunt::sqlite {

using SeedBytes = std::array<std::uint8_t, 32>;

inline constexpr std::int64_t application_id = 0x48554e54;  // "HUNT"
inline constexpr std::int64_t schema_version = 5;

// What a new store is made with.
struct NewStore {
  std::uint32_t shard = 0;
  SeedBytes seed{};
  std::int64_t now_us = 0;
};

// Checks that the file is empty or a store this build can read, turns it to WAL and brings it to
// schema_version. Errors: invalid_argument (another program's), unsupported (newer), corrupt, io.
[[nodiscard]] Result<void> prepare_store(Connection& connection, const NewStore& fresh);

// The same check for a file that is only read; it must be at schema_version already.
[[nodiscard]] Result<void> check_store(Connection& connection);

}  // namespace hunt::sqlite
