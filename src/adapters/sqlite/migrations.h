// The SQL of each schema version: migrations[n] leads from version n to n + 1.
//
// Not to be edited once released: a change is a new entry at the end.
#pragma once
#include <array>

#include "adapters/sqlite/schema.h"

namespace hunt::sqlite {

extern const std::array<const char*, schema_version> migrations;

}  // namespace hunt::sqlite
