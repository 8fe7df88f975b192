// YamlKeys: reads the keys of a map of a YAML file, and says what is wrong with them.
//
// Not what a value means, but for whole numbers: whoever reads it says so. What is wrong is said
// with file and place. Lifetime: `file` and `out` outlive it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rules/yaml_tree.h"

namespace hunt::rules {

class YamlKeys {
 public:
  YamlKeys(std::string_view file, Diagnostics& out) : file_(file), out_(out) {}

  void error(Mark at, std::string message) { out_.error(file_, at, std::move(message)); }
  void warning(Mark at, std::string message) { out_.warning(file_, at, std::move(message)); }
  [[nodiscard]] bool full() const noexcept { return out_.full(); }

  // The value of a key; nullptr where it is not there.
  [[nodiscard]] static const YamlNode* find(const YamlNode& map, std::string_view key);
  // The same, and an error where it is not there.
  [[nodiscard]] const YamlNode* require(const YamlNode& map, std::string_view key);
  // An error for each other key, with the nearest known one.
  void refuse_unknown(const YamlNode& map, std::span<const std::string_view> known);
  // The same for one key, which is not known.
  void refuse(const YamlNode& key, std::span<const std::string_view> known);
  // The number; where it is none from `low` to `high`, an error that names `key`, and `low`.
  std::uint64_t whole(const YamlNode& node, std::string_view key, std::uint64_t low,
                      std::uint64_t high);
  // All errors, a line each. Errors: invalid_argument.
  [[nodiscard]] Result<void> finish();

 private:
  std::string_view file_;
  Diagnostics& out_;
};

// What stands where something else was expected: `found "x" in quotes`, "found a list".
[[nodiscard]] std::string found(const YamlNode& node);

}  // namespace hunt::rules
