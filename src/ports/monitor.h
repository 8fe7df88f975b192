// Monitor: the figures of a running orchestrator, for whoever shows them (HTTP, live status).
//
// Not a metrics library: snapshots by value. Thread: any. Implementations: service::Observer.
#pragma once
#include <string>
#include <vector>

#include "model/stats.h"
#include "model/why.h"
#include "model/why_past.h"

namespace hunt::ports {

class Monitor {
 public:
  virtual ~Monitor() = default;
  [[nodiscard]] virtual model::Stats stats() const = 0;
  // Asking turns sampling on for a few seconds; the first answer may be empty.
  [[nodiscard]] virtual model::LiveView live() = 0;
  // Where the time of the last seconds went.
  [[nodiscard]] virtual model::Why why() const = 0;
  // What that is said of, as text (engine/evidence_text.h); empty: of nothing that is kept.
  [[nodiscard]] virtual std::string why_evidence() const { return {}; }
  // Who says so, and when it is by its clock.
  [[nodiscard]] virtual model::Process process() const { return {}; }
  // What why() said in the last hour: all spells since then, or the one look that covers a moment.
  [[nodiscard]] virtual model::WhyPast why_since(std::int64_t /*from_us*/) const { return {}; }
  [[nodiscard]] virtual model::WhyPast why_at(std::int64_t /*at_us*/) const { return {}; }
  // Empty when requests can be served, else why not, in one sentence.
  [[nodiscard]] virtual std::string not_ready() const = 0;
  // What the process stands on, and why it is not ready by itself.
  struct Part {
    std::string name;
    std::string waits_for;  // a sentence; empty: it is there
  };
  [[nodiscard]] virtual std::vector<Part> parts() const { return {}; }
  // Empty when the process lives, else what stands still, in one sentence.
  [[nodiscard]] virtual std::string not_alive() const { return {}; }
  // What is not as it should be though requests can be served, in one sentence; or empty.
  [[nodiscard]] virtual std::string warning() const = 0;
};

}  // namespace hunt::ports
