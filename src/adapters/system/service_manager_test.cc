#include "adapters/system/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "base/testing/server_process.h"

namespace hunt::system {

namespace {

class Process : public ports::Monitor {
 public:
  [[nodiscard]] model::Stats stats() const override { return {}; }
  [[nodiscard]] model::LiveView live() override { return {}; }
  [[nodiscard]] model::Why why() const override { return {}; }
  [[nodiscard]] std::string not_ready() const override { return not_ready_; }
  [[nodiscard]] std::string not_alive() const override { return not_alive_; }
  [[nodiscard]] std::string warning() const override { return warning_; }
  std::string not_ready_, not_alive_, warning_;
};

// What systemd is here: a socket that the environment names.
class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() : path_(folder_.file("notify")) {
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    std::strncpy(own.sun_path, path_.c_str(), sizeof own.sun_path - 1);
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~ServiceManagerTest() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket_);
  }
  // The next datagram; empty: none.
  std::string heard() {
    std::array<char, 4'096> buffer{};
    const auto size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

  testing::TemporaryFolder folder_{"hunt-notify"};
  std::string path_;
  int socket_ = -1;
  Process process_;
};

}  // namespace

TEST_F(ServiceManagerTest, is_ready_once_and_feeds_the_watchdog_each_time) {
  ServiceManager manager;
  process_.not_ready_ = "starting";
  manager.tell(process_);
  EXPECT_EQ(heard(), "WATCHDOG=1\nSTATUS=not ready: starting\n");
  process_.not_ready_.clear();
  manager.tell(process_);
  EXPECT_EQ(heard(), "WATCHDOG=1\nREADY=1\nSTATUS=ready\n");
  manager.tell(process_);
  EXPECT_EQ(heard(), "WATCHDOG=1\n");
  process_.warning_ = "two\nlines";
  manager.tell(process_);
  EXPECT_EQ(heard(), "WATCHDOG=1\nSTATUS=ready, but: two lines\n");
  manager.tell_stopping();
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=draining\n");
}

TEST_F(ServiceManagerTest, lets_the_watchdog_starve_while_a_lane_is_stuck) {
  ServiceManager manager;
  manager.tell(process_);
  (void)heard();
  process_.not_alive_ = "lane 0 has not turned for 11 s";
  manager.tell(process_);
  EXPECT_EQ(heard(), "STATUS=not alive: lane 0 has not turned for 11 s\n");
  manager.tell(process_);
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManagerTest, is_ready_as_a_standby_that_waits) {
  ServiceManager manager;
  manager.tell_ready("waits: somebody else has the file");
  EXPECT_EQ(heard(), "WATCHDOG=1\nREADY=1\nSTATUS=waits: somebody else has the file\n");
  manager.tell(process_);
  EXPECT_EQ(heard(), "WATCHDOG=1\nSTATUS=ready\n");
}

TEST_F(ServiceManagerTest, tells_nothing_where_nobody_asked_or_listens) {
  ::setenv("NOTIFY_SOCKET", "not-a-path", 1);
  ServiceManager strange;
  strange.tell(process_);
  ::setenv("NOTIFY_SOCKET", std::string(200, '/').c_str(), 1);
  ServiceManager too_long;
  too_long.tell(process_);
  ::setenv("NOTIFY_SOCKET", folder_.file("nobody").c_str(), 1);
  ServiceManager nobody;
  nobody.tell(process_);
  EXPECT_EQ(heard(), "");
}

}  // namespace hunt::system
