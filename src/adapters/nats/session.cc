#include "adapters/nats/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "adapters/nats/raw_inbox.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace {

// A read takes what a busy server has sent meanwhile; small reads cost a turn of the loop each.
constexpr int read_bytes = 256 * 1'024;
// TLS alone may have to wait for the socket within a call; longer than this ends the connection.
constexpr std::int64_t tls_write_ms_max = 500;

// Run on a thread of cnats.
void put_raw(natsConnection*, natsSubscription*, natsMsg* message, void* inbox) {
  (*static_cast<std::shared_ptr<RawInbox>*>(inbox))->put(MessagePtr(message));
}
void free_raw(void* inbox) {
  delete static_cast<std::shared_ptr<RawInbox>*>(inbox);
}

struct DestroyOptions {
  void operator()(natsOptions* options) const noexcept { natsOptions_Destroy(options); }
};
using OptionsPtr = std::unique_ptr<natsOptions, DestroyOptions>;

// Applies one setting after the other until one fails.
class Settings {
 public:
  explicit Settings(natsOptions* options) : options_(options) {}
  template <class Set, class... Values>
  void operator()(std::string_view what, Set set, Values... values) {
    if (status_ != NATS_OK) return;
    status_ = set(options_, values...);
    if (status_ != NATS_OK) what_ = what;
  }
  [[nodiscard]] Result<void> result() const {
    if (status_ == NATS_OK) return {};
    return fail(
        Errc::invalid_argument,
        fmt::format("the NATS client does not take {}: {}", what_, natsStatus_GetText(status_)),
        "bus");
  }

 private:
  natsOptions* options_;
  natsStatus status_ = NATS_OK;
  std::string_view what_;
};

void set_credentials(Settings& set, const NatsOptions& options, const ServerList& servers) {
  if (!servers.user.empty()) {
    set("the user", natsOptions_SetUserInfo, servers.user.c_str(), servers.password.c_str());
  }
  if (!options.token.empty()) set("the token", natsOptions_SetToken, options.token.c_str());
  if (!options.credentials_file.empty()) {
    set("the credentials file", natsOptions_SetUserCredentialsFromFiles,
        options.credentials_file.c_str(), static_cast<const char*>(nullptr));
  }
}

void set_tls(Settings& set, const NatsOptions& options) {
  set("TLS", natsOptions_SetSecure, true);
  set("TLS", natsOptions_SetWriteDeadline, tls_write_ms_max);
  if (!options.tls_ca_file.empty()) {
    set("the CA file", natsOptions_LoadCATrustedCertificates, options.tls_ca_file.c_str());
  }
  if (!options.tls_certificate_file.empty()) {
    set("the certificate and key", natsOptions_LoadCertificatesChain,
        options.tls_certificate_file.c_str(), options.tls_key_file.c_str());
  }
}

void set_common(Settings& set, const NatsOptions& options, const ServerList& servers) {
  std::vector<const char*> urls;
  for (const auto& url : servers.urls) urls.push_back(url.c_str());
  set("the servers", natsOptions_SetServers, urls.data(), static_cast<int>(urls.size()));
  set("the name", natsOptions_SetName, options.client_name.c_str());
  set("the timeout", natsOptions_SetTimeout, options.connect_ns_max / 1'000'000);
  set("the inbox prefix", natsOptions_SetCustomInboxPrefix, servers.inbox_prefix().c_str());
  set("its switches", natsOptions_SetAllowReconnect, false);
  set_credentials(set, options, servers);
  if (servers.tls) set_tls(set, options);
}

Error refused(natsStatus status, const ServerList& servers) {
  if (status == NATS_CONNECTION_AUTH_FAILED) {
    return {Errc::unauthorized,
            fmt::format("NATS at {} refuses the user, password, token or credentials given",
                        servers.shown),
            "bus"};
  }
  const bool secure = status == NATS_SECURE_CONNECTION_REQUIRED ||
                      status == NATS_SECURE_CONNECTION_WANTED || status == NATS_SSL_ERROR;
  return {
      Errc::unavailable,
      fmt::format("no NATS server answers at {}: {}{}", servers.shown, natsStatus_GetText(status),
                  secure ? "; use nats+tls:// exactly where the server speaks TLS"
                         : "; is nats-server running there?"),
      "bus"};
}

}  // namespace

std::string header_of(natsMsg& message, const char* name) {
  const char* value = nullptr;
  if (natsMsgHeader_Get(&message, name, &value) != NATS_OK || value == nullptr) return {};
  return value;
}

