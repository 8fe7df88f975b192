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

}  // namespace

std::string LedgerPlace::text() const {
  std::string out;
  for (const auto cursor : cursors) {
    if (!out.empty()) out += '.';
    out += std::to_string(cursor);
  }
  return out;
}

Result<LedgerPlace> LedgerPlace::parse(std::string_view text, std::size_t ledgers) {
  LedgerPlace place;
  for (std::string_view rest = text;;) {
    const auto dot = rest.find('.');
    const auto cursor = parse_u64(rest.substr(0, dot));
    if (!cursor || *cursor > cursor_max || place.cursors.size() == ledgers) {
      const std::string expected =
          ledgers == 1 ? "a whole number"
                       : fmt::format("at most {} whole numbers with dots between them", ledgers);
      return fail(Errc::invalid_argument,
                  fmt::format("after must be {}: the `next` of an earlier answer, or 0; found "
                              "\"{}\"",
                              expected, printable(text)),
                  "after");
    }
    // The cursors of the other shards begin with their number: this is one of theirs alone.
    const std::uint64_t shard = *cursor >> 48;
    if (ledgers > 1 && *cursor != 0 && shard != place.cursors.size()) {
      return fail(Errc::invalid_argument,
                  fmt::format("after must be the `next` of an earlier answer: the cursor {} is of "
                              "shard {} alone and stands at place {}",
                              *cursor, shard, place.cursors.size()),
                  "after");
    }
    place.cursors.push_back(*cursor);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  place.cursors.resize(ledgers);
  return place;
}

boost::asio::awaitable<Result<LedgersPage>> read_ledgers(std::vector<HuntStore*> stores,
                                                         LedgerPlace after, std::uint32_t limit) {
  HUNT_ASSERT(after.cursors.size() == stores.size());
  LedgersPage page;
  page.next = std::move(after);
  std::optional<Error> failure;
  for (std::size_t shard = 0; shard < stores.size() && page.grants.size() < limit; ++shard) {
    // A fair part each, so that a busy ledger does not hide the others.
    const auto left = static_cast<std::uint32_t>(limit - page.grants.size());
    const auto part = std::max(1U, left / static_cast<std::uint32_t>(stores.size() - shard));
    auto found = co_await stores[shard]->grants_after(page.next.cursors[shard], part);
    if (!found) {
      failure = std::move(found).error();
      continue;
    }
    page.next.cursors[shard] = found->next;
    std::move(found->grants.begin(), found->grants.end(), std::back_inserter(page.grants));
  }
  if (failure && page.grants.empty()) co_return tl::unexpected<Error>(std::move(*failure));
  co_return page;
}

boost::asio::awaitable<Result<LedgerPlace>> end_of_ledgers(std::vector<HuntStore*> stores) {
  LedgerPlace place;
  for (HuntStore* store : stores) {
    HUNT_CO_TRY(info, co_await store->info());
    place.cursors.push_back(info.ledger_end);
  }
  co_return place;
}

}  // namespace hunt::ports
