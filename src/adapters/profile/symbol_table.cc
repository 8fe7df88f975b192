#include "adapters/profile/symbol_table.h"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace hunt::profile {

// Of several names of one function the one that people know: of pwrite, __libc_pwrite64 and
// __GI_pwrite, all of the same size, the first.
std::tuple<bool, bool, std::size_t, std::size_t> SymbolTable::Symbol::order() const {
  const std::string_view all = name;
  return {bytes == 0, local, std::min(all.find_first_not_of('_'), all.size()), all.size()};
}

SymbolTable::SymbolTable(Dwfl_Module* module) {
  const int count = dwfl_module_getsymtab(module);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol{};
    GElf_Addr address = 0;
    GElf_Word section = SHN_UNDEF;
    const char* name =
        dwfl_module_getsym_info(module, i, &symbol, &address, &section, nullptr, nullptr);
    const int type = GELF_ST_TYPE(symbol.st_info);
    const bool is_code = type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
    if (name == nullptr || *name == '\0' || !is_code || section == SHN_UNDEF || section == SHN_ABS)
      continue;
    symbols_.push_back({address, symbol.st_size, name, GELF_ST_BIND(symbol.st_info) == STB_LOCAL});
  }
  std::stable_sort(symbols_.begin(), symbols_.end(), [](const Symbol& a, const Symbol& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.order() < b.order();
  });
  const auto end = std::unique(symbols_.begin(), symbols_.end(),
                               [](const Symbol& a, const Symbol& b) { return a.begin == b.begin; });
  symbols_.erase(end, symbols_.end());
}

const char* SymbolTable::name_at(std::uint64_t address) const {
  const auto after = std::upper_bound(
      symbols_.begin(), symbols_.end(), address,
      [](std::uint64_t wanted, const Symbol& symbol) { return wanted < symbol.begin; });
  if (after == symbols_.begin()) return nullptr;
  const Symbol& at = *std::prev(after);
  if (at.bytes != 0 && address - at.begin >= at.bytes) return nullptr;
  return at.name;
}

}  // namespace hunt::profile