std::size_t bytes_of(const Headers& headers) noexcept {
  if (headers.empty()) return 0;
  std::size_t bytes = 12;  // NATS/1.0 and the empty line
  for (const auto& [name, value] : headers) bytes += name.size() + value.size() + 4;
  return bytes;
}

// These run on threads of cnats; the closed one is the last to come.
void Session::on_lame_duck(natsConnection*, void* notes) {
  (*static_cast<std::shared_ptr<Notes>*>(notes))->lame_duck.store(true);
}
void Session::on_closed(natsConnection*, void* notes) {
  delete static_cast<std::shared_ptr<Notes>*>(notes);
}
void Session::on_error(natsConnection* connection, natsSubscription*, natsStatus status,
                       void* notes) {
  Notes& to = **static_cast<std::shared_ptr<Notes>*>(notes);
  if (status == NATS_SLOW_CONSUMER) ++to.overflown;
  if (status != NATS_NOT_PERMITTED) return;
  const char* text = nullptr;
  static_cast<void>(natsConnection_GetLastError(connection, &text));  // the text alone is wanted
  const std::lock_guard lock(to.mutex);
  to.last_refusal = text == nullptr ? natsStatus_GetText(status) : text;
  ++to.refused;
}

std::string Session::last_refusal() const {
  const std::lock_guard lock(notes_->mutex);
  return notes_->last_refusal;
}

natsStatus Session::on_attach(void** user, void* loop, natsConnection*, natsSock socket) {
  *user = loop;
  static_cast<Attach*>(loop)->socket = socket;
  return NATS_OK;
}
natsStatus Session::on_read(void*, bool) {
  return NATS_OK;
}
natsStatus Session::on_write(void* user, bool add) {
  const auto* attach = static_cast<Attach*>(user);
  if (add && attach->write_wanted) attach->write_wanted();
  return NATS_OK;
}
natsStatus Session::on_detach(void*) {
  return NATS_OK;
}

Result<natsConnection*> connect_blocking(const NatsOptions& options, const ServerList& servers) {
  natsOptions* raw = nullptr;
  if (natsOptions_Create(&raw) != NATS_OK) return fail(Errc::internal, "cnats has no memory");
  const OptionsPtr owned(raw);
  Settings set(raw);
  set_common(set, options, servers);
  HUNT_CHECK(set.result());
  natsConnection* connection = nullptr;
  const natsStatus status = natsConnection_Connect(&connection, raw);
  if (status != NATS_OK) return tl::unexpected<Error>(refused(status, servers));
  return connection;
}

Result<std::unique_ptr<Session>> Session::dial(const NatsOptions& options,
                                               const ServerList& servers) {
  std::unique_ptr<Session> session(new Session());
  natsOptions* raw = nullptr;
  if (natsOptions_Create(&raw) != NATS_OK) return fail(Errc::internal, "cnats has no memory");
  const OptionsPtr owned(raw);
  auto notes = std::make_unique<std::shared_ptr<Notes>>(session->notes_);
  void* const noted = notes.get();
  Settings set(raw);
  set_common(set, options, servers);
  set("its switches", natsOptions_SetSendAsap, true);
  set("its switches", natsOptions_SetPingInterval, std::int64_t{0});
  set("its switches", natsOptions_SetIOBufSize, read_bytes);
  set("its switches", natsOptions_UseGlobalMessageDelivery, true);  // one thread for raw inboxes
  set("its switches", natsOptions_SetErrorHandler, &Session::on_error, noted);
  set("its switches", natsOptions_SetLameDuckModeCB, &Session::on_lame_duck, noted);
  set("its switches", natsOptions_SetClosedCB, &Session::on_closed, noted);
  set("its switches", natsOptions_SetEventLoop, static_cast<void*>(session->attach_.get()),
      &Session::on_attach, &Session::on_read, &Session::on_write, &Session::on_detach);
  HUNT_CHECK(set.result());
  const natsStatus status = natsConnection_Connect(&session->connection_, raw);
  if (status != NATS_OK) return tl::unexpected<Error>(refused(status, servers));
  // From here on the closed callback owns the notes: it is the last one to come.
  static_cast<void>(notes.release());
  session->socket_ = ::fcntl(session->attach_->socket, F_DUPFD_CLOEXEC, 0);
  if (session->socket_ < 0) return fail(Errc::io, "no file descriptor is free for the bus");
  return session;
}

