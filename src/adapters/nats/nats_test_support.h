// What the tests of this folder share: a real nats-server, lanes on the caller's thread, and a
// client that speaks the NATS protocol by hand.
//
// Real time: a test waits for a condition, never for a while, and a busy machine makes it only
// slower.
#pragma once
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/nats_stream.h"
#include "base/testing/server_process.h"

namespace hunt::nats {

namespace asio = boost::asio;

// Short, so that a redelivery does not take long.
inline constexpr std::int64_t ack_wait_ns = 800'000'000;

class NatsServer {
 public:
  // `config`: more lines for its configuration file.
  explicit NatsServer(const std::string& config = {}, bool jetstream = true)
      : port_(testing::free_port()) {
    std::string text = fmt::format("listen: 127.0.0.1:{}\n{}\n", port_, config);
    if (jetstream) {
      text += fmt::format("jetstream {{ store_dir: \"{}\", max_file: 2GB, max_mem: 64MB }}\n",
                          folder_.file("jetstream"));
    }
    const std::string path = folder_.file("nats.conf");
    std::ofstream(path) << text;
    testing::ServerCommand command;
    command.arguments = {"nats-server", "-c", path};
    command.folder = folder_.path();
    command.port = port_;
    process_.emplace(std::move(command));
    start();
  }
  void start() {
    const auto started = process_->start();
    EXPECT_TRUE(started.has_value()) << (started ? "" : started.error().message);
  }
  [[nodiscard]] testing::ServerProcess& process() { return *process_; }
  [[nodiscard]] const testing::TemporaryFolder& folder() const { return folder_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& who = {}) const {
    return fmt::format("nats://{}127.0.0.1:{}", who, port_);
  }

 private:
  testing::TemporaryFolder folder_{"hunt-nats"};
  std::uint16_t port_;
  std::optional<testing::ServerProcess> process_;
};

// Some lanes, all run by the caller.
class Lanes {
 public:
  explicit Lanes(std::size_t count) : lanes_(count) {
    for (auto& lane : lanes_) lane = std::make_unique<asio::io_context>(1);
  }
  [[nodiscard]] asio::io_context& operator[](std::size_t index) { return *lanes_[index]; }
  [[nodiscard]] bool run_until(const std::function<bool()>& done,
                               std::chrono::seconds patience = std::chrono::seconds(60)) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      if (done()) return true;
      std::size_t ran = 0;
      for (const auto& lane : lanes_) {
        lane->restart();
        ran += lane->poll();
      }
      if (ran == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return done();
  }
  void run_for(std::chrono::nanoseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    static_cast<void>(run_until([end] { return std::chrono::steady_clock::now() >= end; }));
  }
  template <class T>
  [[nodiscard]] T run(std::size_t lane, asio::awaitable<T> task) {
    std::optional<T> result;
    asio::co_spawn(*lanes_[lane], std::move(task),
                   [&result](const std::exception_ptr& failure, T value) {
                     if (failure) std::rethrow_exception(failure);
                     result = std::move(value);
                   });
    const bool returned = run_until([&result] { return result.has_value(); });
    HUNT_ASSERT(returned);
    return std::move(*result);
  }
  void run(std::size_t lane, asio::awaitable<void> task) {
    bool returned = false;
    asio::co_spawn(*lanes_[lane], std::move(task), [&returned](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
      returned = true;
    });
    HUNT_ASSERT(run_until([&returned] { return returned; }));
  }

 private:
  std::vector<std::unique_ptr<asio::io_context>> lanes_;
};

// Connects or fails the test.
[[nodiscard]] inline std::unique_ptr<Connection> connected(Lanes& lanes, std::size_t lane,
                                                           NatsOptions options) {
  auto connection = Connection::make(lanes[lane].get_executor(), std::move(options));
  const auto result = lanes.run(lane, connection->connect());
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return connection;
}
[[nodiscard]] inline NatsOptions options_for(const NatsServer& server) {
  NatsOptions options;
  options.servers = parse_servers(server.url()).value();
  options.key.assign(32, 7);  // of one hunt: what they tell each other is signed
  return options;
}
[[nodiscard]] inline StreamSettings small_streams() {
  StreamSettings settings;
  settings.positions_bytes_max = 64 * 1'024 * 1'024;
  settings.claims_bytes_max = 64 * 1'024 * 1'024;
  settings.letters_bytes_max = 16 * 1'024 * 1'024;
  settings.ack_wait_ns = ack_wait_ns;
  return settings;
}

// What any language's client does, in a few lines: text over a socket.
class RawClient {
 public:
  struct Message {
    std::string subject;
    std::string reply_to;
    std::string headers;
    std::string body;
  };
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    HUNT_ASSERT(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    write(
        "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n"
        "SUB _INBOX.raw.> 1\r\n");
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void subscribe(const std::string& subject) {
    write(fmt::format("SUB {} {}\r\n", subject, ++last_sid_));
  }
  void publish(const std::string& subject, const std::string& reply_to, const std::string& body,
               const std::string& headers = {}) {
    if (headers.empty()) {
      write(fmt::format("PUB {} {} {}\r\n{}\r\n", subject, reply_to, body.size(), body));
      return;
    }
    const std::string block = "NATS/1.0\r\n" + headers + "\r\n";
    write(fmt::format("HPUB {} {} {} {}\r\n{}{}\r\n", subject, reply_to, block.size(),
                      block.size() + body.size(), block, body));
  }
  // The next message, when there is one already.
  [[nodiscard]] std::optional<Message> poll() {
    read_some();
    while (true) {
      const auto end = buffer_.find("\r\n");
      if (end == std::string::npos) return {};
      const std::string line = buffer_.substr(0, end);
      if (line == "PING") write("PONG\r\n");
      if (!line.starts_with("MSG ") && !line.starts_with("HMSG ")) {
        buffer_.erase(0, end + 2);
        continue;
      }
      return take(line, end + 2);
    }
  }
  // Asks over the lanes' heads and waits for the one answer.
  [[nodiscard]] Message request(Lanes& lanes, const std::string& subject, const std::string& body,
                                const std::string& headers = {}) {
    const std::string inbox = fmt::format("_INBOX.raw.{}", ++last_request_);
    publish(subject, inbox, body, headers);
    std::optional<Message> answer;
    EXPECT_TRUE(lanes.run_until([&] {
      answer = poll();
      return answer && answer->subject == inbox;
    })) << "no answer on "
        << subject;
    return answer.value_or(Message());
  }

 private:
  void write(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<std::size_t>(count);
    }
  }
  void read_some() {
    char bytes[65'536];
    while (true) {
      const auto count = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (count <= 0) return;
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
  }
  [[nodiscard]] std::optional<Message> take(const std::string& line, std::size_t begin) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= line.size();) {
      const auto space = std::min(line.find(' ', at), line.size());
      if (space > at) words.push_back(line.substr(at, space - at));
      at = space + 1;
    }
    const bool has_headers = words[0] == "HMSG";
    const std::size_t total = std::stoul(words.back());
    const std::size_t head = has_headers ? std::stoul(words[words.size() - 2]) : 0;
    if (buffer_.size() < begin + total + 2) return {};
    Message message;
    message.subject = words[1];
    const std::size_t plain = has_headers ? 5 : 4;
    if (words.size() > plain) message.reply_to = words[3];
    message.headers = buffer_.substr(begin, head);
    message.body = buffer_.substr(begin + head, total - head);
    buffer_.erase(0, begin + total + 2);
    return message;
  }

  int fd_;
  std::string buffer_;
  int last_sid_ = 1;
  int last_request_ = 0;
};

}  // namespace hunt::nats
