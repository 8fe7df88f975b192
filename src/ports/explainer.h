// Explainer: what happened to a claim or to a player's, for support.
//
// Not fast: it may search a million rows of each ledger. Thread: that of the caller's executor, one
// question at a time or several. Implementations: service::Explainer.
#pragma once
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "model/explanation.h"

namespace hunt::ports {

class Explainer {
 public:
  virtual ~Explainer() = default;
  // Stores that cannot be read are no error: the answer says what is missing. Requires: a claim or
  // a player, and a world with a tile.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::Explanation>> explain(
      model::Question question) = 0;
};

}  // namespace hunt::ports
