// RemoteBus::Transport: what both schemes of the remote bus have in common: asks and who waits.
//
// Not public: remote_bus.h is. Thread: the lane's.
#pragma once
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/address.h"
#include "adapters/http/event.h"
#include "adapters/http/remote_bus.h"
#include "base/prng.h"

namespace hunt::http {

// One ask on its way; whoever settles it first wins.
struct RemoteAsk {
  explicit RemoteAsk(const boost::asio::any_io_executor& lane) : settled(lane) {}
  void settle(Result<model::BatchReply> with) {
    if (result) return;
    result = std::move(with);
    settled.cancel();
  }

  std::string body;
  bool wait_terminal = false;
  std::size_t positions = 0;
  std::optional<Result<model::BatchReply>> result;
  boost::asio::steady_timer settled;  // fires at the deadline, is cancelled by the answer
};
using RemoteAskPtr = std::shared_ptr<RemoteAsk>;

class RemoteBus::Transport : public std::enable_shared_from_this<Transport> {
 public:
  Transport(boost::asio::any_io_executor lane, RemoteOptions options, HostPort address);
  virtual ~Transport() = default;

  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> connect() = 0;
  [[nodiscard]] boost::asio::awaitable<void> close();
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                                      ports::Wait wait);

  std::function<void(const std::vector<model::ClaimEvent>&)> on_claims;

 protected:
  // Begins to bring the ask to the server; it is settled whatever happens.
  virtual void send(RemoteAskPtr ask, std::string body) = 0;
  // Makes what waits on sockets return. Called by close(); tasks then end by themselves.
  virtual void cancel() = 0;

  void spawn(boost::asio::awaitable<void> task);
  // 20 ms to 1 s, doubling, with jitter: so that many clients do not come back at once.
  [[nodiscard]] std::chrono::nanoseconds next_pause();
  void connected() noexcept { pause_ms_ = 0; }
  [[nodiscard]] Error lost(std::string_view what, std::string_view why) const;
  // The reply, when it is one for so many positions.
  [[nodiscard]] Result<model::BatchReply> checked(model::BatchReply reply,
                                                  std::size_t positions) const;

  const boost::asio::any_io_executor lane_;
  const RemoteOptions options_;
  const HostPort address_;
  Event changed_;  // something to send, or closing
  bool closing_ = false;

 private:
  std::size_t tasks_ = 0;
  std::size_t asks_ = 0;
  std::uint64_t pause_ms_ = 0;
  Prng prng_;
};

// The two kinds; `address` is where options.url points.
[[nodiscard]] std::shared_ptr<RemoteBus::Transport> make_http_transport(
    boost::asio::any_io_executor lane, RemoteOptions options, HostPort address);
[[nodiscard]] std::shared_ptr<RemoteBus::Transport> make_stream_transport(
    boost::asio::any_io_executor lane, RemoteOptions options, HostPort address);

}  // namespace hunt::http
