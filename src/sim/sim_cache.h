// SimCache: the cache's rules (PROTOCOLS 6) in memory: one node of it, and the port to several.
//
// Not Redis: the same rules, written again, so that schedules can be compared. CacheNode is pure: a
// function of its state, the command and the node's clock. NetCache sends the commands.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <vector>

#include "ports/tile_cache.h"
#include "sim/network.h"

namespace hunt::sim {

// What one node holds. A copy of it is what a replica has.
class CacheNode {
 public:
  [[nodiscard]] ports::CachedChunk read(const ports::CacheAsk& ask, std::int64_t lease_ns,
                                        std::int64_t now_ms);
  void fill(const ports::ChunkFill& fill, std::int64_t now_ms);
  void update(const model::TileChange& change, std::int64_t now_ms);

  void flush() { entries_.clear(); }
  // Forgets the n-th entry, in key order, modulo their count.
  void evict(std::uint64_t nth);
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  // Every fill that is here, with its end by the node's wall clock.
  template <class Visit>
  void for_each_fill(const Visit& visit) const {
    for (const auto& [key, entry] : entries_) {
      if (entry.filled) visit(key, entry.expires_ms);
    }
  }
  [[nodiscard]] std::uint64_t fills_refused() const noexcept { return fills_refused_; }

 private:
  struct Field {
    model::TileChange change;
    std::int64_t at_ms = 0;
  };
  struct Entry {
    bool filled = false;
    std::int64_t expires_ms = 0;
    std::uint64_t epoch = 0;
    std::vector<model::TileRow> rows;
    std::map<model::TileId, Field> fields;  // changes since the fill
    std::int64_t leased_until_ms = 0;
    std::int64_t kept_until_ms = 0;  // garbage collection only
  };

  [[nodiscard]] Entry& entry(model::ChunkKey key, std::int64_t now_ms);
  [[nodiscard]] static bool complete(const Entry& entry, std::uint64_t epoch_min,
                                     std::int64_t now_ms);

  std::map<model::ChunkKey, Entry> entries_;
  std::uint64_t fills_refused_ = 0;
};

// Several nodes, each with its part of the chunks.
struct CacheServers {
  std::vector<NodeId> nodes;
  std::vector<CacheNode> states;  // of the same indexes; the owner empties it at a restart

  [[nodiscard]] std::size_t index_of(model::ChunkKey key) const noexcept {
    return model::ChunkKeyHash{}(key) % nodes.size();
  }
};

// One host's way to them.
class NetCache final : public ports::TileCache {
 public:
  NetCache(Network& network, Faults& faults, Host& host, CacheServers& servers)
      : network_(network), faults_(faults), host_(host), servers_(servers) {}

  [[nodiscard]] boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> read(
      std::vector<ports::CacheAsk> asks, std::int64_t lease_ns) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> fill(
      std::vector<ports::ChunkFill> fills) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> update(
      std::vector<model::TileChange> changes) override;

 private:
  template <class T>
  using Work = std::function<T(CacheNode&, std::int64_t now_ms)>;
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> on_node(std::size_t index, Place place,
                                                          Work<T> work);

  Network& network_;
  Faults& faults_;
  Host& host_;
  CacheServers& servers_;
};

}  // namespace hunt::sim
