// Schema: checks what a database holds, and makes or updates our tables in it.
//
// Not the steps themselves (migrations.h). Blocking: a store is opened before it serves. Safe when
// many processes open the same database at once: they wait for each other.
#pragma once
#include <array>
#include <cstdint>

#include "adapters/postgres/blocking.h"
#include "base/result.h"

namespace hunt::postgres {

using SeedBytes = std::array<std::uint8_t, 32>;

// What a database without our tables is filled with.
struct NewStore {
  std::uint32_t shard = 0;
  SeedBytes seed{};
};

// Errors: invalid_argument (another program's tables; another shard's), unsupported (written by a
// newer version), unauthorized (may not make tables).
[[nodiscard]] Result<void> prepare_store(BlockingConnection& connection, const NewStore& fresh);
// The same without changing anything. Errors: also not_found (nothing of ours), unsupported (an
// older schema).
[[nodiscard]] Result<void> check_store(Conversation& talk);
// Whether it is the shard that it was opened as. Errors: invalid_argument.
[[nodiscard]] Result<void> check_shard(Conversation& talk, std::uint32_t shard);

// Makes again what is missing of it (schema_parts.h). It is an error, too, when that was done: told
// once, so that people hear of it. Errors: corrupt (a table is missing), unauthorized (this user
// may not make it).
[[nodiscard]] Result<void> remake_parts(const PostgresUrl& url, Interrupt& interrupt);

}  // namespace hunt::postgres
