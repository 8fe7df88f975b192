// WorldRef: a world as clients write it: its id, or its name.
//
// Not looked up yet: ports/world_directory.h does that.
#pragma once
#include <string>
#include <variant>

#include "model/tile.h"

namespace hunt::model {

using WorldRef = std::variant<WorldId, std::string>;

}  // namespace hunt::model
