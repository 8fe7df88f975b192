#include "model/world_ref.h"

#include <limits>

#include "base/text.h"

namespace hunt::model {

WorldRef world_ref_of(std::string_view text) {
  const auto id = parse_u64(text);
  if (id && *id <= std::numeric_limits<WorldId>::max()) return static_cast<WorldId>(*id);
  return std::string(text);
}

}  // namespace hunt::model
