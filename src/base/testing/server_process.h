// ServerProcess: a real server for tests: started on loopback in a folder of its own, ended by its
// own process id.
//
// Not for production and not a supervisor: it starts programs, waits until they listen, stops,
// kills, freezes and starts them again. A server that insists on not being root runs as the user
// `nobody` (or `postgres`) then. It dies with the test program, also when that is killed.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hunt::testing {

// Gone with its object, and all in it. Anybody may enter it, so that a server may be another user.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name = "hunt") {
    std::string pattern = (std::filesystem::temp_directory_path() / (name + "-XXXXXX")).string();
    HUNT_ASSERT(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A loopback port that was free a moment ago.
[[nodiscard]] inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  HUNT_ASSERT(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  HUNT_ASSERT(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  HUNT_ASSERT(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

[[nodiscard]] inline bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool open = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return open;
}

struct ServerCommand {
  std::vector<std::string> arguments;  // the program first, found in PATH
  std::string folder;                  // where it runs; its output goes to `server.log` there
  std::uint16_t port = 0;              // it is up when it listens there; 0: when it has ended well
  std::string user;                    // runs as this user when the test is root; empty: as is
};

class ServerProcess {
 public:
  explicit ServerProcess(ServerCommand command) : command_(std::move(command)) {}
  ~ServerProcess() { kill(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts it and waits until it listens. Errors: io, with the end of its log.
  [[nodiscard]] Result<void> start() {
    HUNT_ASSERT(pid_ == 0);
    spawn();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        if (command_.port == 0 && status == 0) return {};
        return fail(Errc::io, fmt::format("{} ended with status {}: {}", command_.arguments.at(0),
                                          status, log()));
      }
      if (command_.port != 0 && listens(command_.port)) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return fail(Errc::io, fmt::format("{} did not come up: {}", command_.arguments.at(0), log()));
  }
  // Sends `how` and waits for the end.
  void stop(int how = SIGTERM) {
    if (pid_ == 0) return;
    ::kill(pid_, SIGCONT);
    ::kill(pid_, how);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }
  void kill() { stop(SIGKILL); }
  // SIGSTOP freezes it, SIGCONT lets it go on.
  void signal(int number) const { ::kill(pid_, number); }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool runs() const noexcept { return pid_ != 0; }
  [[nodiscard]] std::uint16_t port() const noexcept { return command_.port; }
  // The last 2,000 bytes that it printed.
  [[nodiscard]] std::string log() const {
    std::ifstream file(command_.folder + "/server.log");
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return text.size() > 2'000 ? text.substr(text.size() - 2'000) : text;
  }

 private:
  void spawn() {
    const passwd* user =
        command_.user.empty() || ::geteuid() != 0 ? nullptr : ::getpwnam(command_.user.c_str());
    if (user != nullptr) {
      HUNT_ASSERT(::chown(command_.folder.c_str(), user->pw_uid, user->pw_gid) == 0);
    }
    std::vector<char*> words;
    for (auto& word : command_.arguments) words.push_back(word.data());
    words.push_back(nullptr);
    const std::string log = command_.folder + "/server.log";
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    HUNT_ASSERT(pid_ >= 0);
    if (pid_ > 0) return;
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int in = ::open("/dev/null", O_RDONLY);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0))
      ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after setuid, which clears it
    if (::getppid() != parent || ::chdir(command_.folder.c_str()) != 0) ::_exit(126);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }

  ServerCommand command_;
  pid_t pid_ = 0;
};

}  // namespace hunt::testing
