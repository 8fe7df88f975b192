#include "adapters/profile/debug_fetch.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libelf.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.h"
#include "base/url.h"

namespace hunt::profile {

namespace {

constexpr std::size_t head_bytes_max = 16 * 1'024;
constexpr int look_every_ms = 100;  // whether it is told to stop

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return number_; }
  void reset(int number = -1) noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

 private:
  int number_;
};

tl::unexpected<Error> system_failure(Errc code, std::string_view what) {
  return fail(code, fmt::format("{}: {}", what, std::strerror(errno)));
}

// A connection that waits as long as the limits allow, and no longer.
class Wire {
 public:
  explicit Wire(const FetchLimits& limits) : limits_(limits) {}

  [[nodiscard]] Result<void> connect(const HostPort& server) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int wrong =
        ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &wanted, &found);
    if (wrong != 0) return fail(Errc::unavailable, ::gai_strerror(wrong));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, ::freeaddrinfo);
    Result<void> result = fail(Errc::unavailable, "it has no address");
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      result = connect_to(*one);
      if (result) return result;
    }
    return result;
  }
  [[nodiscard]] Result<void> send(std::string_view text) {
    while (!text.empty()) {
      HUNT_CHECK(wait_for(POLLOUT));
      const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR && errno != EAGAIN)
        return system_failure(Errc::unavailable, "it takes no question");
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
  }
  // 0: that was all.
  [[nodiscard]] Result<std::size_t> read(std::span<char> into) {
    for (;;) {
      HUNT_CHECK(wait_for(POLLIN));
      const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN)
        return system_failure(Errc::unavailable, "the connection broke");
    }
  }

 private:
  [[nodiscard]] Result<void> connect_to(const addrinfo& address) {
    socket_.reset(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket_.get() < 0) return system_failure(Errc::unavailable, "no socket");
    if (::connect(socket_.get(), address.ai_addr, address.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS && errno != EINTR)
      return system_failure(Errc::unavailable, "it cannot be reached");
    HUNT_CHECK(wait_for(POLLOUT));
    socklen_t length = sizeof errno;
    int wrong = 0;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &wrong, &length);
    errno = wrong;
    if (wrong != 0) return system_failure(Errc::unavailable, "it cannot be reached");
    return {};
  }
  [[nodiscard]] Result<void> wait_for(short event) const {
    for (;;) {
      if (limits_.stop.stop_requested())
        return fail(Errc::deadline_exceeded, "the profile was to end");
      if (std::chrono::steady_clock::now() >= limits_.until)
        return fail(Errc::deadline_exceeded, "it did not answer, or not all of it, in time");
      pollfd one{socket_.get(), event, 0};
      if (::poll(&one, 1, look_every_ms) > 0) return {};
    }
  }

  const FetchLimits& limits_;
  Descriptor socket_;
};

// What an answer says before its body.
struct Head {
  unsigned status = 0;
  std::optional<std::uint64_t> bytes;  // of the body; without it the body lasts until the end
};

Result<Head> read_head(std::string_view text) {
  Head head;
  const std::size_t code = text.find(' ');
  const auto status = code == std::string_view::npos
                          ? std::nullopt
                          : parse_u64(text.substr(code + 1, std::min<std::size_t>(3, text.size())));
  if (!text.starts_with("HTTP/1.") || !status)
    return fail(Errc::unavailable, "it answers no HTTP: " + printable(text.substr(0, 40)));
  head.status = static_cast<unsigned>(*status);
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view name = "\r\ncontent-length:";
  if (const std::size_t at = lower.find(name); at != std::string::npos) {
    std::string_view value = std::string_view(lower).substr(at + name.size());
    value = value.substr(0, value.find('\r'));
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    head.bytes = parse_u64(value);
  }
  return head;
}

