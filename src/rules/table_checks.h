// What can be wrong with one table, and with what one find of it can give.
//
// Not the words of the language (parse_tables.h), nor cycles and nesting (nesting.h). Pure.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "rules/parse.h"

namespace hunt::rules {

// SourceEntry::table where there is no such table, which is already reported.
inline constexpr std::uint32_t unknown_table = std::numeric_limits<std::uint32_t>::max();

struct TableInFile {
  const SourceTable* source = nullptr;
  std::string_view file;
};

// Names in `during`, pools that have no entry at some times, and what looks like a slip.
void check_entries(const SourceEvent& event, const SourceTable& table, Diagnostics& out);

// What one find could give at most, and whether it could give nothing. Each error is told of the
// lowest table that has it. `order`: all tables, each behind those that it draws from.
void check_finds(std::span<const TableInFile> tables, std::span<const std::uint32_t> order,
                 Diagnostics& out);

}  // namespace hunt::rules
