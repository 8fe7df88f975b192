#include "engine/fleet_why.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/moment.h"
#include "engine/attribution.h"
#include "engine/cause_text.h"
#include "engine/fleet_text.h"

namespace hunt::engine {

namespace {

using model::Absence;
using model::Asked;
using model::Cause;
using model::FleetPlace;
using model::FleetWhy;
using model::Why;

// Of those that are sure, so many have to name one cause for it to stand against the others.
constexpr double majority_min = 0.75;
constexpr std::size_t majority_count_min = 3;
// A store that refuses, a lane that stands still: worse than most tails.
constexpr double refusing = 50;

bool names_a_cause(const Why& why) {
  return why.cause != Cause::none;
}
bool is_sure(const Why& why) {
  return why.confident && why.cause != Cause::none && why.cause != Cause::unclear;
}

// How many times longer than what is fine. Nobody is sure of a cause below that unless something
// is broken.
double severity(const Why& why) {
  const std::int64_t fine_ns = why.timeline == "claims" ? claims_fine_ns : answers_fine_ns;
  const double times = static_cast<double>(why.tail_ns) / static_cast<double>(fine_ns);
  if (is_sure(why) && why.share >= 1 && times < 1) return refusing;
  return is_sure(why) ? 2 * times : times;
}

// What is only seen because of another cause at the same place: a line before slow calls, a wait
// for who fills the cache.
bool may_follow(Cause cause) {
  return cause == Cause::limit || cause == Cause::queue || cause == Cause::cache_miss;
}

// One place and the verdicts that name it.
struct Group {
  std::string resource;
  std::vector<const Asked*> sure;
  std::vector<const Asked*> unsure;
  Cause cause = Cause::unclear;
  bool contradicted = false;

