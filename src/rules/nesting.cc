#include "rules/nesting.h"

#include <algorithm>

#include "base/result.h"

namespace hunt::rules {

namespace {

enum class Colour : std::uint8_t { fresh, open, done };

struct Step {
  std::uint32_t table = 0;
  std::size_t next = 0;  // the reference to follow next
};

Cycle cycle_of(const std::vector<Step>& path, std::uint32_t closes_at) {
  Cycle cycle;
  const auto start = std::find_if(path.begin(), path.end(),
                                  [&](const Step& step) { return step.table == closes_at; });
  HUNT_ASSERT(start != path.end());
  for (auto at = start; at != path.end(); ++at) cycle.path.push_back(at->table);
  cycle.path.push_back(closes_at);
  cycle.reference = path.back().next - 1;
  return cycle;
}

}  // namespace

Nesting find_nesting(const References& references, std::size_t cycles_max) {
  Nesting out;
  out.levels.assign(references.size(), 1);
  std::vector<Colour> colours(references.size(), Colour::fresh);
  std::vector<Step> path;
  for (std::uint32_t root = 0; root < references.size(); ++root) {
    if (colours[root] != Colour::fresh) continue;
    colours[root] = Colour::open;
    path.push_back({root, 0});
    while (!path.empty()) {
      Step& step = path.back();
      const std::uint32_t table = step.table;
      if (step.next == references[table].size()) {
        colours[table] = Colour::done;
        path.pop_back();
        if (!path.empty()) {
          auto& level = out.levels[path.back().table];
          level = std::max(level, out.levels[table] + 1);
        }
        continue;
      }
      const std::uint32_t child = references[table][step.next++];
      if (colours[child] == Colour::fresh) {
        colours[child] = Colour::open;
        path.push_back({child, 0});
      } else if (colours[child] == Colour::done) {
        out.levels[table] = std::max(out.levels[table], out.levels[child] + 1);
      } else if (out.cycles.size() < cycles_max) {
        out.cycles.push_back(cycle_of(path, child));
      }
    }
  }
  return out;
}

std::vector<std::uint32_t> longest_chain(const References& references,
                                         const std::vector<std::uint32_t>& levels,
                                         std::uint32_t table) {
  std::vector<std::uint32_t> chain{table};
  while (levels[table] > 1) {
    const auto& children = references[table];
    table = *std::max_element(children.begin(), children.end(),
                              [&](auto a, auto b) { return levels[a] < levels[b]; });
    chain.push_back(table);
  }
  return chain;
}

}  // namespace hunt::rules
