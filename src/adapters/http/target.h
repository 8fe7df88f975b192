// A request target taken apart: path segments and query parameters, percent-decoded.
//
// Not a general URL parser: origin form only ("/path?query"). Each parameter stands at most once.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hunt::http {

class Target {
 public:
  // Errors: invalid_argument for a bad escape, a control byte, or a parameter given twice.
  [[nodiscard]] static Result<Target> parse(std::string_view target);

  // Refuses parameters that are not in `known`, naming the nearest.
  [[nodiscard]] Result<void> check_known(std::span<const std::string_view> known) const;

  // The parameter's value, or nullptr when it was not given.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
  // A whole number within [low, high]; `otherwise` when it was not given.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise,
                                             std::uint64_t low, std::uint64_t high) const;
  [[nodiscard]] Result<std::int32_t> coordinate(std::string_view name,
                                                std::int32_t otherwise) const;

  [[nodiscard]] const std::vector<std::string>& segments() const noexcept { return segments_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;                   // decoded, for messages
  std::vector<std::string> segments_;  // "/v1/stats" -> {"v1", "stats"}; "/" -> {""}
  std::vector<std::pair<std::string, std::string>> params_;
};

}  // namespace hunt::http
