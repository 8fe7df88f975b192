// Whose will a turn of the rules was: RulesTurn::by of turns that files made begins like this, and
// the machine's name follows.
//
// Not who may change rules: whoever has the admin's token.
#pragma once
#include <string_view>

namespace hunt::model {

inline constexpr std::string_view by_files = "the files of ";

}  // namespace hunt::model
