-- Conventions: times are microseconds since 1970 UTC, NULL is unbounded; tile_id is the Z-order
-- code minus 2^63, so that signed order is the code's order; ids of 128 bits are big-endian blobs.
--
-- A human at the sqlite3 shell may UPDATE loot_table, opens_us and closes_us of a tile, empty a
-- tile (spawn = 0, budget = 0), or bury by inserting a stock row, with the spawn of the view
-- next_spawn, and pointing the tile at it in one transaction; the triggers keep versions, stock and
-- the change feed right or refuse.

CREATE TABLE meta (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  shard       INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 32767),
  epoch       INTEGER NOT NULL CHECK (epoch >= 1),
  timeline    TEXT NOT NULL,  -- identity of this file, made once
  seed_id     INTEGER NOT NULL,
  created_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE seeds (
  seed_id  INTEGER PRIMARY KEY,  -- first 64 bits of SHA-256(seed), as a signed number
  seed     BLOB NOT NULL CHECK (length(seed) = 32)  -- secret until it is revealed
) STRICT;

CREATE TABLE worlds (
  id          INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
  name        TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
  created_us  INTEGER NOT NULL
) STRICT;

-- Each row reaches to the next one, so the list covers everything from its first row on.
CREATE TABLE ranges (
  first_world    INTEGER NOT NULL,
  first_tile_id  INTEGER NOT NULL,
  state          TEXT NOT NULL,  -- 'owned', or anything else: claims here are answered "moved"
  epoch          INTEGER NOT NULL CHECK (epoch >= 1),
  PRIMARY KEY (first_world, first_tile_id)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a spawn id must never come back, for old claim ids would come back with it.
CREATE TABLE stock (
  spawn      INTEGER PRIMARY KEY AUTOINCREMENT,
  remaining  INTEGER NOT NULL CHECK (remaining >= 0)
) STRICT;

CREATE TABLE spawns_done (
  spawn      INTEGER PRIMARY KEY,
  world      INTEGER NOT NULL,
  tile_id    INTEGER NOT NULL,
  budget     INTEGER NOT NULL,
  remaining  INTEGER NOT NULL CHECK (remaining >= 0)
) STRICT;

CREATE TABLE loot_tiles (
  world         INTEGER NOT NULL CHECK (world BETWEEN 1 AND 4294967295),
  tile_id       INTEGER NOT NULL,
  version       INTEGER NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 1099511627775),
  spawn         INTEGER NOT NULL DEFAULT 0 CHECK (spawn >= 0),  -- 0: empty
  loot_table    TEXT NOT NULL DEFAULT '' CHECK (length(loot_table) <= 64),
  budget        INTEGER NOT NULL DEFAULT 0 CHECK (budget BETWEEN 0 AND 1000000),
  opens_us      INTEGER,
  closes_us     INTEGER,
  buried_at_us  INTEGER NOT NULL DEFAULT 0,
  sold_out      INTEGER NOT NULL DEFAULT 0 CHECK (sold_out IN (0, 1)),
  PRIMARY KEY (world, tile_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX loot_tiles_spawn ON loot_tiles (spawn) WHERE spawn <> 0;

-- The ledger. `seq` is its order and the cursor of its readers.
CREATE TABLE grants (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
  claim_id  BLOB NOT NULL UNIQUE CHECK (length(claim_id) = 16),
  outcome   TEXT NOT NULL CHECK (outcome IN ('granted', 'aborted')),
  world     INTEGER NOT NULL,
  tile_id   INTEGER NOT NULL,
  spawn     INTEGER NOT NULL,
  player    BLOB NOT NULL CHECK (length(player) = 16),
  item      TEXT NOT NULL,
  rules     TEXT NOT NULL,
  seed_id   INTEGER NOT NULL,
  as_of_us  INTEGER NOT NULL,
  at_us     INTEGER NOT NULL
) STRICT;

CREATE TABLE burials (
  world    INTEGER NOT NULL,
  key      TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
  tile_id  INTEGER NOT NULL,
  spawn    INTEGER NOT NULL,
  PRIMARY KEY (world, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  world    INTEGER NOT NULL,
  tile_id  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER loot_tiles_are_kept BEFORE DELETE ON loot_tiles BEGIN
  SELECT RAISE(ABORT, 'rows of loot_tiles are never deleted: set spawn = 0, budget = 0 instead');
END;

-- INSERT OR REPLACE would delete without the trigger above.
CREATE TRIGGER loot_tiles_insert_is_new BEFORE INSERT ON loot_tiles
WHEN EXISTS (SELECT 1 FROM loot_tiles WHERE world = NEW.world AND tile_id = NEW.tile_id) BEGIN
  SELECT RAISE(ABORT, 'the tile has a row already: UPDATE it');
END;

CREATE TRIGGER loot_tiles_insert_has_stock BEFORE INSERT ON loot_tiles
WHEN NOT (NEW.version = 1 AND NEW.sold_out = 0 AND
          iif(NEW.spawn = 0, NEW.budget = 0,
              EXISTS (SELECT 1 FROM stock WHERE spawn = NEW.spawn AND remaining = NEW.budget)))
BEGIN
  SELECT RAISE(ABORT, 'a spawn has as much in stock as its budget; none is spawn 0, budget 0');
END;

CREATE TRIGGER loot_tiles_stay BEFORE UPDATE OF world, tile_id ON loot_tiles
WHEN NEW.world <> OLD.world OR NEW.tile_id <> OLD.tile_id BEGIN
  SELECT RAISE(ABORT, 'a row of loot_tiles cannot move to another tile');
END;

CREATE TRIGGER loot_tiles_version_counts BEFORE UPDATE OF version ON loot_tiles
WHEN NEW.version NOT IN (OLD.version, OLD.version + 1) BEGIN
  SELECT RAISE(ABORT, 'the version of a tile counts by itself: leave it out of the UPDATE');
END;

CREATE TRIGGER loot_tiles_budget_is_fixed BEFORE UPDATE OF budget ON loot_tiles
WHEN NEW.spawn = OLD.spawn AND NEW.budget <> OLD.budget BEGIN
  SELECT RAISE(ABORT, 'the budget of a spawn never changes: bury again');
END;

CREATE TRIGGER loot_tiles_sold_out_is_true BEFORE UPDATE OF sold_out ON loot_tiles
WHEN NEW.spawn = OLD.spawn AND NEW.sold_out <> OLD.sold_out AND
     NEW.sold_out <> coalesce((SELECT remaining = 0 FROM stock WHERE spawn = NEW.spawn), 0) BEGIN
  SELECT RAISE(ABORT, 'sold_out says whether the stock is used up: it cannot be set by hand');
END;

CREATE TRIGGER loot_tiles_spawn_has_stock BEFORE UPDATE OF spawn ON loot_tiles
WHEN NEW.spawn <> OLD.spawn AND NOT (NEW.sold_out = 0 AND
     iif(NEW.spawn = 0, NEW.budget = 0,
         EXISTS (SELECT 1 FROM stock WHERE spawn = NEW.spawn AND remaining = NEW.budget))) BEGIN
  SELECT RAISE(ABORT, 'a spawn has as much in stock as its budget; none is spawn 0, budget 0');
END;

CREATE TRIGGER loot_tiles_spawn_is_done AFTER UPDATE OF spawn ON loot_tiles
WHEN NEW.spawn <> OLD.spawn AND OLD.spawn <> 0 BEGIN
  INSERT INTO spawns_done (spawn, world, tile_id, budget, remaining)
    SELECT spawn, OLD.world, OLD.tile_id, OLD.budget, remaining FROM stock WHERE spawn = OLD.spawn;
  DELETE FROM stock WHERE spawn = OLD.spawn;
END;

CREATE TRIGGER loot_tiles_insert_is_told AFTER INSERT ON loot_tiles BEGIN
  INSERT INTO changes (world, tile_id) VALUES (NEW.world, NEW.tile_id);
END;

CREATE TRIGGER loot_tiles_update_is_told
AFTER UPDATE OF spawn, loot_table, budget, opens_us, closes_us, buried_at_us, sold_out ON loot_tiles
WHEN NEW.spawn <> OLD.spawn OR NEW.loot_table <> OLD.loot_table OR NEW.budget <> OLD.budget OR
     NEW.opens_us IS NOT OLD.opens_us OR NEW.closes_us IS NOT OLD.closes_us OR
     NEW.buried_at_us <> OLD.buried_at_us OR NEW.sold_out <> OLD.sold_out BEGIN
  UPDATE loot_tiles SET version = OLD.version + 1
    WHERE world = NEW.world AND tile_id = NEW.tile_id;
  INSERT INTO changes (world, tile_id) VALUES (NEW.world, NEW.tile_id);
END;

CREATE TRIGGER stock_never_grows BEFORE UPDATE ON stock
WHEN NEW.spawn <> OLD.spawn OR NEW.remaining > OLD.remaining BEGIN
  SELECT RAISE(ABORT, 'the stock of a spawn never grows: bury again');
END;

CREATE TRIGGER stock_is_accounted_for BEFORE DELETE ON stock
WHEN NOT EXISTS (SELECT 1 FROM spawns_done WHERE spawn = OLD.spawn) BEGIN
  SELECT RAISE(ABORT, 'the stock of a spawn goes when its tile gets another one');
END;

CREATE TRIGGER grants_do_not_change BEFORE UPDATE ON grants BEGIN
  SELECT RAISE(ABORT, 'rows of the ledger never change');
END;

CREATE TRIGGER grants_are_kept BEFORE DELETE ON grants BEGIN
  SELECT RAISE(ABORT, 'rows of the ledger are never deleted');
END;

INSERT INTO ranges (first_world, first_tile_id, state, epoch)
  VALUES (0, -9223372036854775808, 'owned', 1);
