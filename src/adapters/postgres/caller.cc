#include "adapters/postgres/caller.h"

namespace hunt::postgres {

boost::asio::awaitable<Result<Rows>> Caller::call(const Statement& statement, Params params) {
  std::vector<Step> steps(1);
  steps[0].statement = &statement;
  steps[0].params = std::move(params);
  auto rows = co_await call(std::move(steps));
  if (!rows) co_return tl::unexpected<Error>(std::move(rows.error()));
  co_return std::move(rows->front());
}

}  // namespace hunt::postgres
