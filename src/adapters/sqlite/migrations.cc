#include "adapters/sqlite/migrations.h"

namespace hunt::sqlite {

// Each is a file of schema/ (hunt_embed() of cmake/hunt.cmake).
extern const char schema_001_ledger_sql[];
extern const char schema_002_told_sql[];
extern const char schema_003_identity_sql[];
extern const char schema_004_kept_stream_sql[];
extern const char schema_005_rules_sql[];

const std::array<const char*, schema_version> migrations = {
    schema_001_ledger_sql, schema_002_told_sql, schema_003_identity_sql, schema_004_kept_stream_sql,
    schema_005_rules_sql};

}  // namespace hunt::sqlite