  [[nodiscard]] double weight() const {
    double sum = 0;
    for (const auto* one : sure) sum += severity(one->why);
    for (const auto* one : unsure) sum += severity(one->why);
    return sum;
  }
};

bool is_worse(const Asked* one, const Asked* other) {
  return severity(one->why) > severity(other->why);
}

void settle_cause(Group& group) {
  std::stable_sort(group.sure.begin(), group.sure.end(), is_worse);
  std::stable_sort(group.unsure.begin(), group.unsure.end(), is_worse);
  if (group.sure.empty()) {
    const Cause first = group.unsure.front()->why.cause;
    const bool same = std::all_of(group.unsure.begin(), group.unsure.end(),
                                  [first](const Asked* one) { return one->why.cause == first; });
    group.cause = same ? first : Cause::unclear;
    return;
  }
  std::map<Cause, std::size_t> counts;
  for (const auto* one : group.sure) ++counts[one->why.cause];
  std::map<Cause, std::size_t> deciding = counts;
  std::erase_if(deciding, [](const auto& one) { return may_follow(one.first); });
  if (deciding.empty()) deciding = counts;
  const auto most =
      std::max_element(deciding.begin(), deciding.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  std::size_t all = 0;
  for (const auto& one : deciding) all += one.second;
  group.contradicted = deciding.size() > 1;
  const bool stands = static_cast<double>(most->second) >= majority_min * static_cast<double>(all);
  group.cause = !group.contradicted || (stands && most->second >= majority_count_min)
                    ? most->first
                    : Cause::unclear;
  // Who is of that cause speaks for the place.
  std::stable_partition(group.sure.begin(), group.sure.end(), [&group](const Asked* one) {
    return group.cause == Cause::unclear || one->why.cause == group.cause;
  });
}

// Who waits until others have filled the cache has their trouble, where they have one.
bool waits_for_others(const Asked& one, const std::vector<Group>& groups) {
  if (one.why.cause != Cause::cache_miss) return false;
  return std::any_of(groups.begin(), groups.end(), [&one](const Group& group) {
    return std::any_of(group.sure.begin(), group.sure.end(), [&one](const Asked* other) {
      return other != &one && other->why.cause != Cause::cache_miss &&
             is_of_shard(other->why.stage);
    });
  });
}

void add_unsure(std::vector<Group>& groups, const Asked& one) {
  for (auto& group : groups) {
    if (group.resource != one.why.resource) continue;
    group.unsure.push_back(&one);
    return;
  }
  Group group;
  group.resource = one.why.resource;
  group.unsure.push_back(&one);
  groups.push_back(std::move(group));
}

std::vector<Group> group_up(const std::vector<const Asked*>& orchestrators) {
  std::map<std::pair<std::string, Cause>, Group> by_place;
  for (const auto* one : orchestrators) {
    if (!is_sure(one->why)) continue;
    // At places of their own different causes are no contradiction: they are different places.
    const Cause part = is_own(one->why.resource) ? one->why.cause : Cause::none;
    Group& group = by_place[{one->why.resource, part}];
    group.resource = one->why.resource;
    group.sure.push_back(one);
  }
  std::vector<Group> groups;
  groups.reserve(by_place.size());
  for (auto& [place, group] : by_place) groups.push_back(std::move(group));
  for (const auto* one : orchestrators) {
    if (names_a_cause(one->why) && !is_sure(one->why)) add_unsure(groups, *one);
  }
  for (const auto* one : orchestrators) {
    if (!waits_for_others(*one, groups)) continue;
    for (auto& group : groups) {
      std::erase(group.sure, one);
      std::erase(group.unsure, one);
    }
  }
  std::erase_if(groups, [](const Group& one) { return one.sure.empty() && one.unsure.empty(); });
  for (auto& group : groups) settle_cause(group);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return a.weight() > b.weight(); });
  return groups;
}

// The p99 of the slowest stage at a resource, where the process uses it.
std::int64_t p99_at(const Why& why, const std::string& resource) {
  std::int64_t p99_ns = 0;
  for (const auto& stage : why.stages) {
    if (stage.resource != resource) continue;
    p99_ns = std::max({p99_ns, stage.waited_p99_ns, stage.worked_p99_ns});
  }
  return p99_ns;
}

FleetPlace place_of(const std::string& resource, const Group* group,
                    const std::vector<const Asked*>& orchestrators) {
  FleetPlace place;
  place.resource = resource;
  if (group != nullptr) {
    const Asked* worst = group->sure.empty() ? group->unsure.front() : group->sure.front();
    place.stage = worst->why.stage;
    place.cause = group->cause;
    place.contradicted = group->contradicted;
    place.confident = !group->sure.empty() && group->cause != Cause::unclear;
    for (const auto* one : group->sure) {
      place.hurt.push_back(one->process.name);
      place.tail_ns = std::max(place.tail_ns, one->why.tail_ns);
    }
    for (const auto* one : group->unsure) {
      place.perhaps.push_back(one->process.name);
      place.tail_ns = std::max(place.tail_ns, one->why.tail_ns);
    }
  }
  for (const auto* one : orchestrators) {
    const std::int64_t p99_ns = p99_at(one->why, resource);
    if (p99_ns == 0) continue;
    place.p99_low_ns = place.p99_low_ns == 0 ? p99_ns : std::min(place.p99_low_ns, p99_ns);
    place.p99_high_ns = std::max(place.p99_high_ns, p99_ns);
    const bool names_it = group != nullptr && one->why.resource == resource;
    if (!names_it) place.fine.push_back(one->process.name);
  }
  return place;
}

std::vector<FleetPlace> places_of(const std::vector<Group>& groups,
                                  const std::vector<const Asked*>& orchestrators) {
  std::vector<FleetPlace> places;
  places.reserve(groups.size());
  for (const auto& group : groups) {
    places.push_back(place_of(group.resource, &group, orchestrators));
  }
  for (const auto* one : orchestrators) {
    for (const auto& stage : one->why.stages) {
      const bool known = std::any_of(
          places.begin(), places.end(),
          [&stage](const FleetPlace& place) { return place.resource == stage.resource; });
      if (!known) places.push_back(place_of(stage.resource, nullptr, orchestrators));
    }
  }
  std::erase_if(places, [](const FleetPlace& place) {
    return place.cause == Cause::none && place.fine.empty();
  });
  return places;
}

// Of all together: shares by the time of their tails, the largest p99, the sums of what is in
// flight.
std::vector<model::StageFigures> stages_of(const std::vector<const Asked*>& orchestrators) {
  std::map<std::pair<model::Stage, std::string>, model::StageFigures> all;
  double total = 0;
  for (const auto* one : orchestrators) {
    if (one->why.samples == 0) continue;
    const auto weight = static_cast<double>(one->why.tail_ns);
    total += weight;
    for (const auto& figures : one->why.stages) {
      auto& to = all[{figures.stage, figures.resource}];
      to.stage = figures.stage;
      to.resource = figures.resource;
      to.share += figures.share * weight;
      to.waited_p99_ns = std::max(to.waited_p99_ns, figures.waited_p99_ns);
      to.worked_p99_ns = std::max(to.worked_p99_ns, figures.worked_p99_ns);
      to.inflight += figures.inflight;
      to.limit += figures.limit;
    }
  }
  std::vector<model::StageFigures> stages;
  for (auto& [key, figures] : all) {
    if (total > 0) figures.share /= total;
    stages.push_back(std::move(figures));
  }
  return stages;
}

// The whole is one sentence of the worst place; where nobody is held up, of the longest tail.
void say_groups(const std::vector<Group>& groups, const FleetRoll& roll, FleetWhy& fleet) {
  const Group& group = groups.front();
  const Asked& worst = group.sure.empty() ? *group.unsure.front() : *group.sure.front();
  const FleetPlace& place = fleet.places.front();
  Why& why = fleet.why;
  why = worst.why;
  why.stages.clear();
  why.cause = group.cause;
  why.confident = place.confident;
  why.tail_ns = place.tail_ns;
  std::string disagreement;
  if (group.contradicted) {
    std::map<Cause, std::vector<std::string>> by_cause;
    for (const auto* one : group.sure) by_cause[one->why.cause].push_back(one->process.name);
    disagreement = text_of_disagreement(by_cause);
  }
  why.verdict = verdict_of(place, worst, roll, disagreement);
  if (groups.size() > 1) why.verdict += text_of_second(fleet.places[1], roll);
  why.next = next_of(place, worst, roll);
}

}  // namespace

