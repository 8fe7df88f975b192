#include "rules/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace hunt::rules {

std::string_view name_of(Severity severity) noexcept {
  return severity == Severity::error ? "error" : "warning";
}

std::string format(const Diagnostic& diagnostic) {
  std::string place;
  if (!diagnostic.file.empty()) {
    place = diagnostic.at.line == 0 ? fmt::format("{}: ", diagnostic.file)
                                    : fmt::format("{}:{}:{}: ", diagnostic.file, diagnostic.at.line,
                                                  diagnostic.at.column);
  }
  return fmt::format("{}{}{}", place, diagnostic.severity == Severity::warning ? "warning: " : "",
                     diagnostic.message);
}

void Diagnostics::error(std::string_view file, Mark at, std::string message) {
  add({std::string(file), at, Severity::error, std::move(message)});
}

void Diagnostics::warning(std::string_view file, Mark at, std::string message) {
  add({std::string(file), at, Severity::warning, std::move(message)});
}

void Diagnostics::add(Diagnostic diagnostic) {
  auto& count = diagnostic.severity == Severity::error ? errors_ : warnings_;
  if (++count <= diagnostics_max) list_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.at) < std::tie(b.file, b.at);
  });
  const auto shown = [](std::size_t count) { return std::min(count, diagnostics_max); };
  const std::size_t more_errors = errors_ - shown(errors_);
  const std::size_t more_warnings = warnings_ - shown(warnings_);
  if (more_errors > 0) {
    list_.push_back({"", {}, Severity::error, fmt::format("{} more errors", more_errors)});
  }
  if (more_warnings > 0) {
    list_.push_back({"", {}, Severity::warning, fmt::format("{} more warnings", more_warnings)});
  }
  errors_ = 0;
  warnings_ = 0;
  return std::exchange(list_, {});
}

}  // namespace hunt::rules
