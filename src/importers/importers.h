// Loot tables of other games and tools, as an event of ours: text in, YAML out.
//
// Not the rules (rules/ checks what comes out) and not the game's data: what a file says about
// chances is translated exactly, or it is said what is not. Pure; any thread.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace hunt::importers {

// Bounds, so that a hostile file costs little: beyond them it is a Problem.
inline constexpr std::size_t source_bytes_max = std::size_t{16} << 20;  // as a file of rules
inline constexpr std::size_t depth_max = 32;                            // containers in containers
inline constexpr std::size_t tables_max = 4'096;                        // as in one event
inline constexpr std::size_t entries_max = 100'000;                     // of all tables together

struct Source {
  std::string name;  // as it is shown; tables are named after it where the file names none
  std::string text;  // JSON
};

struct Options {
  std::string event = "imported";  // the name of the event
  // What the engine cannot know: "killed_by_player" → "true". Which words there are: see Remark.
  std::map<std::string, std::string> assume;
  // Minecraft: what an item tag stands for, "minecraft:fishes" → item ids.
  std::map<std::string, std::vector<std::string>> tags;
};

// Where in which file something stands, as "pools[0].entries[2]".
struct Place {
  std::string file;
  std::string path;
};

// What was not carried over as it is.
struct Remark {
  Place place;
  std::string text;
  bool changes_odds = false;  // something that decides chances was left out, and nobody assumed it
};

// Why there is no event.
struct Problem {
  Place place;
  std::string text;
};

struct Imported {
  std::string yaml;
  std::vector<Remark> remarks;
};
using ImportResult = tl::expected<Imported, std::vector<Problem>>;

// Minecraft Java loot tables. Names: the path behind "loot_table/" with dots for slashes. An entry
// that is a container adds its children to the draw, and one whose condition fails is not in it, as
// the game does. Luck is 0.
[[nodiscard]] ImportResult import_minecraft(std::span<const Source> files, const Options& options);
// Hytale drop lists: Single, Choice, Multiple, Empty, Droplist.
[[nodiscard]] ImportResult import_hytale(std::span<const Source> files, const Options& options);
// Hiro rewards: guaranteed, weighted, max_rolls, total_weight. Each object with either of the first
// two is a table, named by its key.
[[nodiscard]] ImportResult import_hiro(std::span<const Source> files, const Options& options);
// PlayFab drop tables: a map of them, a list, or one.
[[nodiscard]] ImportResult import_playfab(std::span<const Source> files, const Options& options);

struct Importer {
  std::string_view name;  // of --from
  ImportResult (*run)(std::span<const Source>, const Options&);
};
inline constexpr Importer importers[] = {{"minecraft", import_minecraft},
                                         {"hytale", import_hytale},
                                         {"hiro", import_hiro},
                                         {"playfab", import_playfab}};

}  // namespace hunt::importers
