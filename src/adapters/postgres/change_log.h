// ChangeLog: changed tiles in commit order, kept until they are confirmed.
//
// Not the stream (replication.h). A place in it is a place in PostgreSQL's own log: behind the
// record of the commit, or inside that record for the first parts of a large transaction, so that
// every batch ends at a place and places only grow. Pure; thread: one.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "model/change.h"

namespace hunt::postgres {

class ChangeLog {
 public:
  static constexpr std::size_t rows_per_part_max = 4'096;  // the bound of ports::ChangeFeed::next
  // A commit's record has at least 34 bytes, so there is a place for so many parts in it.
  static constexpr std::size_t parts_max = 32;
  static constexpr std::size_t rows_max = parts_max * rows_per_part_max;

  struct Part {
    std::uint64_t place = 0;
    std::uint64_t resume_at = 0;  // told up to here, the stream may begin there: not behind `place`
    std::vector<model::TileChange> tiles;
    std::int64_t committed_ns = 0;
  };

  // Forgets everything; `place` is where the next transaction begins at the earliest.
  void restart(std::uint64_t place) {
    parts_.clear();
    rows_ = 0;
    newest_ = place;
    gone_ = 0;
    open_ = Part{};
    lost_ = false;
  }

  void begin(std::uint64_t commit_lsn, std::int64_t now_ns) {
    commit_lsn_ = commit_lsn;
    part_count_ = 0;
    open_ = Part{};
    open_.committed_ns = now_ns;
  }
  void add(model::TileChange change) {
    if (lost_) return;
    if (open_.tiles.size() == rows_per_part_max) {
      ++part_count_;
      if (part_count_ >= parts_max) return lose();  // no place left to stop at
      const std::int64_t now_ns = open_.committed_ns;
      close(commit_lsn_ + part_count_, commit_lsn_);
      open_.committed_ns = now_ns;
    }
    open_.tiles.push_back(std::move(change));
  }
  void commit(std::uint64_t end_lsn) {
    if (lost_) {
      lost_ = false;
      newest_ = std::max(newest_, end_lsn);
      gone_ = newest_;
    }
    if (open_.tiles.empty()) return;
    close(end_lsn, end_lsn);
  }

  // Whether a transaction is coming in that is too large to be kept: neither it nor what was not
  // told before it can be told.
  [[nodiscard]] bool lost() const noexcept { return lost_; }
  // Behind the last such transaction: changes before this place are gone.
  [[nodiscard]] std::uint64_t gone() const noexcept { return gone_; }
  [[nodiscard]] std::uint64_t newest() const noexcept { return newest_; }
  [[nodiscard]] bool full() const noexcept { return rows_ >= rows_max; }
  [[nodiscard]] bool empty() const noexcept { return parts_.empty() && open_.tiles.empty(); }
  [[nodiscard]] const std::deque<Part>& parts() const noexcept { return parts_; }

  // Forgets all up to `place`; where the stream may begin now (0: no news).
  std::uint64_t forget(std::uint64_t place) {
    std::uint64_t resume_at = 0;
    while (!parts_.empty() && parts_.front().place <= place) {
      resume_at = parts_.front().resume_at;
      rows_ -= parts_.front().tiles.size();
      parts_.pop_front();
    }
    return resume_at;
  }

 private:
  void lose() {
    lost_ = true;
    parts_.clear();
    rows_ = 0;
    open_ = Part{};
  }
  void close(std::uint64_t place, std::uint64_t resume_at) {
    open_.place = place;
    open_.resume_at = resume_at;
    newest_ = std::max(newest_, place);
    rows_ += open_.tiles.size();
    parts_.push_back(std::move(open_));
    open_ = Part{};
  }

  std::deque<Part> parts_;
  Part open_;  // of the transaction that is coming in
  std::uint64_t newest_ = 0;
  std::uint64_t gone_ = 0;
  std::uint64_t commit_lsn_ = 0;
  std::size_t part_count_ = 0;
  std::size_t rows_ = 0;
  bool lost_ = false;
};

}  // namespace hunt::postgres
