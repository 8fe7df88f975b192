#include "engine/why_history.h"

#include <algorithm>

namespace hunt::engine {

namespace {

// A look is late when the thread is busy; two that are missing are a standstill.
constexpr std::int64_t gap_ns_min = 3 * WhyHistory::every_ns;

std::int64_t wall_of(std::int64_t at_ns, WhyHistory::Now now) {
  return now.us - (now.ns - at_ns) / 1'000;
}

}  // namespace

WhyHistory::WhyHistory() : ring_(looks_max) {}

bool WhyHistory::is_due(std::int64_t now_ns) const {
  return count_ == 0 || now_ns - look(count_ - 1).at_ns >= every_ns;
}

const WhyHistory::Look& WhyHistory::look(std::size_t index) const {
  return ring_[(first_ + index) % looks_max];
}

void WhyHistory::add(std::int64_t now_ns, const model::Why& why) {
  if (count_ == looks_max) {
    first_ = (first_ + 1) % looks_max;
    --count_;
  }
  Look& to = ring_[(first_ + count_) % looks_max];
  ++count_;
  to.at_ns = now_ns;
  to.tail_ns = why.tail_ns;
  to.tail_before_ns = why.tail_before_ns;
  to.samples = why.samples;
  to.share = why.share;
  to.stage = why.stage;
  to.cause = why.cause;
  to.confident = why.confident;
  to.timeline.set(why.timeline);
  to.resource.set(why.resource);
  to.verdict.set(why.verdict);
  to.next.set(why.next);
  to.warning.set(why.warning);
}

model::Why WhyHistory::why_of(const Look& look) {
  model::Why why;
  why.verdict = look.verdict.get();
  why.next = look.next.get();
  why.warning = look.warning.get();
  why.confident = look.confident;
  why.timeline = look.timeline.get();
  why.stage = look.stage;
  why.resource = look.resource.get();
  why.cause = look.cause;
  why.share = look.share;
  why.tail_ns = look.tail_ns;
  why.tail_before_ns = look.tail_before_ns;
  why.samples = look.samples;
  return why;
}

// Where nothing is wrong it does not matter which part is the largest, only whether there was any.
bool WhyHistory::is_same(const Look& one, const Look& other) {
  if (one.cause != other.cause || one.confident != other.confident) return false;
  if (one.cause == model::Cause::none) return (one.samples == 0) == (other.samples == 0);
  return one.resource.get() == other.resource.get();
}

// A look covers the ten seconds before it, or as much of them as the look before left.
model::WhyPast WhyHistory::since(std::int64_t from_us, Now now) const {
  model::WhyPast past;
  if (count_ == 0) return past;
  past.kept_from_us = wall_of(look(0).at_ns - every_ns, now);
  std::int64_t end_ns = look(0).at_ns - every_ns;
  const Look* before = nullptr;
  for (std::size_t i = 0; i < count_; ++i) {
    const Look& one = look(i);
    if (one.at_ns - end_ns >= gap_ns_min) {
      past.spells.push_back(
          {wall_of(end_ns, now), wall_of(one.at_ns - every_ns, now), 0, model::Why()});
      end_ns = one.at_ns - every_ns;
      before = nullptr;
    }
    if (before == nullptr || !is_same(*before, one)) {
      past.spells.push_back({wall_of(end_ns, now), wall_of(one.at_ns, now), 0, why_of(one)});
    }
    model::Spell& spell = past.spells.back();
    spell.to_us = wall_of(one.at_ns, now);
    ++spell.looks;
    if (one.tail_ns > spell.why.tail_ns) spell.why = why_of(one);
    end_ns = one.at_ns;
    before = &one;
  }
  if (now.ns - end_ns >= gap_ns_min) {
    past.spells.push_back({wall_of(end_ns, now), now.us, 0, model::Why()});
  }
  std::erase_if(past.spells, [from_us](const model::Spell& one) { return one.to_us <= from_us; });
  if (!past.spells.empty()) {
    past.spells.front().from_us = std::max(past.spells.front().from_us, from_us);
  }
  return past;
}

model::WhyPast WhyHistory::at(std::int64_t at_us, Now now) const {
  model::WhyPast past;
  if (count_ == 0) return past;
  past.kept_from_us = wall_of(look(0).at_ns - every_ns, now);
  for (std::size_t i = 0; i < count_; ++i) {
    const Look& one = look(i);
    const bool covers = wall_of(one.at_ns - every_ns, now) <= at_us;
    const bool last = i + 1 == count_;
    if (!covers || (wall_of(one.at_ns, now) < at_us && !last)) continue;
    // After the last look comes none that is over; for a moment it speaks for now.
    if (last && at_us - wall_of(one.at_ns, now) > gap_ns_min / 1'000) break;
    past.spells.push_back(
        {wall_of(one.at_ns - every_ns, now), wall_of(one.at_ns, now), 1, why_of(one)});
    break;
  }
  return past;
}

}  // namespace hunt::engine
