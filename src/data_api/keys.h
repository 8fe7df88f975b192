// Keys: who may sign requests, and which database role each secret stands for.
//
// Read from the file of --keys. Holds passwords: nothing of it is ever shown but names. Thread: a
// plain value.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data_api/sigv4.h"

namespace hunt::data_api {

struct DatabaseRole {
  std::string user;
  std::string password;  // empty: none is sent
};

struct Keys {
  std::map<std::string, AccessKey, std::less<>> access_keys;  // by id
  std::map<std::string, DatabaseRole, std::less<>> secrets;   // by ARN
};

// {"access_keys":[{"id","secret","session_token"?,"secrets":[ARN…]?}],
//  "secrets":[{"arn","user","password"?}]}. Errors: invalid_argument, with the place.
[[nodiscard]] Result<Keys> read_keys(std::string_view json);

}  // namespace hunt::data_api
