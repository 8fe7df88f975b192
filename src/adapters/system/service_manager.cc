#include "adapters/system/service_manager.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace hunt::system {

namespace {

// A line of its own would be another assignment.
std::string in_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

std::string status_of(const ports::Monitor& monitor) {
  if (const auto reason = monitor.not_alive(); !reason.empty()) return "not alive: " + reason;
  if (const auto reason = monitor.not_ready(); !reason.empty()) return "not ready: " + reason;
  const std::string warning = monitor.warning();
  return warning.empty() ? "ready" : "ready, but: " + warning;
}

}  // namespace

ServiceManager::ServiceManager() {
  const char* address = std::getenv("NOTIFY_SOCKET");
  // A path, or a name without a file, which begins with '@'.
  if (address == nullptr || (address[0] != '/' && address[0] != '@')) return;
  if (std::strlen(address) >= sizeof(sockaddr_un{}.sun_path)) return;
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ >= 0) address_ = address;
}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) ::close(socket_);
}

void ServiceManager::tell(const ports::Monitor& monitor) {
  if (address_.empty()) return;
  std::string state;
  const bool alive = monitor.not_alive().empty();
  if (alive) state += "WATCHDOG=1\n";
  if (!ready_ && alive && monitor.not_ready().empty()) {
    ready_ = true;
    state += "READY=1\n";
  }
  std::string status = in_one_line(status_of(monitor));
  if (status != status_) {
    state += fmt::format("STATUS={}\n", status);
    status_ = std::move(status);
  }
  if (!state.empty()) send(state);
}

void ServiceManager::tell_ready(std::string_view status) {
  if (address_.empty()) return;
  status_ = in_one_line(std::string(status));
  send(fmt::format("WATCHDOG=1\n{}STATUS={}\n", ready_ ? "" : "READY=1\n", status_));
  ready_ = true;
}

void ServiceManager::tell_stopping() {
  if (!address_.empty()) send("STOPPING=1\nSTATUS=draining\n");
}

void ServiceManager::send(std::string_view state) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): that is how sockets are addressed
  (void)::sendto(socket_, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to), size);
}

}  // namespace hunt::system
