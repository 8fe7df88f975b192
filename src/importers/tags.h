// Minecraft's item tags: what "#minecraft:fishes" stands for.
//
// Not a loot table: an import needs them where an entry expands one. Pure.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "importers/importers.h"

namespace hunt::importers {

using Tags = std::map<std::string, std::vector<std::string>>;

// Files "…/data/<space>/tags/item/<path>.json" (before 1.21: items), tags within tags resolved;
// others are left out. Errors: invalid_argument (no JSON, a tag within itself, or one that is not
// there).
[[nodiscard]] Result<Tags> read_tags(std::span<const Source> files);

}  // namespace hunt::importers
