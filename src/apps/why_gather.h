// Who is asked by `hunt why` when it is more than one process, and what each of them says.
//
// Not the merging (engine/fleet_why.h) and not the printing (why_text.h). Blocks for some seconds
// at most: all are asked at once.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "base/result.h"
#include "codec/json_why.h"
#include "model/hunt_name.h"
#include "model/why_past.h"

namespace hunt::apps {

struct WhyTargets {
  std::vector<std::string> urls;        // else the bus
  std::optional<nats::ServerList> bus;  //
  model::HuntName hunt;
  std::string token;  // for the URLs
};

// The flags that say so, of each command that asks a fleet. Lifetime: the command's.
struct FleetFlags {
  std::vector<std::string> urls{"http://127.0.0.1:8080"};
  std::optional<nats::ServerList> bus;
  model::HuntName hunt;
  std::string admin_token_file;
  std::string server_token_file;

  // --url, --bus, --hunt and the tokens.
  void add_to(CLI::App& command, const std::string& about_url);
  // Those at each URL that was given, else the bus, else the process of this machine. Errors: those
  // of read_token().
  [[nodiscard]] Result<WhyTargets> targets() const;

 private:
  const CLI::Option* url_ = nullptr;
};

// One entry for each process, whether it answered or not; names tell them apart. Errors: that
// nobody can be asked at all. An URL that does not answer is an entry.
[[nodiscard]] Result<std::vector<model::Asked>> gather_why(const WhyTargets& targets,
                                                           const codec::WhyQuestion& question);

}  // namespace hunt::apps
