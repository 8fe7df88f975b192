// A debug file comes once, whole or not at all, and no server makes a profile wait for long.
#include "adapters/profile/debug_servers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

#include "base/build_id.h"
#include "base/text.h"

namespace hunt::profile {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::string whole_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string response(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Answers each connection with the same bytes, and closes it; without any it says nothing.
class Server {
 public:
  explicit Server(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, plain, length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, plain, &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int asked() const { return asked_.load(); }
  [[nodiscard]] std::string question() const { return asked() > 0 ? question_ : ""; }

 private:
  void serve() {
    int last = -1;
    for (;;) {
      const int one = ::accept(listener_, nullptr, nullptr);
      if (last >= 0) ::close(last);
      if (one < 0) return;
      last = one;
      char text[1'024];
      const ssize_t got = ::recv(one, text, sizeof text, 0);
      question_.assign(text, got > 0 ? static_cast<std::size_t>(got) : 0);
      ++asked_;
      if (answer_.empty()) continue;  // stays open until the next one
      for (std::size_t sent = 0; sent < answer_.size();) {
        const ssize_t some =
            ::send(one, answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
        if (some <= 0) break;
        sent += static_cast<std::size_t>(some);
      }
      ::close(one);
      last = -1;
    }
  }

  const std::string answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> asked_{0};
  std::string question_;
  std::thread thread_;
};

class DebugServersTest : public ::testing::Test {
 protected:
  DebugServersTest() {
    std::string name = (std::filesystem::temp_directory_path() / "hunt-debug-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~DebugServersTest() override { std::filesystem::remove_all(folder); }
  // What is in the file that was found; "none".
  std::string found(DebugServers& servers, std::chrono::milliseconds wait = 30s) {
    const int file = servers.open(build_id(), steady_clock::now() + wait, stop.get_token());
    if (file < 0) return "none";
    const std::string text = whole_file("/proc/self/fd/" + std::to_string(file));
    ::close(file);
    return text;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& one : std::filesystem::recursive_directory_iterator(folder))
      if (one.is_regular_file()) ++count;
    return count;
  }

  std::filesystem::path folder;
  std::stop_source stop;
  const std::string mine = whole_file("/proc/self/exe");  // has this build id, as its debug file
};

TEST_F(DebugServersTest, a_file_is_fetched_once_and_kept) {
  Server server(response(mine));
  DebugServers servers({server.url() + "/some/path/"}, folder);
  EXPECT_TRUE(found(servers) == mine);
  EXPECT_TRUE(server.question().starts_with("GET /some/path/buildid/" + build_id() +
                                            "/debuginfo HTTP/1.0\r\n"))
      << server.question();
  EXPECT_TRUE(found(servers) == mine);
  DebugServers another({"http://127.0.0.1:1"}, folder);
  EXPECT_TRUE(found(another) == mine) << "another process has the same folder";
  EXPECT_EQ(server.asked(), 1);
  EXPECT_EQ(files(), 1U);
}

TEST_F(DebugServersTest, what_nobody_has_is_asked_again_only_after_a_while) {
  Server first(response("no such file", "404 Not Found"));
  Server second(response("no such file", "404 Not Found"));
  DebugServers servers({first.url(), second.url()}, folder);
  EXPECT_EQ(found(servers), "none");
  EXPECT_EQ(found(servers), "none");
  EXPECT_EQ(first.asked(), 1);
  EXPECT_EQ(second.asked(), 1);
  // As if it were long ago.
  const timespec times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ::utimensat(AT_FDCWD, (folder / build_id() / "debuginfo").c_str(), times, 0);
  EXPECT_EQ(found(servers), "none");
  EXPECT_EQ(first.asked(), 2);
}

TEST_F(DebugServersTest, nothing_is_written_through_a_link) {
  Server server(response("no such file", "404 Not Found"));
  DebugServers servers({server.url()}, folder);
  const auto file = folder / build_id() / "debuginfo";
  std::filesystem::create_directories(file.parent_path());
  std::filesystem::create_symlink(folder / "elsewhere", file);
  EXPECT_EQ(found(servers), "none");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST_F(DebugServersTest, the_next_one_is_asked_where_the_first_fails) {
  Server broken(response("busy", "503 Service Unavailable"));
  Server good(response(mine));
  DebugServers servers({"https://127.0.0.1", broken.url(), good.url()}, folder);
  EXPECT_TRUE(found(servers) == mine);
}

TEST_F(DebugServersTest, what_is_wrong_is_not_kept_and_the_server_left_alone) {
  std::string other = mine;
  std::string id(build_id().size() / 2, '\0');
  ASSERT_TRUE(from_hex(build_id(), {reinterpret_cast<std::uint8_t*>(id.data()), id.size()}));
  const auto at = other.find(id);
  ASSERT_NE(at, std::string::npos);
  other[at] = static_cast<char>(other[at] + 1);
  std::string cut = response(mine);
  cut.resize(cut.size() / 2);
  const std::string endless = "HTTP/1.0 200 OK\r\n\r\n" + mine;
  for (const std::string& answer :
       {response(other), response("<html>Hello</html>"), cut,
        std::string("SSH-2.0-OpenSSH\r\n\r\n"), response(mine, "500 x")}) {
    Server server(answer);
    DebugServers servers({server.url()}, folder);
    EXPECT_EQ(found(servers), "none");
    EXPECT_EQ(found(servers), "none");
    EXPECT_EQ(server.asked(), 1);
    EXPECT_EQ(files(), 0U);
  }
  for (const std::string& answer : {response(mine), endless}) {
    Server server(answer);
    DebugServers servers({server.url()}, folder, mine.size() - 1);
    EXPECT_EQ(found(servers), "none");
    EXPECT_EQ(files(), 0U);
  }
}

TEST_F(DebugServersTest, a_server_that_hangs_costs_no_more_than_the_deadline) {
  Server silent("");
  DebugServers servers({silent.url()}, folder);
  const auto begun = steady_clock::now();
  EXPECT_EQ(found(servers, 300ms), "none");
  EXPECT_LT(steady_clock::now() - begun, 20s);
  const auto again = steady_clock::now();
  EXPECT_EQ(found(servers, 60s), "none") << "it is left alone for a while";
  EXPECT_LT(steady_clock::now() - again, 20s);
}

TEST_F(DebugServersTest, a_process_that_ends_does_not_wait) {
  Server silent("");
  DebugServers servers({silent.url()}, folder);
  std::thread ends([this] {
    std::this_thread::sleep_for(200ms);
    stop.request_stop();
  });
  const auto begun = steady_clock::now();
  EXPECT_EQ(found(servers, 60s), "none");
  EXPECT_LT(steady_clock::now() - begun, 30s);
  ends.join();
}

TEST_F(DebugServersTest, without_a_server_or_a_folder_nothing_is_asked) {
  DebugServers none({}, folder);
  EXPECT_TRUE(none.none());
  EXPECT_EQ(found(none), "none");
  Server server(response(mine));
  DebugServers homeless({server.url()}, {});
  EXPECT_EQ(found(homeless), "none");
  DebugServers servers({server.url()}, folder);
  for (const char* id : {"", "ab", "../../etc/passwd", "ABCDEF", "abcg"})
    EXPECT_EQ(servers.open(id, steady_clock::now() + 1s, {}), -1) << id;
  EXPECT_EQ(server.asked(), 0);
}

TEST_F(DebugServersTest, what_nobody_reads_goes) {
  const auto old = folder / "0123abcd" / "debuginfo";
  std::filesystem::create_directories(old.parent_path());
  std::ofstream(old) << "old";
  const timespec times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, old.c_str(), times, 0), 0);
  Server server(response(mine));
  DebugServers servers({server.url()}, folder);
  EXPECT_TRUE(found(servers) == mine);
  EXPECT_FALSE(std::filesystem::exists(old));
}

}  // namespace
}  // namespace hunt::profile
