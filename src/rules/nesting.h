// How tables nest: finds cycles and chains that are too long.
//
// Not aware of names or files: tables are numbers, references are edges with a number each, so that
// the caller can say where they stand. Iterative: the depth of the input cannot exhaust the stack.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hunt::rules {

// references[t]: the tables that table t draws from, in order. Every value is a table.
using References = std::vector<std::vector<std::uint32_t>>;

struct Cycle {
  std::vector<std::uint32_t> path;  // the first table again at the end: a, b, a
  std::size_t reference = 0;        // which reference of path[path.size() - 2] closes it
};

struct Nesting {
  std::vector<Cycle> cycles;          // one per closing reference; Bound: cycles_max
  std::vector<std::uint32_t> levels;  // 1 for a table of items only; meaningless with cycles
};

[[nodiscard]] Nesting find_nesting(const References& references, std::size_t cycles_max);

// The longest chain of tables that starts at `table`. Precondition: no cycles.
[[nodiscard]] std::vector<std::uint32_t> longest_chain(const References& references,
                                                       const std::vector<std::uint32_t>& levels,
                                                       std::uint32_t table);

}  // namespace hunt::rules
