#include "adapters/nats/connection.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <thread>

#include "adapters/nats/link.h"
#include "adapters/nats/stream_setup.h"

namespace hunt::nats {

namespace asio = boost::asio;

std::unique_ptr<Connection> Connection::make(asio::any_io_executor lane, NatsOptions options) {
  auto link = std::make_shared<Link>(std::move(lane), std::move(options));
  return std::unique_ptr<Connection>(new Connection(std::move(link)));
}

Connection::Connection(std::shared_ptr<Link> link) : link_(std::move(link)) {}
Connection::~Connection() {
  shut();
}
void Connection::shut() {
  link_->shut();
}

asio::awaitable<Result<void>> Connection::connect() {
  return link_->connect();
}
asio::awaitable<void> Connection::close() {
  return link_->close();
}
bool Connection::connected() const noexcept {
  return link_->connected();
}
void Connection::watch(std::function<void(bool)> watcher) {
  watcher_ = link_->listen(std::move(watcher));
}
const std::string& Connection::shown() const noexcept {
  return link_->shown();
}

asio::awaitable<Result<void>> Connection::prepare(StreamSettings settings,
                                                  std::vector<std::string> shards) {
  std::optional<std::thread> worker;
  auto begin = [this, &worker, &settings, &shards](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto executor = asio::prefer(asio::get_associated_executor(*shared),
                                 asio::execution::outstanding_work.tracked);
    worker.emplace([shared, executor, options = link_->options(), servers = link_->servers(),
                    settings, shards] {
      auto result = set_up_streams(options, servers, settings, shards);
      asio::post(executor, [shared, result = std::move(result)]() mutable {
        std::move (*shared)(std::move(result));
      });
    });
  };
  auto result = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
      std::move(begin), asio::use_awaitable);
  worker->join();
  co_return result;
}

}  // namespace hunt::nats
