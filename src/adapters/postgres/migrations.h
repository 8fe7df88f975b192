// Migrations: the schema of a shard, step by step.
//
// Not applied here (schema.h): each step runs in one transaction, once, in order. A step that was
// released never changes; what follows is a new one.
#pragma once
#include <array>

namespace hunt::postgres {

inline constexpr int schema_version = 5;
extern const std::array<const char*, schema_version> migrations;

}  // namespace hunt::postgres
