-- Whose the store is: filled in with random bytes right after this; without a name nobody has named
-- it yet. The key is in a table of its own: whoever only reads must not have it.
--
-- Spawn ids that do not come back when an old copy of the database does: at least the milliseconds
-- since 2024 times 256, which is past all that was handed out since the copy was made. A clock
-- before 2024 or after 2058 is not believed; one that goes back does no harm: the sequence counts.

ALTER TABLE meta ADD COLUMN hunt_id uuid, ADD COLUMN ledger_id uuid,
  ADD COLUMN hunt_name text CHECK (octet_length(hunt_name) BETWEEN 1 AND 32);
CREATE TABLE hunt_key (
  one  boolean PRIMARY KEY DEFAULT true CHECK (one),
  key  bytea NOT NULL CHECK (length(key) = 32)
);

CREATE FUNCTION join_hunt(the_id uuid, the_name text, the_key bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  mine meta;
BEGIN
  SELECT * INTO mine FROM meta FOR UPDATE;
  IF mine.hunt_id = the_id AND the_name IN ('', mine.hunt_name) THEN RETURN; END IF;
  IF mine.hunt_name IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'HU004', MESSAGE = format(
      'the store belongs to the hunt "%s" already', mine.hunt_name);
  END IF;
  UPDATE meta SET hunt_id = the_id, hunt_name = nullif(the_name, '');
  UPDATE hunt_key SET key = the_key;
END $$;

CREATE FUNCTION spawn_floor() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN ms BETWEEN 0 AND 1099511627775 THEN ms << 8 ELSE 0 END
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1704067200000 AS ms) t
$$;

-- Ascending. The lock keeps others from drawing between the look at the sequence and its jump; it
-- is not kept until the commit, and whoever has it waits for nothing.
CREATE FUNCTION new_spawns(how_many bigint) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  shard_bits bigint := (SELECT shard::bigint << 48 FROM meta);
  numbers bigint[];
BEGIN
  PERFORM pg_advisory_lock(18436::bigint << 48);
  IF (SELECT last_value + is_called::int FROM spawn_number) < spawn_floor() THEN
    PERFORM setval('spawn_number', spawn_floor(), false);
  END IF;
  SELECT array_agg(nextval('spawn_number')) INTO numbers FROM generate_series(1, how_many);
  PERFORM pg_advisory_unlock(18436::bigint << 48);
  IF numbers[how_many] >> 48 > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'HU005', MESSAGE = 'this shard has no spawn ids left';
  END IF;
  RETURN (SELECT array_agg(shard_bits | number ORDER BY number) FROM unnest(numbers) AS n(number));
EXCEPTION WHEN query_canceled OR lock_not_available OR deadlock_detected THEN
  PERFORM pg_advisory_unlock(18436::bigint << 48);
  RAISE;
END $$;

-- In full: what a function is like is read out of its last definition here (schema_parts.h).
CREATE OR REPLACE FUNCTION bury(
  the_world bigint, tiles bigint[], tables text[], budgets bigint[], opens bigint[],
  closes bigint[], keys text[], test_now_us bigint DEFAULT NULL)
