// HuntStore: the truth of one shard, whole: for whoever keeps one, opens one or hands one around.
//
// Not what a user of a part takes: that is one of the five below. Safe to call from any lane's
// coroutine; the caller is resumed on its own executor. Every call may fail with: unavailable,
// overloaded (its queue is full), io, corrupt; writes also with disk_full (nothing was written),
// unknown_outcome and epoch_stale (the server was promoted and its relay has not raised the epoch
// yet). Implementations: SqliteStore, PostgresStore, SimStore. The contract is
// ports/contract/hunt_store_contract.h, run over every one.
#pragma once
#include "ports/lane_store.h"
#include "ports/ledger.h"
#include "ports/rules_store.h"
#include "ports/store_care.h"
#include "ports/world_store.h"

namespace hunt::ports {

class HuntStore : public LaneStore,
                  public WorldStore,
                  public Ledger,
                  public RulesStore,
                  public StoreCare {};

}  // namespace hunt::ports
