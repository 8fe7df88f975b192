// SymbolTable: the functions of one mapped file, found by address.
//
// libdw has this too, but walks all symbols for each address: half a second of CPU for a profile,
// more than what was profiled where little goes on. Lifetime: the module outlives it. Thread: any.
#pragma once
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

struct Dwfl_Module;

namespace hunt::profile {

class SymbolTable {
 public:
  // Reads all of them once. Empty where the file has none.
  explicit SymbolTable(Dwfl_Module* module);

  // The mangled name of the function that has this address inside. Null: between functions, as
  // where a library does not tell its own.
  [[nodiscard]] const char* name_at(std::uint64_t address) const;

 private:
  struct Symbol {
    std::uint64_t begin;
    std::uint64_t bytes;  // 0: not known
    const char* name;
    bool local;

    [[nodiscard]] std::tuple<bool, bool, std::size_t, std::size_t> order() const;
  };
  std::vector<Symbol> symbols_;  // by begin, each once
};

}  // namespace hunt::profile
