// WorldRef: a world as clients write it: its id, or its name.
//
// Not looked up yet: ports/world_directory.h does that.
#pragma once
#include <string>
#include <string_view>
#include <variant>

#include "model/tile.h"

namespace hunt::model {

using WorldRef = std::variant<WorldId, std::string>;

// Digits are an id, anything else a name.
[[nodiscard]] WorldRef world_ref_of(std::string_view text);

}  // namespace hunt::model
