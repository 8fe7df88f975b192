// Any bytes as the loot tables of another game: an answer in bounded time, and of what is accepted
// a text that says of each table at most what the bounds allow.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "importers/importers.h"

// The first byte says whose they are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hunt::importers;
  if (size == 0) return 0;
  const Source file{"loot_table/f.json",
                    std::string(reinterpret_cast<const char*>(data) + 1, size - 1)};
  const auto imported = importers[data[0] % std::size(importers)].run({&file, 1}, {});
  if (!imported) {
    HUNT_ASSERT(!imported.error().empty());
    return 0;
  }
  HUNT_ASSERT(imported->yaml.starts_with("event: \"imported\"\ntables:\n"));
  HUNT_ASSERT(imported->yaml.size() <= 4'096 * (size + 1'024));
  return 0;
}
