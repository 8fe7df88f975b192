#include "adapters/http/byte_budget.h"

#include <algorithm>
#include <vector>

#include "base/result.h"

namespace hunt::http {

ByteBudget::Share::Share(ByteBudget& budget, std::function<void()> cut)
    : budget_(budget), cut_(std::move(cut)) {
  place_ = budget_.shares_.insert(budget_.shares_.end(), this);
}

ByteBudget::Share::~Share() {
  give_all();
  budget_.shares_.erase(place_);
}

bool ByteBudget::Share::take(std::size_t bytes) {
  if (bytes > budget_.bytes_max_ - budget_.used_bytes_) return false;
  budget_.used_bytes_ += bytes;
  bytes_ += bytes;
  return true;
}

void ByteBudget::Share::give(std::size_t bytes) {
  HUNT_ASSERT(bytes <= bytes_);
  bytes_ -= bytes;
  budget_.used_bytes_ -= bytes;
}

std::size_t ByteBudget::relieve(Time now, std::chrono::milliseconds patience) {
  if (used_bytes_ <= bytes_max_ - bytes_max_ / 8) return 0;
  std::vector<Share*> late;
  for (Share* share : shares_) {
    if (share->bytes_ > 0 && share->waits_since_ && *share->waits_since_ + patience <= now) {
      late.push_back(share);
    }
  }
  std::stable_sort(late.begin(), late.end(), [](const Share* a, const Share* b) {
    return *a->waits_since_ < *b->waits_since_;
  });
  // Their bytes come back when their connections have ended, a moment later.
  std::size_t used = used_bytes_;
  std::size_t count = 0;
  for (Share* share : late) {
    if (used <= bytes_max_ - bytes_max_ / 4) break;
    used -= share->bytes_;
    share->waits_no_more();  // once is enough
    share->cut_();
    ++count;
  }
  return count;
}

}  // namespace hunt::http
