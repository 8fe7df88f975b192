PRAGMA application_id = 1213550164;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
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
INSERT INTO "changes" VALUES(1,1,4611686018427387904);
INSERT INTO "changes" VALUES(2,1,-1537228672809129301);
INSERT INTO "changes" VALUES(3,1,-1537228672809129300);
INSERT INTO "changes" VALUES(4,1,-1537228672809129305);
INSERT INTO "changes" VALUES(5,1,4611686018427387904);
INSERT INTO "changes" VALUES(6,1,-1537228672809129301);
INSERT INTO "changes" VALUES(7,1,-1537228672809129300);
INSERT INTO "changes" VALUES(8,1,-1537228672809129305);
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
INSERT INTO "grants" VALUES(1,X'C3175B59A2B6B4DBC26ABE24F0F502E6','granted',1,4611686018427387904,23543546337280,X'00000000000040008000000000000000','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177884005,1796034177884005);
INSERT INTO "grants" VALUES(2,X'44363E0BC93828D55BCCB7F7EA2C5FFC','granted',1,4611686018427387904,23543546337280,X'00000000000040008000000000000001','meteor_trail','8618fbfc9aadf2af',-5703184453544958155,1796034177884005,1796034177884005);
INSERT INTO "grants" VALUES(3,X'59A043447E10D46A5426285323714482','granted',1,-1537228672809129301,23543546337281,X'0000000000004000800000000000000A','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177891124,1796034177891124);
INSERT INTO "grants" VALUES(4,X'CEB540DE204A7C468F8BF882B1419180','granted',1,-1537228672809129301,23543546337281,X'0000000000004000800000000000000B','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177891124,1796034177891124);
INSERT INTO "grants" VALUES(5,X'A8B8195A86FAEBEE6FD3A80459BCE19C','granted',1,-1537228672809129300,23543546337282,X'00000000000040008000000000000014','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177892625,1796034177892625);
INSERT INTO "grants" VALUES(6,X'9D4EBCD4754D8F6020EAA13BB2F36450','granted',1,-1537228672809129300,23543546337282,X'00000000000040008000000000000015','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177892625,1796034177892625);
INSERT INTO "grants" VALUES(7,X'F1E8F9B06E492407A7A0DA56300A0D5E','granted',1,-1537228672809129305,23543546337283,X'0000000000004000800000000000001E','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177897866,1796034177897866);
INSERT INTO "grants" VALUES(8,X'BCD4A84E87E18123A3E086114266DE05','granted',1,-1537228672809129305,23543546337283,X'0000000000004000800000000000001F','star_shard','8618fbfc9aadf2af',-5703184453544958155,1796034177897866,1796034177897866);
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
INSERT INTO "loot_tiles" VALUES(1,-1537228672809129305,2,23543546337283,'starlight',2,NULL,NULL,1796034177881357,1);
INSERT INTO "loot_tiles" VALUES(1,-1537228672809129301,2,23543546337281,'starlight',2,NULL,NULL,1796034177881357,1);
INSERT INTO "loot_tiles" VALUES(1,-1537228672809129300,2,23543546337282,'starlight',2,NULL,NULL,1796034177881357,1);
INSERT INTO "loot_tiles" VALUES(1,4611686018427387904,2,23543546337280,'starlight',2,NULL,NULL,1796034177881357,1);
CREATE TABLE meta (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  shard       INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 32767),
  epoch       INTEGER NOT NULL CHECK (epoch >= 1),
  timeline    TEXT NOT NULL,  -- identity of this file, made once
  seed_id     INTEGER NOT NULL,
  created_us  INTEGER NOT NULL
, told_change INTEGER, told_grant INTEGER, hunt_id BLOB CHECK (length(hunt_id) = 16), hunt_name TEXT CHECK (length(hunt_name) BETWEEN 1 AND 32), hunt_key BLOB CHECK (length(hunt_key) = 32), ledger_id BLOB CHECK (length(ledger_id) = 16), kept_stream INTEGER, kept_last INTEGER) STRICT;
INSERT INTO "meta" VALUES(1,0,1,'9003918b71eb0232',-5703184453544958155,1796034177835433,8,8,X'CE5A3980E4871EB740F80FCF5988855D','hunt',X'1E17CA7C4FD97FD175EBD7525F6875B6728FB9E7E359F8135198CC9F2AC579BF',X'12F30B22DA528C3412860A02F6F36C59',0,0);
CREATE TABLE ranges (
  first_world    INTEGER NOT NULL,
  first_tile_id  INTEGER NOT NULL,
  state          TEXT NOT NULL,  -- 'owned', or anything else: claims here are answered "moved"
  epoch          INTEGER NOT NULL CHECK (epoch >= 1),
  PRIMARY KEY (first_world, first_tile_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "ranges" VALUES(0,-9223372036854775808,'owned',1);
CREATE TABLE seeds (
  seed_id  INTEGER PRIMARY KEY,  -- first 64 bits of SHA-256(seed), as a signed number
  seed     BLOB NOT NULL CHECK (length(seed) = 32)  -- secret until it is revealed
) STRICT;
INSERT INTO "seeds" VALUES(-5703184453544958155,X'CE2C02E0F25DBB9CF4559274A5549ADF2BFE1E283BFD86691BEA86114E4781DA');
CREATE TABLE spawns_done (
  spawn      INTEGER PRIMARY KEY,
  world      INTEGER NOT NULL,
  tile_id    INTEGER NOT NULL,
  budget     INTEGER NOT NULL,
  remaining  INTEGER NOT NULL CHECK (remaining >= 0)
) STRICT;
CREATE TABLE stock (
  spawn      INTEGER PRIMARY KEY AUTOINCREMENT,
  remaining  INTEGER NOT NULL CHECK (remaining >= 0)
) STRICT;
INSERT INTO "stock" VALUES(23543546337280,0);
INSERT INTO "stock" VALUES(23543546337281,0);
INSERT INTO "stock" VALUES(23543546337282,0);
INSERT INTO "stock" VALUES(23543546337283,0);
CREATE TABLE worlds (
  id          INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
  name        TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
  created_us  INTEGER NOT NULL
) STRICT;
INSERT INTO "worlds" VALUES(1,'demo',1796034177835433);
CREATE UNIQUE INDEX loot_tiles_spawn ON loot_tiles (spawn) WHERE spawn <> 0;
CREATE TRIGGER loot_tiles_are_kept BEFORE DELETE ON loot_tiles BEGIN
  SELECT RAISE(ABORT, 'rows of loot_tiles are never deleted: set spawn = 0, budget = 0 instead');
END;
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
CREATE VIEW spawn_floor (shard, least) AS
  SELECT shard, (shard << 48) + iif(ms BETWEEN 0 AND 1099511627775, ms << 8, 0)
  FROM (SELECT shard, CAST((julianday('now') - 2460310.5) * 86400000 AS INTEGER) AS ms FROM meta);
CREATE VIEW next_spawn (spawn) AS
  SELECT max(least, 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'stock'),
                                 shard << 48))
  FROM spawn_floor;
CREATE TRIGGER stock_spawn_is_new AFTER INSERT ON stock
WHEN NEW.spawn NOT BETWEEN (SELECT least - (600000 << 8) FROM spawn_floor)
                   AND (SELECT (shard << 48) + 281474976710655 FROM meta) BEGIN
  SELECT RAISE(ABORT, 'not a fresh spawn id of this shard: take the one of the view next_spawn');
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('stock',23543546337283);
INSERT INTO "sqlite_sequence" VALUES('changes',8);
INSERT INTO "sqlite_sequence" VALUES('grants',8);
COMMIT;
