#include "adapters/postgres/migrations.h"

namespace hunt::postgres {

// Each is a file of schema/ (hunt_embed() of cmake/hunt.cmake).
extern const char schema_001_ledger_sql[];
extern const char schema_002_identity_sql[];
extern const char schema_003_kept_stream_sql[];
extern const char schema_004_rules_sql[];
extern const char schema_005_packed_verdicts_sql[];

const std::array<const char*, schema_version> migrations = {
    schema_001_ledger_sql, schema_002_identity_sql, schema_003_kept_stream_sql,
    schema_004_rules_sql, schema_005_packed_verdicts_sql};

}  // namespace hunt::postgres
