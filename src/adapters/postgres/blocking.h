// BlockingConnection: a Conversation over one connection.
//
// Not for lanes (session.h). Thread: one at a time. Errors: those of failure.h.
#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "adapters/postgres/conversation.h"
#include "adapters/postgres/interrupt.h"
#include "adapters/postgres/params.h"
#include "adapters/postgres/postgres_url.h"
#include "base/result.h"

namespace hunt::postgres {

class BlockingConnection final : public Conversation {
 public:
  // Errors: also unavailable where the interrupt has ended.
  [[nodiscard]] static Result<BlockingConnection> open(const PostgresUrl& url,
                                                       const PostgresUrl::Pairs& more = {},
                                                       Interrupt* interrupt = nullptr);

  // One statement or several, without parameters and without rows.
  [[nodiscard]] Result<void> execute(const std::string& sql);
  // From now on query() gives up after so long: for servers that may be stuck. Then the connection
  // is of no more use. Errors: deadline_exceeded.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
  // Whether PostgreSQL itself is at the other end, and no pooler that hands out process ids of its
  // own. Waits ten seconds at most: a pooler whose connections are all taken lets us wait for one.
  // Errors: unavailable, also when there is no answer; unsupported (a pooler).
  [[nodiscard]] Result<void> check_direct();
  [[nodiscard]] Result<Rows> query(const std::string& sql, const Params& params = {}) override;
  [[nodiscard]] Result<void> begin_snapshot() override;

  [[nodiscard]] const std::string& shown() const noexcept override { return shown_; }

 private:
  // What is watched is forgotten before its socket is closed: the number may be another's then.
  struct Finish {
    Interrupt* interrupt;  // or null
    void operator()(PGconn* connection) const {
      if (interrupt != nullptr) interrupt->forget();
      PQfinish(connection);
    }
  };
  BlockingConnection(PGconn* connection, std::string shown)
      : connection_(connection, Finish{nullptr}), shown_(std::move(shown)) {}
  [[nodiscard]] Result<void> wait_for_answer();
  [[nodiscard]] Result<void> begin_stream(const std::string& sql) override;
  [[nodiscard]] Result<Rows> next_of_stream() override;

  std::unique_ptr<PGconn, Finish> connection_;
  std::string shown_;
  std::optional<std::chrono::milliseconds> patience_;
};

}  // namespace hunt::postgres
