// OpenLater: opens one shard in a thread of its own, and again until it is open.
//
// Not for the first shard, which says whose hunt it is. A store is looked at before anybody is
// served from it (Admit): one of another hunt stays closed. Lifecycle: opens from its construction
// on, until it is open or closed. Thread: any.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "adapters/postgres/interrupt.h"
#include "node/late_store.h"
#include "node/open_store.h"

namespace hunt::node {

class OpenLater final : public OpenStore {
 public:
  using Clock = std::chrono::steady_clock;
  // Errors: why it must stay closed. Thread: the opening one.
  using Admit = std::function<Result<void>(ports::HuntStore&)>;

  // Lifetime: `clock`, and what `admit` asks, outlive this.
  OpenLater(const StoreUrl& url, const ports::Clock& clock, const OpenStoreOptions& options,
            Admit admit);
  ~OpenLater() override { OpenLater::close(); }

  [[nodiscard]] ports::HuntStore& store() noexcept override { return late_; }
  [[nodiscard]] ports::ChangeFeed& feed() override;
  void close() override;
  [[nodiscard]] std::string waits_for() const override;

  // Returns when it is open or the time has come. Errors: what waiting does not mend, such as a
  // store of another hunt.
  [[nodiscard]] Result<void> wait_until(Clock::time_point deadline);

 private:
  void open_again_and_again(const StoreUrl& url, const ports::Clock& clock);
  [[nodiscard]] Result<std::unique_ptr<OpenStore>> open_once(const StoreUrl& url,
                                                             const ports::Clock& clock);

  const Admit admit_;
  NotOpen not_open_;
  LateStore late_;
  LateFeed late_feed_;
  postgres::Interrupt interrupt_;
  OpenStoreOptions options_;
  mutable std::mutex mutex_;  // for all below
  std::condition_variable changed_;
  std::unique_ptr<OpenStore> opened_;
  OpenStore* candidate_ = nullptr;  // open, and not admitted yet
  bool feed_asked_ = false;
  bool closed_ = false;
  std::optional<Error> refused_;
  std::thread thread_;
};

// Whether it may well open if one tries again.
[[nodiscard]] bool may_open_later(Errc code) noexcept;

}  // namespace hunt::node
