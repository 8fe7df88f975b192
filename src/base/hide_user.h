// hide_user(): text that is shown to people, without the users and passwords of the URLs in it.
//
// For what somebody typed or set and a message quotes: whoever forgets a flag's name writes his
// store's URL anywhere. Not a URL parser. A pure function.
#pragma once
#include <string>
#include <string_view>

namespace hunt {

// "postgres://ann:secret@db/hunt" -> "postgres://...@db/hunt": of every word of `text` with "://",
// what is between it and the word's last '@'. "[USER:PASSWORD@]", as helps have it, stays. And
// "postgres://db/hunt?password=secret" -> "postgres://db/hunt?password=...": of every NAME=VALUE,
// in a URL or not, whose name ends with "password", "passwd" or "token", in any case, the value.
[[nodiscard]] std::string hide_user(std::string_view text);

}  // namespace hunt