// A file that is there under its name when it is whole, and never before.
class NewFile {
 public:
  [[nodiscard]] Result<void> open(const std::filesystem::path& file) {
    std::error_code wrong;
    std::filesystem::create_directories(file.parent_path(), wrong);
    name_ = file.string() + ".XXXXXX";
    descriptor_.reset(::mkostemp(name_.data(), O_CLOEXEC));
    if (descriptor_.get() >= 0) return {};
    name_.clear();
    return system_failure(Errc::io, fmt::format("{} cannot be written (DEBUGINFOD_CACHE_PATH names "
                                                "another folder)",
                                                file.parent_path().string()));
  }
  ~NewFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  NewFile() = default;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return system_failure(Errc::io, name_);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }
  // Whoever answers may be wrong: what is no file of that build is not kept.
  [[nodiscard]] bool is_of(const std::string& build_id) const {
    ::elf_version(EV_CURRENT);
    const std::unique_ptr<Elf, int (*)(Elf*)> elf(
        ::elf_begin(descriptor_.get(), ELF_C_READ_MMAP, nullptr), ::elf_end);
    const void* bits = nullptr;
    const ssize_t count = elf == nullptr ? 0 : ::dwelf_elf_gnu_build_id(elf.get(), &bits);
    if (count <= 0) return false;
    return to_hex({static_cast<const std::uint8_t*>(bits), static_cast<std::size_t>(count)}) ==
           build_id;
  }
  [[nodiscard]] Result<void> keep_as(const std::filesystem::path& file) {
    if (::rename(name_.c_str(), file.c_str()) != 0) return system_failure(Errc::io, file.string());
    name_.clear();
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string name_;
};

struct Server {
  HostPort address;
  std::string path;  // in front of /buildid; empty or "/…"
};

Result<Server> read_server(const std::string& text) {
  const Url url = split_url(text);
  const std::size_t slash = std::min(url.rest.find('/'), url.rest.size());
  const auto address = parse_server(url.rest.substr(0, slash), 80);
  if (url.scheme != Scheme::http || !address) {
    return fail(Errc::invalid_argument,
                "no such server can be asked; expected http://HOST[:PORT][/PATH] in "
                "DEBUGINFOD_URLS");
  }
  std::string path(url.rest.substr(slash));
  while (path.ends_with('/')) path.pop_back();
  return Server{*address, std::move(path)};
}

}  // namespace

Result<bool> fetch_debug_file(const std::string& url, const std::string& build_id,
                              const std::filesystem::path& file, const FetchLimits& limits) {
  HUNT_TRY(server, read_server(url));
  Wire wire(limits);
  HUNT_CHECK(wire.connect(server.address));
  // Of HTTP/1.0, so that the body comes as it is and the connection ends with it.
  HUNT_CHECK(wire.send(
      fmt::format("GET {}/buildid/{}/debuginfo HTTP/1.0\r\nHost: {}\r\nUser-Agent: hunt\r\n\r\n",
                  server.path, build_id, server.address.shown())));
  std::array<char, 64 * 1'024> buffer;
  std::string first;
  std::size_t body = std::string::npos;
  while ((body = first.find("\r\n\r\n")) == std::string::npos) {
    HUNT_TRY(got, wire.read(buffer));
    if (got == 0 || first.size() > head_bytes_max)
      return fail(Errc::unavailable, "it answers no HTTP: " + printable(first.substr(0, 40)));
    first.append(buffer.data(), got);
  }
  HUNT_TRY(head, read_head(std::string_view(first).substr(0, body + 2)));
  if (head.status == 404) return false;
  if (head.status != 200)
    return fail(Errc::unavailable, fmt::format("it answers with status {}", head.status));
  const auto too_large = [&limits] {
    return fail(Errc::too_large,
                fmt::format("the file is larger than {} bytes", with_commas(limits.bytes_max)));
  };
  if (head.bytes && *head.bytes > limits.bytes_max) return too_large();
  NewFile made;
  HUNT_CHECK(made.open(file));
  std::string_view part = std::string_view(first).substr(body + 4);
  std::uint64_t bytes = 0;
  for (;;) {
    bytes += part.size();
    if (bytes > limits.bytes_max) return too_large();
    HUNT_CHECK(made.write(part));
    HUNT_TRY(got, wire.read(buffer));
    if (got == 0) break;
    part = std::string_view(buffer.data(), got);
  }
  if (head.bytes && bytes != *head.bytes)
    return fail(Errc::unavailable, "the connection ended within the file");
  if (!made.is_of(build_id)) return fail(Errc::corrupt, "what it sends is no file of that build");
  HUNT_CHECK(made.keep_as(file));
  return true;
}

}  // namespace hunt::profile
