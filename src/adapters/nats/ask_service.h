// AskService: answers `hunt.ask.<s>` with a handler, and `$SRV` about it (NATS service protocol).
//
// Internal to nats_bus.h. Every ask is answered: with outcomes, or with an error that says why not.
// Lifecycle: start(), stop(); what was taken is answered after that, too. Thread: the lane's.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "adapters/nats/link.h"
#include "adapters/nats/payload.h"
#include "ports/bus.h"

namespace hunt::nats {

class AskService : public std::enable_shared_from_this<AskService> {
 public:
  AskService(std::shared_ptr<Link> link, std::vector<std::string> shards, FindWorld find_world,
             std::string version, std::string process);

  void start(ports::BatchHandler& handler);
  void stop();
  [[nodiscard]] std::size_t inflight() const noexcept { return inflight_; }

 private:
  struct Ask {
    std::string reply_to;
    Form form = Form::flat;
    codec::PositionsRequest request;
    std::int64_t taken_ns = 0;
  };
  void take(const natsMsg& message);
  [[nodiscard]] boost::asio::awaitable<void> work(Ask ask);
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> handle(Ask& ask);
  void tell(const Ask& ask, const model::BatchReply& reply);
  void refuse(const std::string& reply_to, Form form, const Error& error);
  void answer_service(const natsMsg& message);
  [[nodiscard]] std::string describe(std::string_view verb) const;

  std::shared_ptr<Link> link_;
  const std::vector<std::string> shards_;
  const FindWorld find_world_;
  const std::string version_;
  const std::string process_;
  const std::string id_;
  const std::int64_t started_us_;
  ports::BatchHandler* handler_ = nullptr;
  std::vector<Link::SubscriptionPtr> subscriptions_;
  Payloads payloads_;
  std::size_t inflight_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t errors_ = 0;
  std::int64_t worked_ns_ = 0;
  std::string last_error_;
};

// Runs `task` on the lane. A task that throws is a bug and ends the process with its message.
void spawn(const boost::asio::any_io_executor& lane, boost::asio::awaitable<void> task);

}  // namespace hunt::nats