RETURNS TABLE (place bigint, tile bigint, spawn bigint, unchanged boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  the_now_us bigint;
  locked_ranges bigint[];
  foreign_place bigint;
  new_places bigint[];
  new_spawns bigint[];
  new_turns bigint[];
BEGIN
  PERFORM require_timeline();
  IF NOT EXISTS (SELECT FROM worlds WHERE id = the_world) THEN
    RAISE EXCEPTION USING ERRCODE = 'HU003', MESSAGE = format(
      'there is no world %s; create it first (PUT /v1/worlds/<name>)', the_world);
  END IF;
  locked_ranges := lock_ranges(array_fill(the_world, ARRAY[cardinality(tiles)]), tiles);
  PERFORM pg_advisory_xact_lock(18435::bigint << 48 | the_world);
  PERFORM FROM loot_tiles t WHERE t.world = the_world AND t.tile_id = ANY (tiles)
    ORDER BY t.tile_id FOR NO KEY UPDATE OF t;
  the_now_us := coalesce(test_now_us, now_us());

  -- What is new: without a key, or the first of its key. A tile that comes twice has two turns.
  SELECT array_agg(a.place), array_agg(a.turn),
         new_spawns(count(*))
    INTO new_places, new_turns, new_spawns
    FROM (SELECT a.place, row_number() OVER (PARTITION BY a.tile ORDER BY a.place) AS turn
          FROM (SELECT a.*, row_number() OVER (PARTITION BY a.key ORDER BY a.place) AS of_key
                FROM unnest(tiles, keys) WITH ORDINALITY AS a(tile, key, place)) a
          WHERE a.key IS NULL OR (a.of_key = 1 AND NOT EXISTS (
            SELECT FROM burials b WHERE b.world = the_world AND b.key = a.key))
          ORDER BY turn, a.place) a;
  SELECT a.place INTO foreign_place FROM unnest(new_places) AS a(place)
    CROSS JOIN LATERAL range_of(the_world, tiles[a.place]) r
    WHERE NOT (r.owned AND r.id = ANY (locked_ranges)) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HU002', DETAIL = foreign_place, MESSAGE =
      'a tile belongs to another shard now; ask for the shard map and bury there';
  END IF;
  FOR this_turn IN 1 .. coalesce(new_turns[cardinality(new_turns)], 0) LOOP
    INSERT INTO stock (spawn, remaining)
      SELECT a.spawn, budgets[a.place]
      FROM unnest(new_places, new_spawns, new_turns) AS a(place, spawn, turn)
      WHERE a.turn = this_turn;
    INSERT INTO loot_tiles AS t (world, tile_id, spawn, loot_table, budget, opens_us, closes_us,
                                 buried_at_us)
      SELECT the_world, tiles[a.place], a.spawn, tables[a.place], budgets[a.place],
             opens[a.place], closes[a.place], the_now_us
      FROM unnest(new_places, new_spawns, new_turns) AS a(place, spawn, turn)
      WHERE a.turn = this_turn
      ON CONFLICT (world, tile_id) DO UPDATE SET spawn = excluded.spawn,
        loot_table = excluded.loot_table, budget = excluded.budget, opens_us = excluded.opens_us,
        closes_us = excluded.closes_us, buried_at_us = excluded.buried_at_us, sold_out = false;
  END LOOP;
  INSERT INTO burials (world, key, tile_id, spawn)
    SELECT the_world, keys[a.place], tiles[a.place], a.spawn
    FROM unnest(new_places, new_spawns) AS a(place, spawn) WHERE keys[a.place] IS NOT NULL;

  RETURN QUERY
  SELECT a.place, coalesce(n.tile, b.tile_id), coalesce(n.spawn, b.spawn), n.spawn IS NULL
  FROM unnest(keys) WITH ORDINALITY AS a(key, place)
  LEFT JOIN (SELECT n.place, tiles[n.place] AS tile, n.spawn
             FROM unnest(new_places, new_spawns) AS n(place, spawn)) n ON n.place = a.place
  LEFT JOIN burials b ON n.place IS NULL AND b.world = the_world AND b.key = a.key
  ORDER BY a.place;
END $$;

-- bury() drew its ids a moment ago; ten minutes are far above that and below any backup's age.
CREATE FUNCTION stock_spawns_are_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_stock s, meta m WHERE s.spawn >> 48 <> m.shard OR
             s.spawn & 281474976710655 < spawn_floor() - (600000::bigint << 8)) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'a restored database may have used this spawn id, or it is another shard''s: use bury()';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER spawns_are_new AFTER INSERT ON stock REFERENCING NEW TABLE AS new_stock
  FOR EACH STATEMENT EXECUTE FUNCTION stock_spawns_are_new();

REVOKE ALL ON FUNCTION join_hunt, spawn_floor, new_spawns, stock_spawns_are_new FROM PUBLIC;
GRANT SELECT ON hunt_key TO hunt_ingest, hunt_relay;
GRANT EXECUTE ON FUNCTION join_hunt TO hunt_ingest;
