// SchemaParts: what of the schema somebody can drop or change while we run: functions, triggers,
// the publication, the groups; how to see that one is gone, and the SQL that makes it again.
//
// Not the data: a table that is gone comes back from a backup only. The parts are read out of the
// migrations, so there is no second list of them: of each the last definition counts.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/params.h"

namespace hunt::postgres {

// Of pg_publication p: our two tables are in it, with the filter that keeps aborted rows out.
#define HUNT_PUBLICATION_IS_WHOLE                                             \
  "pubinsert AND pubupdate AND (SELECT count(*) FROM pg_publication_tables t" \
  " WHERE t.pubname = p.pubname AND t.schemaname = 'public'"                  \
  " AND (t.tablename = 'loot_tiles' AND t.rowfilter IS NULL"                  \
  "  OR t.tablename = 'grants' AND t.rowfilter LIKE '%granted%')) = 2"

struct SchemaPart {
  enum class Kind : std::uint8_t { table, function, trigger, publication, group };
  Kind kind = Kind::table;
  std::string name;
  std::string table;  // of a trigger
  std::string body;   // of a function: SHA-256 of what stands between its $$, in hex
  std::string sql;    // makes it again, also where it is there; empty: cannot be made again
};

// In the order in which they are made.
[[nodiscard]] const std::vector<SchemaPart>& schema_parts();
// Who may do what: GRANT and REVOKE, to be repeated after anything was made again.
[[nodiscard]] const std::vector<std::string>& schema_grants();

// Lists what is there; `missing_parts` reads its rows: none is missing in a store whose tables are
// of a newer release, which may have others. Its text is a constant.
extern const char* const list_parts_sql;
[[nodiscard]] std::vector<const SchemaPart*> missing_parts(const Rows& listed);
// "the trigger rules of loot_tiles".
[[nodiscard]] std::string shown(const SchemaPart& part);
// The first of them.
[[nodiscard]] std::string shown(const std::vector<const SchemaPart*>& parts);

}  // namespace hunt::postgres
