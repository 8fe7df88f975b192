#include "adapters/http/stream_grants.h"

#include <chrono>
#include <memory>
#include <utility>

#include "adapters/http/event.h"
#include "codec/json_replies.h"
#include "model/limits.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

constexpr std::chrono::milliseconds ledger_retry{20};  // guess: a commit takes about as long
// Grants of one page of the store: about what a stream is fed with.
constexpr std::uint32_t page_grants = 256;
static_assert(page_grants <= limits::grants_per_page_max);

}  // namespace

StreamGrants::StreamGrants(boost::asio::any_io_executor lane,
                           const std::vector<ports::Ledger*>& ledgers, const ClaimFeed& feed,
                           std::optional<ports::LedgerPlace> after, Taker taker)
    : lane_(std::move(lane)),
      ledgers_(ledgers),
      feed_(feed),
      taker_(std::move(taker)),
      place_(std::move(after)),
      read_whole_(ledgers_.size()) {
  for (std::size_t shard = 0; shard < ledgers_.size(); ++shard) {
    restores_.push_back(feed_.restores(shard));
  }
}

awaitable<bool> StreamGrants::begin() {
  auto end = co_await ports::end_of_ledgers(ledgers_);
  if (end) place_ = std::move(*end);
  co_return end.has_value();
}

awaitable<bool> StreamGrants::tell() {
  bool more = false;
  for (std::size_t shard = 0; shard < ledgers_.size(); ++shard) {
    const bool some = co_await tell_shard(shard);
    more = more || some;
  }
  co_return more;
}

// True when there may be more.
awaitable<bool> StreamGrants::tell_shard(std::size_t shard) {
  const std::uint64_t last = feed_.last(shard);
  const std::uint64_t& cursor = place_->cursors[shard].cursor;
  restored_ = restored_ || feed_.restores(shard) != restores_[shard];
  if (restored_) co_return false;
  if (last == 0 && read_whole_[shard]) co_return false;
  if (last == 0 || cursor + 1 < feed_.first(shard)) {
    const bool some = co_await read_page(shard);
    read_whole_[shard] = !some;
    if (some || last == 0) co_return some;
    // A grant was told that its ledger does not show yet: an earlier one is being written.
    co_await pause(lane_, ledger_retry);
    co_return true;
  }
  if (cursor >= last) co_return false;
  while (cursor < last && taker_.hungry()) {
    const auto& kept = feed_.grant(shard, cursor + 1);
    if (push(*kept.text, shard, cursor + 1, kept.mark)) continue;
    co_await pause(lane_, room_retry);
    break;
  }
  co_return true;
}

// True when there may be more.
awaitable<bool> StreamGrants::read_page(std::size_t shard) {
  const std::uint64_t after = place_->cursors[shard].cursor;
  const auto page = co_await ledgers_[shard]->grants_after(after, page_grants);
  if (!page) {
    co_await pause(lane_, store_retry);
    co_return true;
  }
  bool whole = true;
  for (const auto& grant : page->grants) {
    std::string event;
    codec::write_grant_event(model::event_of(grant), event);
    whole = push(event, shard, grant.cursor, ports::mark_of(grant.claim, grant.at_us));
    if (!whole) break;
  }
  const bool some = !page->grants.empty();
  if (!whole) co_await pause(lane_, room_retry);
  co_return some;
}

// With the place to resume from, which is this stream's own. False when there is no room for it.
bool StreamGrants::push(const std::string& event, std::size_t shard, std::uint64_t cursor,
                        std::uint32_t mark) {
  auto& place = place_->cursors[shard];
  const auto before = place;
  place.cursor = cursor;
  place.mark = mark;
  const std::string next = place_->text();
  std::string text;
  text.reserve(event.size() + next.size() + 16);
  text.append(event, 0, event.size() - 1);
  text += R"(,"next":")";
  text += next;
  text += "\"}";
  if (taker_.push(std::make_shared<const std::string>(std::move(text)))) return true;
  place = before;
  return false;
}

}  // namespace hunt::http
