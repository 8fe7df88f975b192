#include "service/tellings.h"

namespace hunt::service {

namespace {

constexpr std::int64_t give_up_every_ns = 1'000'000'000;  // it walks over all of them

}  // namespace

void Tellings::expect(const std::vector<model::ClaimId>& ids) {
  if (!hears_) return;
  const std::int64_t now_ns = clock_.now_ns();
  const std::lock_guard lock(mutex_);
  const bool is_full = expected_.size() + ids.size() > expected_max;
  if (is_full && now_ns - gave_up_ns_ >= give_up_every_ns) give_up(now_ns);
  for (const auto& id : ids) {
    if (expected_.size() < expected_max) expected_.try_emplace(id);
  }
}

bool Tellings::granted(model::ClaimId id, const engine::Timeline& timeline) {
  if (!hears_) return false;
  const std::lock_guard lock(mutex_);
  const auto found = expected_.find(id);
  if (found == expected_.end()) return false;
  if (found->second.told) {
    expected_.erase(found);
    return false;
  }
  found->second.granted_ns = clock_.now_ns();
  found->second.timeline = timeline;
  return true;
}

void Tellings::forget(model::ClaimId id) {
  if (!hears_) return;
  const std::lock_guard lock(mutex_);
  const auto found = expected_.find(id);
  // Two lanes may have asked for the same: what one was granted is told all the same.
  if (found != expected_.end() && found->second.granted_ns == 0) expected_.erase(found);
}

void Tellings::told(model::ClaimId id) {
  const std::lock_guard lock(mutex_);
  hears_ = true;
  const auto found = expected_.find(id);
  if (found == expected_.end()) return;
  Expected& one = found->second;
  if (one.granted_ns == 0) {
    one.told = true;
    return;
  }
  const std::int64_t now_ns = clock_.now_ns();
  one.timeline.telling_ns = now_ns - one.granted_ns;
  told_.add(one.timeline, now_ns);
  expected_.erase(found);
}

std::vector<engine::Timeline> Tellings::samples() {
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ns = clock_.now_ns();
  give_up(now_ns);
  std::vector<engine::Timeline> all = told_.samples(now_ns);
  const std::size_t step = expected_.size() / engine::OpenClocks::samples_max + 1;
  std::size_t seen = 0;
  for (const auto& [id, one] : expected_) {
    if (one.granted_ns == 0 || seen++ % step != 0) continue;
    all.push_back(one.timeline);
    all.back().telling_ns = now_ns - one.granted_ns;
  }
  return all;
}

void Tellings::give_up(std::int64_t now_ns) {
  gave_up_ns_ = now_ns;
  for (auto at = expected_.begin(); at != expected_.end();) {
    const std::int64_t granted_ns = at->second.granted_ns;
    const bool lost = granted_ns != 0 && now_ns - granted_ns > waited_ns_max;
    at = lost ? expected_.erase(at) : std::next(at);
  }
}

}  // namespace hunt::service
