// Caller: where the statements of the store's calls go: a connection of its own (session.h), or a
// Data API (data_api_session.h).
//
// Not for those who wait for each answer with their thread (conversation.h). Thread: its
// executor's. Lifetime: made by make_shared; ends after close(), when its handlers have run.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/params.h"
#include "base/result.h"
#include "model/claim.h"

namespace hunt::postgres {

// Lifetime: for ever (they are constants of the adapter).
struct Statement {
  const char* name;
  const char* sql;
  // More than 1 MiB of rows may come: a Data API is asked for them in its roomier form, which knows
  // columns by their names, so these differ, and has no bytea.
  bool large = false;
};

struct Step {
  const Statement* statement = nullptr;
  Params params;
};

struct SessionOptions {
  std::string application = "hunt";  // as pg_stat_activity shows it
  std::string settings;              // more "-c name=value"; a Data API knows none
  bool writes = false;               // a call without an answer is `unknown_outcome`
  std::uint64_t seed = 1;            // of the jitter between attempts to connect
  bool repeatable = true;            // the same call again does no harm
};

// What a call of several statements came to, and where its time went, also if it failed: then
// `exec_us` has all that the server took. Zero where it was never answered.
struct Timed {
  Result<std::vector<Rows>> rows;
  model::CallTimes times;
};

struct SessionFigures {
  std::uint64_t connects = 0;
  std::uint64_t calls = 0;
  std::size_t inflight = 0;
};

class Caller {
 public:
  virtual ~Caller() = default;

  // One transaction of these statements; the rows of each. Errors: those of HuntStore.
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<Rows>>> call(
      std::vector<Step> steps) = 0;
  [[nodiscard]] boost::asio::awaitable<Result<Rows>> call(const Statement& statement,
                                                          Params params = {});
  // The same, with its times: the server tells when it began and ended by its clock.
  [[nodiscard]] virtual boost::asio::awaitable<Timed> call_timed(std::vector<Step> steps) = 0;
  // Without waiting for the first call. Nothing where it is connected, or about to be.
  virtual void connect_ahead() = 0;
  // Why there is no connection, after an attempt that failed.
  [[nodiscard]] virtual const std::optional<Error>& trouble() const noexcept = 0;
  // Calls under way fail.
  virtual void close() = 0;
  // Calls sent and waiting.
  [[nodiscard]] virtual std::size_t busy() const noexcept = 0;
  [[nodiscard]] virtual SessionFigures figures() const noexcept = 0;

 protected:
  Caller() = default;
  Caller(const Caller&) = default;
  Caller& operator=(const Caller&) = default;
};

}  // namespace hunt::postgres
