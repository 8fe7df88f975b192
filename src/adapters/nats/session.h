// Session: one connection to a NATS server, from a completed handshake to its end, on one thread.
//
// Not a connection that comes back: Link makes another one. cnats runs here without threads of its
// own: no flusher (it adds 1 ms), no reader, no timer for pings, no reconnecting; it is told when
// its socket is readable or writable, and messages are taken from its lists afterwards. Only dial()
// may run elsewhere. Errors never carry secrets. Thread: the lane's, after dial().
#pragma once
#include <nats/nats.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "base/result.h"

namespace hunt::nats {

struct DestroyMessage {
  void operator()(natsMsg* message) const noexcept { natsMsg_Destroy(message); }
};
using MessagePtr = std::unique_ptr<natsMsg, DestroyMessage>;

[[nodiscard]] inline std::string_view data_of(const natsMsg& message) {
  return {natsMsg_GetData(&message), static_cast<std::size_t>(natsMsg_GetDataLength(&message))};
}
[[nodiscard]] inline std::string_view subject_of(const natsMsg& message) {
  return natsMsg_GetSubject(&message);
}
// Empty: nobody waits for an answer.
[[nodiscard]] inline std::string_view reply_of(const natsMsg& message) {
  const char* reply = natsMsg_GetReply(&message);
  return reply == nullptr ? std::string_view() : std::string_view(reply);
}
[[nodiscard]] std::string header_of(natsMsg& message, const char* name);

// A connection with cnats' own threads, for calls that block. The caller destroys it. Errors: as
// Session::dial.
[[nodiscard]] Result<natsConnection*> connect_blocking(const NatsOptions& options,
                                                       const ServerList& servers);

using Headers = std::vector<std::pair<std::string, std::string>>;
// What they take of a message: the server's bound is on headers and payload together.
[[nodiscard]] std::size_t bytes_of(const Headers& headers) noexcept;

class RawInbox;

class Session {
 public:
  // Connects, says who we are, and waits for the server's welcome: blocks for at most
  // options.connect_ns_max a server. Errors: unauthorized, unavailable, invalid_argument.
  [[nodiscard]] static Result<std::unique_ptr<Session>> dial(const NatsOptions& options,
                                                             const ServerList& servers);
  // Blocks no longer than it takes to close the socket; what was not sent is lost.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The socket, for polling: a duplicate that stays valid until the session goes.
  [[nodiscard]] int socket() const noexcept { return socket_; }
  // `wanted` is called whenever there is something to send: write_some() soon after.
  void on_write_wanted(std::function<void()> wanted) { attach_->write_wanted = std::move(wanted); }
  void read_some();
  void write_some();
  // Ends it as a broken connection would.
  void drop();

  [[nodiscard]] bool is_closed() const;
  // The server goes into maintenance soon.
  [[nodiscard]] bool is_lame_duck() const { return notes_->lame_duck.load(); }
  // What the server did not let us do, and what was lost because a subscription was full, so far.
  [[nodiscard]] std::uint64_t refusals() const { return notes_->refused.load(); }
  [[nodiscard]] std::uint64_t overflown() const { return notes_->overflown.load(); }
  // The last refusal, in the server's words.
  [[nodiscard]] std::string last_refusal() const;
  [[nodiscard]] std::size_t unsent_bytes() const;
  [[nodiscard]] std::size_t payload_bytes_max() const;
  [[nodiscard]] std::string why_closed() const;
  // Servers of the same cluster, beside the one connected to.
  [[nodiscard]] std::vector<std::string> other_servers() const;

  // Errors: unavailable, too_large. `reply` may be empty.
  [[nodiscard]] Result<void> publish(const std::string& subject, const std::string& reply,
                                     std::string_view data, const Headers& headers);
  // Null when the connection is gone.
  [[nodiscard]] natsSubscription* subscribe(const std::string& subject, const std::string& queue);
  [[nodiscard]] natsSubscription* subscribe(const std::string& subject,
                                            const std::shared_ptr<RawInbox>& inbox);

 private:
  // Written by threads of cnats.
  struct Notes {
    std::atomic<bool> lame_duck{false};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> overflown{0};
    std::mutex mutex;
    std::string last_refusal;
  };
  struct Attach {
    int socket = -1;
    std::function<void()> write_wanted;
  };
  Session() = default;
  static void on_lame_duck(natsConnection* connection, void* notes);
  static void on_closed(natsConnection* connection, void* notes);
  static void on_error(natsConnection* connection, natsSubscription* subscription,
                       natsStatus status, void* notes);
  [[nodiscard]] static natsStatus on_attach(void** user, void* loop, natsConnection* connection,
                                            natsSock socket);
  [[nodiscard]] static natsStatus on_read(void* user, bool add);
  [[nodiscard]] static natsStatus on_write(void* user, bool add);
  [[nodiscard]] static natsStatus on_detach(void* user);

  std::unique_ptr<Attach> attach_ = std::make_unique<Attach>();
  std::shared_ptr<Notes> notes_ = std::make_shared<Notes>();
  natsConnection* connection_ = nullptr;
  int socket_ = -1;
};

}  // namespace hunt::nats
