// Link: one TCP connection to a Redis server: bytes out, replies in, in order.
//
// Not a policy: when to connect, how much may be under way and how long to wait is node.h. hiredis
// reads the replies (RESP2); the socket is asio's, because hiredis' own asynchronous half resolves
// names on the caller's thread, can raise SIGPIPE, and aborts on a reply that nobody asked for.
// Thread: its lane's. Lifetime: its handlers keep it alive until close() has reached them.
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/redis/message.h"
#include "adapters/redis/redis_url.h"

struct redisReader;

namespace hunt::redis {

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual void on_reply(Reply reply) = 0;
  // The last word of a link that was not closed by its owner.
  virtual void on_closed(std::string why) = 0;
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const boost::asio::any_io_executor& lane, LinkOwner& owner);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Resolves and connects; what is sent meanwhile waits.
  void open(const HostPort& address);
  // Leaves with the next flush().
  void send(std::string_view bytes) { waiting_.append(bytes); }
  void flush();
  // The owner hears nothing more.
  void close();
  // Whether something has arrived that was not looked at yet.
  [[nodiscard]] bool has_input() const;
  // Whether it ever was.
  [[nodiscard]] bool connected() const noexcept { return connected_; }

 private:
  using Endpoints = boost::asio::ip::tcp::resolver::results_type;
  void connect(const Endpoints& endpoints);
  void read();
  void take_replies(std::size_t size);
  void fail_with(std::string why);

  LinkOwner* owner_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
  std::array<char, 64 * 1'024> in_{};
  std::string waiting_;  // to be written
  std::string writing_;  // being written
  bool connected_ = false;
  bool closed_ = false;
};

}  // namespace hunt::redis
