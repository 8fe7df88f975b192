// What the gateway is told at start.
//
// Not read from anywhere here: the command fills it. Thread: a plain value.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "adapters/http/http_limits.h"
#include "adapters/postgres/postgres_url.h"
#include "data_api/keys.h"
#include "data_api/limits.h"

namespace hunt::gateway {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8099;                                            // 0: any free one
  std::map<std::string, postgres::PostgresUrl, std::less<>> resources;  // by ARN
  std::optional<postgres::PostgresUrl> any_resource;                    // of every other ARN
  data_api::Keys keys;
  std::string region;  // empty: any
  // Of each resource. Its server's max_connections has to allow for them.
  std::size_t connections_max = 20;
  // Requests that wait for a connection of one resource, and for how long.
  std::size_t waiting_max = 1'000;
  std::chrono::milliseconds wait_max{2'000};
  std::size_t clients_max = limits::http_connections_max;    // HTTP connections
  std::size_t clients_kept = limits::http_connections_kept;  // of them, for probes
  // Of requests that are not answered yet, and of answers that were not taken yet. A guess: a dozen
  // of the largest answers.
  std::size_t bodies_bytes_max = 64 * 1'024 * 1'024;
  std::size_t answers_bytes_max = 128 * 1'024 * 1'024;

  // Those of the real service; tests have less patience.
  std::chrono::milliseconds statement_time_max = data_api::statement_time_max;
  std::chrono::milliseconds transaction_idle_max = data_api::transaction_idle_max;
  std::chrono::milliseconds transaction_time_max = data_api::transaction_time_max;
  std::chrono::milliseconds idle_connection_max{300'000};
  std::chrono::milliseconds client_first_byte_max{4'000};  // of a new connection
  std::chrono::milliseconds client_idle_max{60'000};
  std::chrono::milliseconds client_slow_max{10'000};  // to send a request, or take an answer
};

}  // namespace hunt::gateway
