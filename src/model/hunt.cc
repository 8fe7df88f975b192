#include "model/hunt.h"

#include <algorithm>

#include "model/limits.h"

namespace hunt::model {

bool is_hunt_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= limits::hunt_name_bytes_max &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

}  // namespace hunt::model
