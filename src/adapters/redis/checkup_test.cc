#include "adapters/redis/checkup.h"

#include "adapters/redis/redis_test_support.h"

namespace hunt::redis {
namespace {

class RealClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  [[nodiscard]] std::int64_t wall_us() const noexcept override {
    return std::chrono::system_clock::now().time_since_epoch().count() / 1'000;
  }
};

// How many findings of this severity say this.
std::size_t count_of(const std::vector<ports::Finding>& findings, ports::Severity severity,
                     std::string_view words) {
  std::size_t count = 0;
  for (const auto& finding : findings) {
    const bool fits =
        finding.severity == severity && finding.found.find(words) != std::string::npos;
    count += fits ? 1 : 0;
  }
  return count;
}

TEST(RedisCheckup, looks_at_every_master_of_a_cluster) {
  RedisCluster cluster(3);
  const RealClock clock;
  const auto findings = check_up(url_of(cluster.url()), {}, {}, clock);
  EXPECT_EQ(count_of(findings, ports::Severity::ok, "3 masters have all 16384 slots"), 1U);
  EXPECT_EQ(count_of(findings, ports::Severity::ok, "its clock agrees with ours"), 3U);
  EXPECT_EQ(count_of(findings, ports::Severity::failure, ""), 0U);
  EXPECT_EQ(count_of(findings, ports::Severity::warning, "full-coverage is yes"), 1U);
}

TEST(RedisCheckup, names_the_master_that_is_lost_and_slots_that_are_nobodys) {
  RedisCluster cluster(3);
  const RealClock clock;
  cluster.shell(0, {"CLUSTER", "DELSLOTS", "0"});
  cluster.node(2).process().kill();
  const auto findings = check_up(url_of(cluster.url()), {}, {}, clock);
  const std::string lost = fmt::format("no Redis answers at 127.0.0.1:{}", cluster.node(2).port());
  EXPECT_EQ(count_of(findings, ports::Severity::failure, lost), 1U);
  EXPECT_EQ(count_of(findings, ports::Severity::failure, "1 of 16384 slots are nobody's"), 1U);
}

TEST(RedisCheckup, a_node_of_a_cluster_is_no_server_alone) {
  const RedisServer node({"--cluster-enabled", "yes"}, [] {
    std::uint16_t port = testing::free_port();
    while (port > 55'535) port = testing::free_port();  // the bus is 10,000 above
    return port;
  }());
  const RealClock clock;
  const auto findings = check_up(url_of(node.url()), {}, {}, clock);
  EXPECT_EQ(count_of(findings, ports::Severity::failure, "it is a node of a cluster"), 1U);
  EXPECT_EQ(count_of(findings, ports::Severity::failure, "CLUSTERDOWN"), 1U);
}

}  // namespace
}  // namespace hunt::redis
