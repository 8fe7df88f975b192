#include "adapters/redis/link.h"

#include <hiredis/hiredis.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::redis {

using boost::asio::ip::tcp;
using boost::system::error_code;

Link::Link(const boost::asio::any_io_executor& lane, LinkOwner& owner)
    : owner_(&owner),
      resolver_(lane),
      socket_(lane),
      reader_(redisReaderCreate(), redisReaderFree) {
  HUNT_ASSERT(reader_ != nullptr);
}

Link::~Link() = default;

void Link::open(const HostPort& address) {
  // An address in digits needs no resolver, and so no thread of it.
  error_code no_digits;
  const auto ip = boost::asio::ip::make_address(address.host, no_digits);
  if (!no_digits) {
    connect(Endpoints::create(tcp::endpoint(ip, address.port), address.host, {}));
    return;
  }
  auto resolved = [self = shared_from_this()](const error_code& error, const Endpoints& found) {
    if (self->closed_) return;
    if (error) return self->fail_with("its name cannot be resolved: " + error.message());
    self->connect(found);
  };
  resolver_.async_resolve(address.host, std::to_string(address.port), std::move(resolved));
}

void Link::connect(const Endpoints& endpoints) {
  auto connected = [self = shared_from_this()](const error_code& error, const tcp::endpoint&) {
    if (self->closed_) return;
    if (error) return self->fail_with(error.message());
    error_code ignored;
    self->socket_.set_option(tcp::no_delay(true), ignored);
    self->connected_ = true;
    self->read();
    self->flush();
  };
  boost::asio::async_connect(socket_, endpoints, std::move(connected));
}

void Link::flush() {
  if (!connected_ || closed_ || waiting_.empty() || !writing_.empty()) return;
  writing_.swap(waiting_);
  auto written = [self = shared_from_this()](const error_code& error, std::size_t) {
    if (self->closed_) return;
    if (error) return self->fail_with(error.message());
    self->writing_.clear();
    self->flush();
  };
  boost::asio::async_write(socket_, boost::asio::buffer(writing_), std::move(written));
}

void Link::read() {
  auto got = [self = shared_from_this()](const error_code& error, std::size_t size) {
    if (self->closed_) return;
    if (error) return self->fail_with("it closed the connection: " + error.message());
    self->take_replies(size);
    if (!self->closed_) self->read();
  };
  socket_.async_read_some(boost::asio::buffer(in_), std::move(got));
}

void Link::take_replies(std::size_t size) {
  redisReaderFeed(reader_.get(), in_.data(), size);
  while (!closed_) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
      return fail_with("it does not speak Redis' protocol: " + printable(reader_->errstr, 128));
    }
    if (reply == nullptr) break;
    Reply copy = copy_of(*static_cast<redisReply*>(reply));
    freeReplyObject(reply);
    owner_->on_reply(std::move(copy));
  }
  if (!closed_ && reader_->len - reader_->pos > limits::cache_reply_bytes_max) {
    fail_with("it sent a reply that is too large");
  }
}

bool Link::has_input() const {
  error_code ignored;
  return connected_ && !closed_ && socket_.available(ignored) > 0;
}

void Link::fail_with(std::string why) {
  LinkOwner* owner = owner_;
  close();
  owner->on_closed(std::move(why));
}

void Link::close() {
  if (closed_) return;
  closed_ = true;
  resolver_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace hunt::redis
