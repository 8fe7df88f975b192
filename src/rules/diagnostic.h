// Diagnostics: what is wrong with rules files, where, in one sentence each.
//
// Not Result's Error: a designer wants every mistake of a file at once, with its place. A collector
// is bounded, so that a hostile file cannot make a report larger than itself. One thread at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::rules {

// A place in a text, both from 1, columns in bytes. {0, 0}: the file as a whole.
struct Mark {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend auto operator<=>(const Mark&, const Mark&) = default;
};

enum class Severity : std::uint8_t { error, warning };
[[nodiscard]] std::string_view name_of(Severity severity) noexcept;

struct Diagnostic {
  std::string file;
  Mark at;
  Severity severity = Severity::error;
  std::string message;
};

// "FILE:LINE:COLUMN: sentence"; warnings have "warning: " before the sentence.
[[nodiscard]] std::string format(const Diagnostic& diagnostic);

// Collects errors and warnings. Bound: diagnostics_max of each; the rest is only counted.
class Diagnostics {
 public:
  static constexpr std::size_t diagnostics_max = 50;

  void error(std::string_view file, Mark at, std::string message);
  void warning(std::string_view file, Mark at, std::string message);
  void add(Diagnostic diagnostic);

  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  // Further errors are only counted: their messages need not be made.
  [[nodiscard]] bool full() const noexcept { return errors_ >= diagnostics_max; }

  // All of them, ordered by file and place; a last line tells how many are not shown.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace hunt::rules
