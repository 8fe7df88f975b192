// What the contract suite of the cache runs over: a cache of some kind, its loop and its time.
//
// Not for production code: test binaries of caches include it (through tile_cache_contract.h, in
// one file each). Everything here runs on the test's thread.
#pragma once
#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "base/result.h"
#include "ports/tile_cache.h"

namespace hunt::ports::contract {

// An empty cache, and the ways in which a test reaches around the port.
class CacheUnderTest {
 public:
  virtual ~CacheUnderTest() = default;
  [[nodiscard]] virtual TileCache& cache() = 0;
  // The loop that the cache lives on.
  [[nodiscard]] virtual boost::asio::io_context& context() = 0;
  [[nodiscard]] virtual std::int64_t now_ms() const = 0;
  virtual void advance_ms(std::int64_t by_ms) = 0;
  // Forgets everything, as a restart or FLUSHALL does.
  virtual void lose_everything() = 0;

  template <class T>
  [[nodiscard]] T run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    auto done = [&result](const std::exception_ptr& failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    };
    boost::asio::co_spawn(context(), std::move(work), std::move(done));
    context().restart();
    while (!result.has_value()) HUNT_ASSERT(context().run_one() > 0);
    return std::move(*result);
  }
};

struct CacheFactory {
  std::string name;
  std::function<std::unique_ptr<CacheUnderTest>()> make;
  friend void PrintTo(const CacheFactory& factory, std::ostream* out) { *out << factory.name; }
};

[[nodiscard]] inline std::string name_of_cache(const ::testing::TestParamInfo<CacheFactory>& info) {
  return info.param.name;
}

}  // namespace hunt::ports::contract
