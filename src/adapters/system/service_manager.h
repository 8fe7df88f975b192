// ServiceManager: tells systemd how this process is, where it is a unit with Type=notify.
//
// Not libsystemd: what it would do is one datagram to the socket that $NOTIFY_SOCKET names. Without
// the variable nothing is told. Nothing blocks, and what cannot be told is left out: whoever waits
// for it then takes this process for stuck, which is right. Thread: one.
#pragma once
#include <string>
#include <string_view>

#include "ports/monitor.h"

namespace hunt::system {

class ServiceManager {
 public:
  ServiceManager();  // by the environment
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // What /livez and /readyz say. Call it several times a second: READY=1 comes once, WATCHDOG=1
  // each time that the process is alive, STATUS= when the sentence is another one.
  void tell(const ports::Monitor& monitor);
  // Ready with nothing to ask yet: a standby that waits for its store.
  void tell_ready(std::string_view status);
  void tell_stopping();

 private:
  void send(std::string_view state) const;

  std::string address_;  // of the socket; empty: nobody asked
  int socket_ = -1;
  bool ready_ = false;
  std::string status_;
};

}  // namespace hunt::system
