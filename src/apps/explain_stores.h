// explain_stores(): the answer of `hunt explain` from the stores alone, when no process runs.
//
// Not what processes remember: refusals are in no store.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "model/explanation.h"
#include "node/store_url.h"

namespace hunt::apps {

// A question as it was typed.
struct Explained {
  model::Question question;  // without the world
  std::string world;         // an id or a name; empty: any
  std::string rules_path;
};

// The body of GET /v1/explain. A store that cannot be read is told in it. Errors: not_found (the
// world), invalid_argument (the rules).
[[nodiscard]] Result<std::string> explain_stores(const std::vector<node::StoreUrl>& urls,
                                                 const Explained& asked);

}  // namespace hunt::apps
