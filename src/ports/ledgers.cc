#include "ports/ledgers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include "base/text.h"

namespace hunt::ports {

namespace {

constexpr auto cursor_max = std::uint64_t{std::numeric_limits<std::int64_t>::max()};

Error malformed(std::string_view text, std::size_t ledgers) {
  const std::string expected =
      ledgers == 1 ? "a whole number"
                   : fmt::format("at most {} whole numbers with dots between them", ledgers);
  return {Errc::invalid_argument,
          fmt::format("after must be {}: the `next` of an earlier answer, or 0; found \"{}\"",
                      expected, printable(text)),
          "after"};
}

bool is_said_of_cursor(std::string_view number) {
  return number.size() > 1 && number[0] == '0';
}

// The row at a cursor, which is not settled perhaps but was told: nothing when there is none.
boost::asio::awaitable<Result<std::optional<model::Grant>>> row_at(Ledger* store,
                                                                   std::uint64_t cursor) {
  HUNT_CO_TRY(page, co_await store->grants_after(cursor - 1, 1));
  std::optional<model::Grant> row;
  if (!page.grants.empty() && page.grants[0].cursor == cursor) row = std::move(page.grants[0]);
  co_return row;
}

// A sentence when it is no place in the store's ledger.
boost::asio::awaitable<Result<std::string>> refusal_of(Ledger* store, const StoreInfo& info,
                                                       LedgerCursor at) {
  constexpr std::string_view advice =
      "read again from after=0, and credit by claim: what was credited before is not credited "
      "again";
  const std::uint32_t ledger = short_id(info.ledger);
  if (at.ledger != 0 && at.ledger != ledger) {
    co_return fmt::format(
        "after names the ledger {:08x}, and the one of shard {} is {:08x}: this is another store, "
        "or another one stands in its place; {}",
        at.ledger, info.shard, ledger, advice);
  }
  if (at.cursor == 0 || (at.mark == 0 && at.cursor <= info.ledger_end)) co_return std::string();
  HUNT_CO_TRY(row, co_await row_at(store, at.cursor));
  const bool same = row && (at.mark == 0 || at.mark == mark_of(row->claim, row->at_us));
  if (same) co_return std::string();
  if (row || at.cursor <= info.ledger_end) {
    co_return fmt::format(
        "after says that another grant stands at {} of shard {}'s ledger than does: the store was "
        "restored since, and grants were lost; {}",
        at.cursor, info.shard, advice);
  }
  co_return fmt::format(
      "after is ahead of the ledger: {}, where shard {} ends at {}; the store was restored, or "
      "this "
      "is another one; {}",
      at.cursor, info.shard, info.ledger_end, advice);
}

}  // namespace

std::uint32_t short_id(model::LedgerId ledger) noexcept {
  return static_cast<std::uint32_t>(ledger.high >> 32);
}

std::uint32_t mark_of(model::ClaimId claim, std::int64_t at_us) noexcept {
  const std::size_t mixed =
      model::Id128Hash()({claim.high, claim.low + static_cast<std::uint64_t>(at_us)});
  const auto mark = static_cast<std::uint32_t>(mixed >> 32);
  return mark == 0 ? 1 : mark;  // 0 says nothing
}

std::string LedgerPlace::text() const {
  std::string out;
  for (const auto& at : cursors) {
    if (!out.empty()) out += '.';
    out += std::to_string(at.cursor);
    if (at.ledger == 0 && at.mark == 0) continue;
    out += ".0" + std::to_string(std::uint64_t{at.ledger} << 32 | at.mark);
  }
  return out;
}

Result<LedgerPlace> LedgerPlace::parse(std::string_view text, std::size_t ledgers) {
  LedgerPlace place;
  bool said = true;  // of the last cursor, what may be said once
  for (std::string_view rest = text;;) {
    const auto dot = rest.find('.');
    const auto token = rest.substr(0, dot);
    const auto number = parse_u64(token);
    if (!number) return tl::unexpected<Error>(malformed(text, ledgers));
    if (is_said_of_cursor(token)) {
      if (said) return tl::unexpected<Error>(malformed(text, ledgers));
      said = true;
      place.cursors.back().ledger = static_cast<std::uint32_t>(*number >> 32);
      place.cursors.back().mark = static_cast<std::uint32_t>(*number);
    } else if (*number > cursor_max || place.cursors.size() == ledgers) {
      return tl::unexpected<Error>(malformed(text, ledgers));
    } else {
      // The cursors of the other shards begin with their number: this is one of theirs alone.
      const std::uint64_t shard = *number >> 48;
      if (ledgers > 1 && *number != 0 && shard != place.cursors.size()) {
        return fail(Errc::invalid_argument,
                    fmt::format("after must be the `next` of an earlier answer: the cursor {} is "
                                "of shard {} alone and stands at place {}",
                                *number, shard, place.cursors.size()),
                    "after");
      }
      said = false;
      place.cursors.push_back({*number});
    }
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  place.cursors.resize(ledgers);
  return place;
}

boost::asio::awaitable<CheckedPlace> check_place(std::vector<Ledger*> stores, LedgerPlace place) {
  HUNT_ASSERT(place.cursors.size() == stores.size());
  CheckedPlace checked;
  for (std::size_t shard = 0; shard < stores.size() && checked.refusal.empty(); ++shard) {
    const auto info = co_await stores[shard]->info();
    if (!info) continue;
    LedgerCursor& at = place.cursors[shard];
    auto refusal = co_await refusal_of(stores[shard], *info, at);
    if (refusal) checked.refusal = std::move(*refusal);
    at.ledger = short_id(info->ledger);
  }
  checked.place = std::move(place);
  co_return checked;
}

boost::asio::awaitable<Result<LedgersPage>> read_ledgers(std::vector<Ledger*> stores,
                                                         LedgerPlace after, std::uint32_t limit) {
  HUNT_ASSERT(after.cursors.size() == stores.size());
  LedgersPage page;
  page.next = std::move(after);
  std::optional<Error> failure;
  for (std::size_t shard = 0; shard < stores.size() && page.grants.size() < limit; ++shard) {
    // A fair part each, so that a busy ledger does not hide the others.
    const auto left = static_cast<std::uint32_t>(limit - page.grants.size());
    const auto part = std::max(1U, left / static_cast<std::uint32_t>(stores.size() - shard));
    LedgerCursor& at = page.next.cursors[shard];
    auto found = co_await stores[shard]->grants_after(at.cursor, part);
    if (!found) {
      failure = std::move(found).error();
      continue;
    }
    if (found->grants.empty()) continue;
    // Not found->next: a row that was aborted is no grant, and stands in no page.
    at.cursor = found->grants.back().cursor;
    at.mark = mark_of(found->grants.back().claim, found->grants.back().at_us);
    std::move(found->grants.begin(), found->grants.end(), std::back_inserter(page.grants));
  }
  if (failure && page.grants.empty()) co_return tl::unexpected<Error>(std::move(*failure));
  co_return page;
}

boost::asio::awaitable<Result<LedgerPlace>> end_of_ledgers(std::vector<Ledger*> stores) {
  LedgerPlace place;
  for (Ledger* store : stores) {
    HUNT_CO_TRY(info, co_await store->info());
    LedgerCursor at{info.ledger_end, short_id(info.ledger), 0};
    if (at.cursor != 0) {
      HUNT_CO_TRY(row, co_await row_at(store, at.cursor));
      if (row) at.mark = mark_of(row->claim, row->at_us);
    }
    place.cursors.push_back(at);
  }
  co_return place;
}

}  // namespace hunt::ports
