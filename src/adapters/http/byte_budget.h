// ByteBudget: how many bytes all connections together may hold in memory, of one kind.
//
// Not an allocator: who holds bytes says so. Full is a normal answer. When little is left, those
// who have kept their bytes longest while the other side was to send or to read are ended, so that
// a client that withholds a byte costs others a moment and not the service. Thread: the server's
// lane.
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <optional>

namespace hunt::http {

class ByteBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ByteBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // What one connection holds. Gives all of it back when it ends; the budget outlives it.
  class Share {
   public:
    // `cut` ends the connection; it is called from relieve() and must not destroy the share.
    Share(ByteBudget& budget, std::function<void()> cut);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // False when the budget has not that much left; then nothing is taken.
    [[nodiscard]] bool take(std::size_t bytes);
    void give(std::size_t bytes);  // Requires: bytes <= bytes()
    void give_all() { give(bytes_); }
    // From now on the other side is to send or to read, or not any more.
    void waits_for_peer(Time since) { waits_since_ = since; }
    void waits_no_more() { waits_since_.reset(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

   private:
    friend class ByteBudget;
    ByteBudget& budget_;
    std::function<void()> cut_;
    std::size_t bytes_ = 0;
    std::optional<Time> waits_since_;
    std::list<Share*>::iterator place_;
  };

  // With less than an eighth left: cuts those whose other side has been waited for longest, and for
  // `patience` at least, until a quarter is left. Returns how many.
  std::size_t relieve(Time now, std::chrono::milliseconds patience);

  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_bytes_; }

 private:
  std::size_t bytes_max_;
  std::size_t used_bytes_ = 0;
  std::list<Share*> shares_;
};

}  // namespace hunt::http
