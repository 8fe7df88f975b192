// HuntOwner: whose hunt something on a shared server is, as it is written there.
//
// Not the name (hunt_name.h), which keeps hunts apart that were given names: this finds those that
// were given the same one. The id is that of the stores (hunt.h); `stores` is for people. A value.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/hunt_name.h"

namespace hunt::model {

struct HuntOwner {
  std::string id;      // 32 hexadecimal digits; empty: nobody's that is known
  std::string stores;  // "sqlite:hunt.db", without secrets

  // What stands in each entry of a shared cache: enough of the id to tell hunts apart.
  [[nodiscard]] std::string_view short_id() const noexcept {
    return std::string_view(id).substr(0, 16);
  }
  // "<id> <stores>", cut to what a server may keep; and read again. Nothing else is an owner.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static HuntOwner read(std::string_view text);
};

// What a process is told that finds another hunt under its name. `where`: "Redis at HOST:PORT".
[[nodiscard]] Error other_hunt(std::string_view where, const HuntName& name, const HuntOwner& owner,
                               std::string_view when_over);

}  // namespace hunt::model