FleetWhy merge_fleet(const std::vector<Asked>& asked) {
  FleetWhy fleet;
  FleetRoll roll;
  std::vector<const Asked*> orchestrators;
  for (const auto& one : asked) {
    const bool relay = one.process.kind == "relay";
    if (one.absence != Absence::none) {
      ++fleet.absent;
      if (!relay) roll.absent.push_back(one.process.name);
      continue;
    }
    ++(relay ? fleet.relays : fleet.orchestrators);
    if (relay) continue;
    orchestrators.push_back(&one);
    roll.all.push_back(one.process.name);
    if (one.why.cause != Cause::none) continue;
    (one.why.samples == 0 ? roll.idle : roll.fine).push_back(one.process.name);
  }
  const std::vector<Group> groups = group_up(orchestrators);
  for (const auto* one : orchestrators) {
    if (!waits_for_others(*one, groups)) continue;
    fleet.notes.push_back(fmt::format(
        "{} waits until others have filled the cache, so it has their trouble", one->process.name));
  }
  fleet.places = places_of(groups, orchestrators);
  if (groups.empty()) {
    say_nothing_wrong(orchestrators, roll, fleet.why);
  } else {
    say_groups(groups, roll, fleet);
  }
  fleet.why.stages = stages_of(orchestrators);
  add_uneven_lanes(orchestrators, fleet);
  add_warnings(asked, fleet);
  for (auto& note : notes_on(asked)) fleet.notes.push_back(std::move(note));
  return fleet;
}

}  // namespace hunt::engine
