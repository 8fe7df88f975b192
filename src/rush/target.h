// RushTarget: what `hunt rush` plays against: a running server, or a node of its own.
//
// Not the way of the positions (that is the asker it makes): what else a run needs of its target.
// Everything blocks and belongs to the main thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/hunt_name.h"
#include "model/spawn.h"
#include "rush/driver.h"
#include "rush/report.h"

namespace hunt::rush {

struct TargetOptions {
  std::string url;           // http://HOST:PORT, ws://HOST:PORT[/v1/stream], nats://, or inproc:
  std::string http_url;      // nats:// only: who tells what NATS does not; or empty
  model::HuntName hunt;      // nats:// only: which one is asked
  bool stored = false;       // nats:// only: positions are stored, not asked
  std::string server_token;  // or empty
  std::string admin_token;   // or empty
  std::string rules_path;    // inproc: only
  std::uint64_t seed = 1;    // inproc: only
};

class RushTarget {
 public:
  virtual ~RushTarget() = default;

  [[nodiscard]] virtual MakeAsker make_asker() = 0;
  // Around a run, on the driver's lane. connect() finds a wrong address or token at once.
  [[nodiscard]] virtual Result<void> connect(node::Lane& lane) = 0;
  virtual void close(node::Lane& lane) = 0;
  // How the driver follows claims here.
  virtual void set_claims(DriverOptions& options) const = 0;

  // Whether somebody there can be asked for the world and its figures.
  [[nodiscard]] virtual bool knows_world() const { return true; }
  // Of world 1. Errors: as the target says.
  [[nodiscard]] virtual Result<model::WorldStats> world_stats() = 0;
  // Bound: limits::tiles_per_request_max. Errors: unauthorized without the admin token.
  [[nodiscard]] virtual Result<void> bury(std::vector<model::Burial> burials) = 0;
  // All open loot of world 1. Errors: as for bury().
  [[nodiscard]] virtual Result<std::vector<model::Burial>> loot() = 0;
  // After the world was prepared, before the run.
  [[nodiscard]] virtual Result<void> warm(model::TileRect rect) = 0;

  // Whether the ledger has a grant of the claim; nothing when the target cannot tell.
  [[nodiscard]] virtual std::optional<bool> is_granted(model::ClaimId claim) = 0;

  // What is known of the serving side now; a target that does not answer tells nothing.
  [[nodiscard]] virtual std::optional<model::Stats> stats() = 0;
  [[nodiscard]] virtual std::optional<Bottleneck> bottleneck() = 0;
  // CPU of the lanes, and of the whole process but the lanes, in this process only.
  struct Cpu {
    std::int64_t serve_ns = 0;
    std::int64_t rest_ns = 0;
  };
  [[nodiscard]] virtual std::optional<Cpu> cpu() = 0;
};

// The URL for people: without user and password.
[[nodiscard]] std::string shown_url(const std::string& url);

// Errors: invalid_argument (the URL), and for inproc: those of a node that starts.
[[nodiscard]] Result<std::unique_ptr<RushTarget>> open_target(const TargetOptions& options);
[[nodiscard]] Result<std::unique_ptr<RushTarget>> open_inproc_target(const TargetOptions& options);
[[nodiscard]] Result<std::unique_ptr<RushTarget>> open_nats_target(const TargetOptions& options);

}  // namespace hunt::rush
