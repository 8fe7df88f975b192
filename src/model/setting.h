// Setting: one thing that a process was told, as people may see it.
//
// Not the value that it works with. Where it holds a secret, that is left out. A value.
#pragma once
#include <string>
#include <vector>

namespace hunt::model {

struct Setting {
  std::string name;   // of the flag, without dashes
  std::string value;  // empty: none
  std::string from;   // "flag", "environment HUNT_…", "file PATH:LINE", "default"
};

// What a whole process was told.
struct Settings {
  std::string command;  // "hunt serve"
  std::string version;
  std::vector<Setting> all;
};

}  // namespace hunt::model
