#include "node/open_later.h"

#include <fmt/format.h>

#include <utility>

namespace hunt::node {

namespace {

constexpr std::chrono::milliseconds again_after(1'000);

}  // namespace

void NotOpen::set_why(const Error& why) {
  const std::lock_guard lock(mutex_);
  why_ = why.message;
}

std::string NotOpen::why() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("{} is not open yet: {}", shown_, why_);
}

Error NotOpen::error() const {
  return {Errc::unavailable, why(), {}};
}

bool may_open_later(Errc code) noexcept {
  return code == Errc::unavailable || code == Errc::deadline_exceeded || code == Errc::io ||
         code == Errc::overloaded || code == Errc::unknown_outcome;
}

OpenLater::OpenLater(const StoreUrl& url, const ports::Clock& clock,
                     const OpenStoreOptions& options, Admit admit)
    : admit_(std::move(admit)),
      not_open_(url.shown()),
      late_(not_open_),
      late_feed_(not_open_),
      options_(options) {
  options_.interrupt = &interrupt_;
  thread_ = std::thread([this, url, &clock] { open_again_and_again(url, clock); });
}

void OpenLater::open_again_and_again(const StoreUrl& url, const ports::Clock& clock) {
  for (;;) {
    auto opened = open_once(url, clock);
    std::unique_lock lock(mutex_);
    if (closed_) {
      lock.unlock();
      if (opened) (*opened)->close();
      return;
    }
    if (opened) {
      opened_ = std::move(*opened);
      refused_.reset();
      if (feed_asked_) late_feed_.set(opened_->feed());
      late_.set(opened_->store());
      return changed_.notify_all();
    }
    not_open_.set_why(opened.error());
    refused_.reset();
    if (!may_open_later(opened.error().code)) refused_ = opened.error();
    changed_.notify_all();
    changed_.wait_for(lock, again_after, [this] { return closed_; });
    if (closed_) return;
  }
}

Result<std::unique_ptr<OpenStore>> OpenLater::open_once(const StoreUrl& url,
                                                        const ports::Clock& clock) {
  HUNT_TRY(opened, OpenStore::open(url, clock, options_));
  {
    const std::lock_guard lock(mutex_);
    if (closed_) opened->close();
    candidate_ = opened.get();
  }
  const auto admitted = admit_(opened->store());
  {
    const std::lock_guard lock(mutex_);
    candidate_ = nullptr;
  }
  if (admitted) return opened;
  opened->close();
  return tl::unexpected<Error>(admitted.error());
}

ports::ChangeFeed& OpenLater::feed() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(feed_asked_, true) && opened_ != nullptr) late_feed_.set(opened_->feed());
  return late_feed_;
}

void OpenLater::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    if (candidate_ != nullptr) candidate_->close();  // ends what it is asked
  }
  interrupt_.end();
  if (thread_.joinable()) thread_.join();
  if (opened_ != nullptr) opened_->close();
}

std::string OpenLater::waits_for() const {
  const std::lock_guard lock(mutex_);
  return opened_ != nullptr ? std::string() : not_open_.why();
}

Result<void> OpenLater::wait_until(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline,
                      [this] { return opened_ != nullptr || refused_.has_value(); });
  if (refused_) return tl::unexpected<Error>(*refused_);
  return {};
}

}  // namespace hunt::node
