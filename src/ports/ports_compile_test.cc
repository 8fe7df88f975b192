// Each port's header compiles alone and together; nothing else to test in an interface.
#include <gtest/gtest.h>

#include "ports/bus.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"
#include "ports/monitor.h"
#include "ports/position_stream.h"
#include "ports/rules_source.h"
#include "ports/tile_cache.h"
