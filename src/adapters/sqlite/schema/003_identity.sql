-- Whose the store is: NULL until it is filled in with random bytes, right after this; without a
-- name nobody has named it yet.
--
-- Spawn ids that do not come back when an old copy of the file does: at least the milliseconds
-- since 2024 times 256, which is past all that was handed out since the copy was made. A clock
-- before 2024 or after 2058 is not believed; one that goes back does no harm: the last id counts.

ALTER TABLE meta ADD COLUMN hunt_id BLOB CHECK (length(hunt_id) = 16);
ALTER TABLE meta ADD COLUMN hunt_name TEXT CHECK (length(hunt_name) BETWEEN 1 AND 32);
ALTER TABLE meta ADD COLUMN hunt_key BLOB CHECK (length(hunt_key) = 32);  -- secret
ALTER TABLE meta ADD COLUMN ledger_id BLOB CHECK (length(ledger_id) = 16);

CREATE VIEW spawn_floor (shard, least) AS
  SELECT shard, (shard << 48) + iif(ms BETWEEN 0 AND 1099511627775, ms << 8, 0)
  FROM (SELECT shard, CAST((julianday('now') - 2460310.5) * 86400000 AS INTEGER) AS ms FROM meta);

CREATE VIEW next_spawn (spawn) AS
  SELECT max(least, 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'stock'),
                                 shard << 48))
  FROM spawn_floor;

-- Whoever buries many takes the first id from next_spawn and counts on: not for ten minutes.
CREATE TRIGGER stock_spawn_is_new AFTER INSERT ON stock
WHEN NEW.spawn NOT BETWEEN (SELECT least - (600000 << 8) FROM spawn_floor)
                   AND (SELECT (shard << 48) + 281474976710655 FROM meta) BEGIN
  SELECT RAISE(ABORT, 'not a fresh spawn id of this shard: take the one of the view next_spawn');
END;
