// RulesStore: the timeline of rules as one shard keeps it, and the files that its versions are.
//
// Not who agrees on it over all shards (service/rules_book.h), and not the fence: that is in
// grant_claims. Errors and threads: ports/hunt_store.h.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/rules_timeline.h"

namespace hunt::ports {

class RulesStore {
 public:
  virtual ~RulesStore() = default;

  // What is kept here; of a new store: nothing, with seq 0.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() = 0;
  // The files of a version that the timeline names. Errors: not_found.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::RulesFiles>> rules_files(
      std::string version) = 0;
  // Replaces all of it in one transaction; files of versions that it does not name go. From its
  // return on no claim is granted that was rolled by an older one. Errors: already_exists (that seq
  // or a newer one is kept here), not_found (a version whose files are not here nor in `sets`).
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets) = 0;
};

}  // namespace hunt::ports
