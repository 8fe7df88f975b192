#include "adapters/http/connections.h"

#include <utility>
#include <vector>

#include "adapters/http/lane_server.h"
#include "base/result.h"

namespace hunt::http {

namespace {

// A body or an answer of a client that reads and sends takes milliseconds; a guess with room for a
// bad line.
constexpr std::chrono::milliseconds patience{1'000};

}  // namespace

Connection::Connection(boost::asio::ip::tcp::socket accepted, ByteBudget& bodies,
                       ByteBudget& answers)
    : socket(std::move(accepted)),
      body(bodies,
           [this] {
             withheld = true;
             interrupt();
           }),
      answer(answers, [this] {
        withheld = true;
        interrupt();
      }) {}

void Connection::interrupt() {
  if (lent != nullptr) return lane->recall(lent);
  boost::system::error_code ignored;
  socket.cancel(ignored);
}

Connections::Connections(std::size_t count_max, std::size_t kept)
    : count_max_(count_max), kept_(kept) {
  HUNT_ASSERT(kept < count_max);
}

void Connections::add(Connection& connection) {
  const auto now = std::chrono::steady_clock::now();
  use_.enter(std::chrono::nanoseconds(now.time_since_epoch()).count());
  connection.late = above();
  connection.waits = Wait::newcomer;
  connection.waits_since = now;
  auto& list = list_of(Wait::newcomer);
  connection.place = list.insert(list.end(), &connection);
}

void Connections::remove(Connection& connection) {
  const auto now = std::chrono::steady_clock::now();
  use_.leave(std::chrono::nanoseconds(now.time_since_epoch()).count());
  if (connection.evicted) --leaving_;
  list_of(connection.waits).erase(connection.place);
}

void Connections::wait(Connection& connection, Wait what) {
  auto& from = list_of(connection.waits);
  auto& to = list_of(what);
  to.splice(to.end(), from, connection.place);
  connection.waits = what;
  connection.waits_since = std::chrono::steady_clock::now();
}

void Connections::follow_lent(Connection::Time now, std::chrono::milliseconds idle) {
  std::vector<Connection*> all;
  for_each([&all](Connection& connection) {
    if (connection.lent != nullptr && !connection.evicted) all.push_back(&connection);
  });
  for (Connection* connection : all) {
    const std::uint64_t answered = connection->lent->answered.load(std::memory_order_relaxed);
    const bool changed = std::exchange(connection->lent_answered, answered) != answered;
    if (connection->lent->asking.load(std::memory_order_relaxed)) {
      wait(*connection, Wait::us);
      connection->deadline = Connection::Time::max();
    } else if (changed || connection->waits == Wait::us) {
      wait(*connection, Wait::idle);
      connection->deadline = now + idle;
    }
  }
}

bool Connections::spare_one(Connection::Time now) {
  for (const Wait what : {Wait::newcomer, Wait::idle, Wait::peer}) {
    auto& list = list_of(what);
    if (list.empty()) continue;
    Connection& connection = *list.front();
    if (what == Wait::peer && connection.waits_since + patience > now) continue;
    connection.evicted = true;
    ++leaving_;
    wait(connection, Wait::us);  // once is enough
    connection.interrupt();
    return true;
  }
  return false;
}

void Connections::for_each(const std::function<void(Connection&)>& visit) {
  for (auto& list : lists_) {
    for (Connection* connection : list) visit(*connection);
  }
}

}  // namespace hunt::http
