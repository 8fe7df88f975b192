#include "adapters/postgres/blocking.h"

#include <utility>
#include <vector>

#include "adapters/postgres/failure.h"

namespace hunt::postgres {

Result<BlockingConnection> BlockingConnection::open(const PostgresUrl& url,
                                                    const PostgresUrl::Pairs& more) {
  const auto pairs = url.pairs(more);
  const ConnectParams params(pairs);
  BlockingConnection made(PQconnectdbParams(params.keys(), params.values(), 0), url.shown());
  if (PQstatus(made.connection_.get()) != CONNECTION_OK) {
    return tl::unexpected<Error>(lost_connection(made.connection_.get(), url.shown()));
  }
  PQsetNoticeReceiver(
      made.connection_.get(), [](void*, const PGresult*) {}, nullptr);
  return made;
}

Result<void> BlockingConnection::execute(const std::string& sql) {
  const Rows rows(PQexec(connection_.get(), sql.c_str()));
  return rows.check(shown_);
}

Result<Rows> BlockingConnection::query(const std::string& sql, const Params& params) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  params.point(values, lengths, formats);
  const Rows rows(PQexecParams(connection_.get(), sql.c_str(), params.count(), nullptr,
                               values.data(), lengths.data(), formats.data(), 1));
  HUNT_CHECK(rows.check(shown_));
  return rows;
}

Result<void> BlockingConnection::begin_stream(const std::string& sql) {
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) !=
          1 ||
      PQsetSingleRowMode(connection_.get()) != 1) {
    return tl::unexpected<Error>(lost_connection(connection_.get(), shown_));
  }
  return {};
}

Result<Rows> BlockingConnection::next_of_stream() {
  const Rows rows(PQgetResult(connection_.get()));
  auto good = rows.check(shown_);
  if (good && rows.size() == 1) return rows;
  while (PGresult* rest = PQgetResult(connection_.get())) PQclear(rest);
  if (!good) return tl::unexpected<Error>(std::move(good.error()));
  return rows;
}

}  // namespace hunt::postgres