Session::~Session() {
  if (connection_ != nullptr) {
    drop();
    natsConnection_Destroy(connection_);
  }
  if (socket_ >= 0) ::close(socket_);
}

void Session::read_some() {
  natsConnection_ProcessReadEvent(connection_);
}
void Session::write_some() {
  natsConnection_ProcessWriteEvent(connection_);
}

void Session::drop() {
  attach_->write_wanted = nullptr;
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  // What lies in the socket is read first; its end closes the connection without any waiting.
  while (!is_closed()) natsConnection_ProcessReadEvent(connection_);
}

bool Session::is_closed() const {
  return natsConnection_IsClosed(connection_);
}
std::size_t Session::unsent_bytes() const {
  const int bytes = natsConnection_Buffered(connection_);
  return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
}
std::size_t Session::payload_bytes_max() const {
  return static_cast<std::size_t>(
      std::max<std::int64_t>(0, natsConnection_GetMaxPayload(connection_)));
}

std::string Session::why_closed() const {
  const char* text = nullptr;
  const natsStatus status = natsConnection_GetLastError(connection_, &text);
  const std::string said = text == nullptr ? std::string() : printable(text, 120);
  if (!said.empty()) return said;
  return natsStatus_GetText(status == NATS_OK ? NATS_CONNECTION_CLOSED : status);
}

std::vector<std::string> Session::other_servers() const {
  char** servers = nullptr;
  int count = 0;
  std::vector<std::string> out;
  if (natsConnection_GetDiscoveredServers(connection_, &servers, &count) != NATS_OK) return out;
  for (int i = 0; i < count; ++i) {
    out.emplace_back(servers[i]);
    ::free(servers[i]);
  }
  ::free(servers);
  return out;
}

Result<void> Session::publish(const std::string& subject, const std::string& reply,
                              std::string_view data, const Headers& headers) {
  // More would end the connection.
  if (const std::size_t bytes = data.size() + bytes_of(headers); bytes > payload_bytes_max()) {
    return fail(Errc::too_large,
                fmt::format("a message of {} bytes is more than the {} that the NATS server takes; "
                            "raise its max_payload",
                            with_commas(bytes), with_commas(payload_bytes_max())));
  }
  const char* reply_to = reply.empty() ? nullptr : reply.c_str();
  const int size = static_cast<int>(data.size());
  natsStatus status = NATS_OK;
  if (headers.empty()) {
    status = reply.empty() ? natsConnection_Publish(connection_, subject.c_str(), data.data(), size)
                           : natsConnection_PublishRequest(connection_, subject.c_str(), reply_to,
                                                           data.data(), size);
  } else {
    natsMsg* raw = nullptr;
    status = natsMsg_Create(&raw, subject.c_str(), reply_to, data.data(), size);
    const MessagePtr message(raw);
    for (const auto& [name, value] : headers) {
      if (status == NATS_OK) status = natsMsgHeader_Set(raw, name.c_str(), value.c_str());
    }
    if (status == NATS_OK) status = natsConnection_PublishMsg(connection_, raw);
  }
  if (status == NATS_OK) return {};
  return fail(Errc::unavailable,
              fmt::format("NATS takes no message for {}: {}", subject, natsStatus_GetText(status)));
}

natsSubscription* Session::subscribe(const std::string& subject, const std::string& queue) {
  natsSubscription* subscription = nullptr;
  const natsStatus status =
      queue.empty() ? natsConnection_SubscribeSync(&subscription, connection_, subject.c_str())
                    : natsConnection_QueueSubscribeSync(&subscription, connection_, subject.c_str(),
                                                        queue.c_str());
  if (status != NATS_OK) return nullptr;
  static_cast<void>(natsSubscription_SetPendingLimits(
      subscription, static_cast<int>(limits::bus_messages_pending_max),
      static_cast<int>(limits::bus_pending_bytes_max)));
  return subscription;
}

natsSubscription* Session::subscribe(const std::string& subject,
                                     const std::shared_ptr<RawInbox>& inbox) {
  natsSubscription* subscription = nullptr;
  auto owned = std::make_unique<std::shared_ptr<RawInbox>>(inbox);
  const natsStatus status =
      natsConnection_Subscribe(&subscription, connection_, subject.c_str(), put_raw, owned.get());
  if (status != NATS_OK) return nullptr;
  // Called after the last message; without it the little that it would free stays.
  static_cast<void>(natsSubscription_SetOnCompleteCB(subscription, free_raw, owned.get()));
  static_cast<void>(owned.release());
  return subscription;
}

}  // namespace hunt::nats
