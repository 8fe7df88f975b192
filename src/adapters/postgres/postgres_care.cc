// Whose a PostgresStore is, and whether it can grant.
#include <fmt/format.h>

#include <algorithm>

#include "adapters/postgres/grant_call.h"
#include "adapters/postgres/postgres_parts.h"
#include "adapters/postgres/schema_parts.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;

constexpr Statement key_sql{"hunt_key", "SELECT key FROM hunt_key"};
constexpr Statement seed_sql{"seed", "SELECT s.seed FROM meta m JOIN seeds s USING (seed_id)"};
constexpr Statement join_hunt_sql{"join_hunt", "SELECT 1 FROM join_hunt($1, $2, $3)"};
const Statement parts_sql{"schema_parts", list_parts_sql};

}  // namespace

awaitable<Result<ports::StoreSecrets>> PostgresStore::secrets() {
  return parts_->io.run(parts_->secrets());
}

awaitable<Result<ports::StoreSecrets>> PostgresStore::Parts::secrets() {
  HUNT_CO_TRY(keys, co_await reads->call(key_sql));
  ports::StoreSecrets secrets;
  if (keys.size() != 1 || keys.text(0, 0).size() != secrets.hunt_key.size()) {
    co_return tl::unexpected<Error>(lost_identity());
  }
  const std::string_view key = keys.text(0, 0);
  std::copy(key.begin(), key.end(), secrets.hunt_key.begin());
  // A relay signs, and rolls nothing.
  const auto seeds = co_await reads->call(seed_sql);
  if (!seeds && seeds.error().code == Errc::unauthorized) co_return secrets;
  if (!seeds) co_return tl::unexpected<Error>(seeds.error());
  if (seeds->size() != 1) co_return tl::unexpected<Error>(lost_identity());
  const std::string_view bytes = seeds->text(0, 0);
  secrets.seed_bytes.assign(bytes.begin(), bytes.end());
  co_return secrets;
}

awaitable<Result<void>> PostgresStore::join_hunt(model::Hunt hunt, model::HuntKey key) {
  return parts_->io.run(parts_->join_hunt(std::move(hunt), key));
}

awaitable<Result<void>> PostgresStore::Parts::join_hunt(model::Hunt hunt, model::HuntKey key) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  HUNT_CO_CHECK(co_await admin->call(
      join_hunt_sql, Params().add(hunt.id).add(std::string_view(hunt.name)).add_bytes(bytes)));
  co_return Result<void>{};
}

awaitable<Result<std::vector<model::TableCount>>> PostgresStore::open_tables() {
  auto read = [parts = parts_.get()](Conversation& talk) {
    return postgres::open_tables(talk, parts->test_now_us());
  };
  return parts_->read_aside<std::vector<model::TableCount>>(std::move(read));
}

awaitable<Result<void>> PostgresStore::verify() {
  HUNT_CO_CHECK(co_await parts_->io.run(parts_->verify_sessions()));
  HUNT_CO_TRY(missing, co_await parts_->io.run(parts_->verify_parts()));
  if (!missing.empty()) {
    auto remake = [parts = parts_.get()] { return parts->database->remake(parts->interrupt); };
    co_return co_await parts_->aside<void>(std::move(remake));
  }
  co_return co_await parts_->io.run(parts_->verify_grants());
}

// All are opened, also those that nobody has needed yet.
awaitable<Result<void>> PostgresStore::Parts::verify_sessions() {
  const auto all = sessions();
  std::size_t lost = 0;
  const Error* why = nullptr;
  for (const auto& session : all) {
    session->connect_ahead();
    if (!session->trouble()) continue;
    ++lost;
    why = &*session->trouble();
  }
  if (lost == 0) co_return Result<void>{};
  co_return fail(why->code,
                 fmt::format("{} of {} connections to the store cannot be made: {}", lost,
                             all.size(), why->message),
                 why->field);
}

awaitable<Result<std::vector<std::string>>> PostgresStore::Parts::verify_parts() {
  HUNT_CO_TRY(rows, co_await reads->call(parts_sql));
  std::vector<std::string> missing;
  for (const SchemaPart* part : missing_parts(rows)) missing.push_back(shown(*part));
  co_return missing;
}

// A grant of nothing needs all that a grant needs: rights, the epoch, a server that may write.
awaitable<Result<void>> PostgresStore::Parts::verify_grants() {
  HUNT_CO_CHECK(co_await postgres::grant_nothing(least_busy()));
  co_return Result<void>{};
}

}  // namespace hunt::postgres
