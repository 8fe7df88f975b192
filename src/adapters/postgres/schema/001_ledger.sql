-- Conventions: times are microseconds since 1970 UTC, NULL is unbounded; tile_id is the Z-order
-- code minus 2^63, so that signed order is the code's order; ids of 128 bits are uuids.
--
-- A human in psql may UPDATE loot_table, opens_us and closes_us of a tile, empty a tile (spawn = 0,
-- budget = 0), and bury with the function bury(); the triggers keep versions and stock right or
-- refuse. Advisory locks: a number of 16 bits for what is locked, then 48 bits for which.

CREATE TABLE meta (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  shard       integer NOT NULL CHECK (shard BETWEEN 0 AND 32767),
  epoch       bigint NOT NULL CHECK (epoch BETWEEN 1 AND 8191),
  timeline    text NOT NULL,  -- of the server that the epoch is about: server_timeline()
  seed_id     bigint NOT NULL,
  map_version bigint NOT NULL DEFAULT 1,
  map_shards  bigint NOT NULL DEFAULT 1,
  created_us  bigint NOT NULL
);

-- The whole shard map, the same in every shard; `ranges` says what follows from it for this one.
CREATE TABLE shard_map (
  first_world    bigint NOT NULL,
  first_tile_id  bigint NOT NULL,
  shard          bigint NOT NULL,
  PRIMARY KEY (first_world, first_tile_id)
);

CREATE TABLE seeds (
  seed_id  bigint PRIMARY KEY,  -- first 64 bits of SHA-256(seed), as a signed number
  seed     bytea NOT NULL CHECK (length(seed) = 32)  -- secret until it is revealed
);

CREATE TABLE worlds (
  id          bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
  name        text NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 64),
  created_us  bigint NOT NULL
);

-- Each row reaches to the next one, so the list covers everything from its first row on.
CREATE TABLE ranges (
  first_world    bigint NOT NULL,
  first_tile_id  bigint NOT NULL,
  id             bigint NOT NULL UNIQUE GENERATED ALWAYS AS IDENTITY,  -- names its lock
  state          text NOT NULL,  -- 'owned', or anything else: claims here are answered "moved"
  epoch          bigint NOT NULL CHECK (epoch BETWEEN 1 AND 8191),
  PRIMARY KEY (first_world, first_tile_id)
);

-- A sequence is never rolled back: a spawn id must not come back, for old claim ids would, too.
CREATE SEQUENCE spawn_number;

-- Not published: a grant that is not the last invalidates no copy of its tile.
CREATE TABLE stock (
  spawn      bigint PRIMARY KEY,
  remaining  bigint NOT NULL CHECK (remaining >= 0)
) WITH (fillfactor = 50);

CREATE TABLE spawns_done (
  spawn      bigint PRIMARY KEY,
  world      bigint NOT NULL,
  tile_id    bigint NOT NULL,
  budget     bigint NOT NULL,
  remaining  bigint NOT NULL CHECK (remaining >= 0)
);

CREATE TABLE loot_tiles (
  world         bigint NOT NULL CHECK (world BETWEEN 1 AND 4294967295),
  tile_id       bigint NOT NULL,
  version       bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 1099511627775),
  spawn         bigint NOT NULL DEFAULT 0 CHECK (spawn >= 0),  -- 0: empty
  loot_table    text NOT NULL DEFAULT '' CHECK (octet_length(loot_table) <= 64),
  budget        bigint NOT NULL DEFAULT 0 CHECK (budget BETWEEN 0 AND 1000000),
  opens_us      bigint,
  closes_us     bigint,
  buried_at_us  bigint NOT NULL DEFAULT 0,
  sold_out      boolean NOT NULL DEFAULT false,
  PRIMARY KEY (world, tile_id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX loot_tiles_spawn ON loot_tiles (spawn) WHERE spawn <> 0;

-- The ledger. `cursor` is the order in which its readers see it: see ledger_settled(). Its upper
-- 16 bits are the shard, so that it tells whose ledger it is a place in.
CREATE SEQUENCE ledger_cursor;
CREATE TABLE grants (
  claim_id  uuid PRIMARY KEY,
  outcome   text NOT NULL CHECK (outcome IN ('granted', 'aborted')),
  world     bigint NOT NULL,
  tile_id   bigint NOT NULL,
  spawn     bigint NOT NULL,
  player    uuid NOT NULL,
  item      text NOT NULL,
  rules     text NOT NULL,
  seed_id   bigint NOT NULL,
  as_of_us  bigint NOT NULL,
  at_us     bigint NOT NULL,
  cursor    bigint NOT NULL DEFAULT nextval('ledger_cursor') UNIQUE
);

CREATE TABLE burials (
  world    bigint NOT NULL,
  key      text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 128),
  tile_id  bigint NOT NULL,
  spawn    bigint NOT NULL,
  PRIMARY KEY (world, key)
);

-- How far the relay has told the changes (a place in the log) and the grants (a ledger cursor);
-- NULL: nobody ever followed them. What lies before slot_from is gone.
CREATE TABLE feed (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  told_lsn    bigint,
  told_grant  bigint,
  slot_from   bigint,
  holder      text,  -- the relay that has the feed
  beat        bigint NOT NULL DEFAULT 0
);
INSERT INTO feed DEFAULT VALUES;

CREATE FUNCTION now_us() RETURNS bigint LANGUAGE sql VOLATILE AS
  $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- Which server this is and since which promotion: its history may differ from others after that.
CREATE FUNCTION server_timeline() RETURNS text LANGUAGE sql VOLATILE AS
  $$ SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
     FROM pg_control_system() $$;

CREATE FUNCTION require_timeline() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- server_timeline(), written out: its plan is kept.
  PERFORM FROM meta m, pg_control_system() c
    WHERE m.timeline = c.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HU001', MESSAGE =
      'this server was promoted or restored and its relay has not raised the epoch yet';
  END IF;
END $$;

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
END $$;

CREATE FUNCTION loot_tiles_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  stocked boolean;
BEGIN
  IF TG_OP = 'INSERT' OR NEW.spawn <> OLD.spawn THEN
    stocked := CASE WHEN NEW.spawn = 0 THEN NEW.budget = 0 ELSE
      EXISTS (SELECT FROM stock WHERE spawn = NEW.spawn AND remaining = NEW.budget) END;
    IF NEW.sold_out OR NOT stocked THEN
      RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
        'a spawn has as much in stock as its budget; none is spawn 0, budget 0: use bury()';
    END IF;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.version <> 1 THEN
      RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
        'the version of a tile counts by itself, from 1: leave it out of the INSERT';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.world <> OLD.world OR NEW.tile_id <> OLD.tile_id THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'a row of loot_tiles cannot move to another tile';
  END IF;
  IF NEW.version <> OLD.version THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'the version of a tile counts by itself: leave it out of the UPDATE';
  END IF;
  IF NEW.spawn = OLD.spawn AND NEW.budget <> OLD.budget THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'the budget of a spawn never changes: bury again';
  END IF;
  IF NEW.spawn = OLD.spawn AND NEW.sold_out <> OLD.sold_out AND NEW.sold_out IS DISTINCT FROM
     coalesce((SELECT remaining = 0 FROM stock WHERE spawn = NEW.spawn), false) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'sold_out says whether the stock is used up: it cannot be set by hand';
  END IF;
  IF NEW IS DISTINCT FROM OLD THEN NEW.version := OLD.version + 1; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER rules BEFORE INSERT OR UPDATE ON loot_tiles
  FOR EACH ROW EXECUTE FUNCTION loot_tiles_rules();

CREATE FUNCTION loot_tiles_spawn_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO spawns_done (spawn, world, tile_id, budget, remaining)
    SELECT spawn, OLD.world, OLD.tile_id, OLD.budget, remaining FROM stock WHERE spawn = OLD.spawn;
  DELETE FROM stock WHERE spawn = OLD.spawn;
  RETURN NULL;
END $$;
CREATE TRIGGER spawn_done AFTER UPDATE ON loot_tiles
  FOR EACH ROW WHEN (NEW.spawn <> OLD.spawn AND OLD.spawn <> 0)
  EXECUTE FUNCTION loot_tiles_spawn_done();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON loot_tiles EXECUTE FUNCTION
  refuse('rows of loot_tiles are never deleted: set spawn = 0, budget = 0 instead');

CREATE TRIGGER never_grows BEFORE UPDATE ON stock
  FOR EACH ROW WHEN (NEW.spawn <> OLD.spawn OR NEW.remaining > OLD.remaining)
  EXECUTE FUNCTION refuse('the stock of a spawn never grows: bury again');
CREATE FUNCTION stock_accounted_for() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM spawns_done WHERE spawn = OLD.spawn) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'the stock of a spawn goes when its tile gets another one';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER accounted_for BEFORE DELETE ON stock
  FOR EACH ROW EXECUTE FUNCTION stock_accounted_for();
CREATE TRIGGER kept BEFORE TRUNCATE ON stock EXECUTE FUNCTION
  refuse('the stock of a spawn goes when its tile gets another one');

CREATE TRIGGER do_not_change BEFORE UPDATE OR DELETE OR TRUNCATE ON grants EXECUTE FUNCTION
  refuse('rows of the ledger never change and are never deleted');

-- Cursors are drawn in one order and committed in another. So whoever writes grants holds a lock
-- whose number is at most the cursors that it draws; what lies below all of these is settled.
CREATE FUNCTION grants_enter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(
    (18433::bigint << 48) | ((last_value + is_called::int) & 281474976710655)) FROM ledger_cursor;
  RETURN NULL;
END $$;
CREATE TRIGGER enter BEFORE INSERT ON grants EXECUTE FUNCTION grants_enter();

-- Rows up to this cursor are there or will never be. Read them in a later statement than this one.
-- It may go back a little, where somebody read the sequence and then was slow to lock.
CREATE FUNCTION ledger_settled() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  newest bigint;
  unsettled bigint;
BEGIN
  -- In this order: who locks after the second look draws later numbers than the first one saw.
  SELECT last_value - (NOT is_called)::int INTO newest FROM ledger_cursor;
  SELECT min((classid::bigint & 65535) << 32 | objid::bigint) INTO unsettled FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 18433
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  RETURN least(newest, ((newest >> 48) << 48) + unsettled - 1);
END $$;

-- One row. RETURNS TABLE, so that it becomes a part of the statement that asks.
CREATE FUNCTION range_of(the_world bigint, tile bigint)
RETURNS TABLE (id bigint, owned boolean, epoch bigint) LANGUAGE sql STABLE AS $$
  SELECT r.id, r.state = 'owned', r.epoch FROM ranges r
  WHERE (r.first_world, r.first_tile_id) <= (the_world, tile)
  ORDER BY r.first_world DESC, r.first_tile_id DESC LIMIT 1
$$;

-- Takes the locks of the ranges of these tiles, in order: whoever moves a range waits for us, and
-- we for them. Returns their ids.
CREATE FUNCTION lock_ranges(worlds bigint[], tiles bigint[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
  range_id bigint;
BEGIN
  IF (SELECT count(*) FROM ranges) = 1 THEN
    SELECT array_agg(id) INTO ids FROM ranges;
  ELSE
    SELECT array_agg(DISTINCT r.id ORDER BY r.id) INTO ids
      FROM unnest(worlds, tiles) AS a(world, tile), range_of(a.world, a.tile) r;
  END IF;
  FOREACH range_id IN ARRAY coalesce(ids, '{}') LOOP
    PERFORM pg_advisory_xact_lock_shared(18434::bigint << 48 | range_id);
  END LOOP;
  RETURN ids;
END $$;

-- One call, one transaction: see docs/ARCHITECTURE.md. A verdict for each claim, by its place:
-- granted, sold_out, closed, nothing, expired or moved. test_now_us: NULL, but in tests.
CREATE FUNCTION grant_claims(
  worlds bigint[], tiles bigint[], spawns bigint[], players uuid[], claims uuid[], items text[],
  rule_versions text[], seeds bigint[], as_ofs bigint[], test_now_us bigint)
RETURNS TABLE (place bigint, verdict text, repeated boolean, item text, rules text,
               lock_us bigint, exec_us bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  began timestamptz := clock_timestamp();
  locked timestamptz;
  locked_ranges bigint[];
  all_owned boolean;  -- there is one range, and it is: nobody has to look at each claim's
  the_now_us bigint;
  places bigint[];
  opens bigint[];
  closes bigint[];
  burieds bigint[];
  granted_count bigint;
  emptied bigint[];
BEGIN
  PERFORM require_timeline();
  locked_ranges := lock_ranges(worlds, tiles);
  SELECT count(*) = 1 AND bool_and(state = 'owned' AND id = ANY (locked_ranges)) INTO all_owned
    FROM ranges;
  -- All tiles that are there are locked; kept are those of which the claim's spawn is.
  SELECT array_agg(l.place), array_agg(l.opens_us), array_agg(l.closes_us),
         array_agg(l.buried_at_us)
    INTO places, opens, closes, burieds
    FROM (SELECT a.place, a.spawn = t.spawn AS there, t.opens_us, t.closes_us, t.buried_at_us,
                 all_owned OR r.owned AND r.id = ANY (locked_ranges) AS owned
          FROM unnest(worlds, tiles, spawns) WITH ORDINALITY AS a(world, tile, spawn, place)
          JOIN loot_tiles t ON t.world = a.world AND t.tile_id = a.tile
          LEFT JOIN LATERAL (SELECT * FROM range_of(a.world, a.tile) WHERE NOT all_owned) r ON true
          ORDER BY t.world, t.tile_id FOR NO KEY UPDATE OF t) l
    WHERE l.there AND l.owned;
  locked := clock_timestamp();
  the_now_us := coalesce(test_now_us, now_us());

  -- First as if no claim were in the ledger or twice in this call: then this is all there is to do.
  -- A statement of its own, so that it sees what was committed while this call waited.
  WITH eligible AS (
    SELECT a.place, spawns[a.place] AS spawn, a.at,
           row_number() OVER (PARTITION BY spawns[a.place] ORDER BY a.place) AS rank
    FROM (SELECT a.*, coalesce(as_ofs[a.place], the_now_us) AS at
          FROM unnest(places, opens, closes, burieds)
            AS a(place, opens_us, closes_us, buried_at_us)) a
    WHERE coalesce(a.opens_us <= a.at, true) AND a.buried_at_us <= a.at
      AND coalesce(a.at < a.closes_us, true) AND a.at <= the_now_us + 1000000
  ), made AS (
    INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules, seed_id,
                        as_of_us, at_us)
    SELECT claims[e.place], 'granted', worlds[e.place], tiles[e.place], e.spawn, players[e.place],
           items[e.place], rule_versions[e.place], seeds[e.place], e.at, the_now_us
    FROM eligible e JOIN stock s ON s.spawn = e.spawn
    WHERE e.spawn <> 0 AND e.rank <= s.remaining ORDER BY e.place
    ON CONFLICT (claim_id) DO NOTHING
    RETURNING spawn
  ), taken AS (
    UPDATE stock s SET remaining = s.remaining - m.taken
    FROM (SELECT spawn, count(*) AS taken FROM made GROUP BY spawn) m WHERE s.spawn = m.spawn
    RETURNING s.spawn, s.remaining, m.taken
  )
  SELECT sum(taken), array_agg(spawn) FILTER (WHERE remaining = 0)
    INTO granted_count, emptied FROM taken;
  IF granted_count = cardinality(claims) THEN
    IF emptied IS NOT NULL THEN
      UPDATE loot_tiles t SET sold_out = true
      FROM unnest(emptied) AS e(spawn) WHERE t.spawn = e.spawn AND t.spawn <> 0;
    END IF;
    RETURN QUERY
    SELECT a.place, 'granted', false, a.item, a.rules,
      (extract(epoch FROM locked - began) * 1000000)::bigint,
      (extract(epoch FROM clock_timestamp() - locked) * 1000000)::bigint
    FROM unnest(items, rule_versions) WITH ORDINALITY AS a(item, rules, place);
    RETURN;
  END IF;

  -- Some were not: now those that are not in the ledger. A repeat has no part in the stock.
  -- Of twins the first one that fits: another may have come too early or too late.
  WITH asked AS (
    SELECT a.*, coalesce(a.as_of, the_now_us) AS at
    FROM unnest(worlds, tiles, spawns, players, claims, items, rule_versions, seeds, as_ofs)
      WITH ORDINALITY AS a(world, tile, spawn, player, claim, item, rules, seed, as_of, place)
  ), eligible AS (
    SELECT DISTINCT ON (a.claim) a.*, s.remaining
    FROM asked a
    JOIN loot_tiles t ON t.world = a.world AND t.tile_id = a.tile AND t.spawn = a.spawn
    JOIN stock s ON s.spawn = a.spawn
    CROSS JOIN LATERAL range_of(a.world, a.tile) r
    WHERE r.owned AND r.id = ANY (locked_ranges)
      AND coalesce(t.opens_us <= a.at, true) AND t.buried_at_us <= a.at
      AND coalesce(a.at < t.closes_us, true) AND a.at <= the_now_us + 1000000
      AND NOT EXISTS (SELECT FROM grants g WHERE g.claim_id = a.claim)
    ORDER BY a.claim, a.place
  ), fit AS (
    SELECT *, row_number() OVER (PARTITION BY spawn ORDER BY place) AS rank FROM eligible
  ), made AS (
    INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules, seed_id,
                        as_of_us, at_us)
    SELECT claim, 'granted', world, tile, spawn, player, item, rules, seed, at, the_now_us
    FROM fit WHERE rank <= remaining ORDER BY place
    ON CONFLICT (claim_id) DO NOTHING
    RETURNING spawn
  )
  UPDATE stock s SET remaining = s.remaining - m.taken
  FROM (SELECT spawn, count(*) AS taken FROM made GROUP BY spawn) m WHERE s.spawn = m.spawn;
  IF FOUND OR emptied IS NOT NULL THEN
    UPDATE loot_tiles t SET sold_out = true
    FROM (SELECT DISTINCT a.world, a.tile, a.spawn
          FROM unnest(worlds, tiles, spawns) AS a(world, tile, spawn)) a
    JOIN stock s ON s.spawn = a.spawn AND s.remaining = 0
    WHERE t.world = a.world AND t.tile_id = a.tile AND t.spawn = a.spawn AND NOT t.sold_out;
  END IF;

  RETURN QUERY
  SELECT a.place,
    CASE WHEN g.outcome = 'granted' THEN 'granted'
         WHEN g.outcome = 'aborted' THEN 'expired'
         WHEN NOT (r.owned AND r.id = ANY (locked_ranges)) THEN 'moved'
         WHEN a.spawn = 0 OR t.spawn IS DISTINCT FROM a.spawn THEN 'nothing'
         WHEN t.opens_us > a.at OR t.buried_at_us > a.at OR t.closes_us <= a.at
           OR a.at > the_now_us + 1000000 THEN 'closed'
         ELSE 'sold_out' END,
    g.xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid OR a.again > 1,
    g.item, g.rules,
    (extract(epoch FROM locked - began) * 1000000)::bigint,
    (extract(epoch FROM clock_timestamp() - locked) * 1000000)::bigint
  FROM (SELECT u.*, coalesce(u.as_of, the_now_us) AS at,
               row_number() OVER (PARTITION BY u.claim ORDER BY u.place) AS again
        FROM unnest(worlds, tiles, spawns, claims, as_ofs)
          WITH ORDINALITY AS u(world, tile, spawn, claim, as_of, place)) a
  LEFT JOIN LATERAL range_of(a.world, a.tile) r ON true
  LEFT JOIN loot_tiles t ON t.world = a.world AND t.tile_id = a.tile
  LEFT JOIN grants g ON g.claim_id = a.claim
  ORDER BY a.place;
END $$;

-- Buries in one transaction, all or nothing; results by place. Burials of a world come one call
-- after the other; the tiles are locked as grant_claims() does.
CREATE FUNCTION bury(
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
         array_agg((SELECT shard::bigint << 48 FROM meta) | nextval('spawn_number'))
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

CREATE FUNCTION close_tiles(the_world bigint, tiles bigint[], test_now_us bigint DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  the_now_us bigint;
  closed bigint;
BEGIN
  PERFORM require_timeline();
  IF NOT EXISTS (SELECT FROM worlds WHERE id = the_world) THEN
    RAISE EXCEPTION USING ERRCODE = 'HU003', MESSAGE = format(
      'there is no world %s; create it first (PUT /v1/worlds/<name>)', the_world);
  END IF;
  PERFORM FROM loot_tiles t WHERE t.world = the_world AND t.tile_id = ANY (tiles)
    ORDER BY t.tile_id FOR NO KEY UPDATE OF t;
  the_now_us := coalesce(test_now_us, now_us());
  UPDATE loot_tiles t SET closes_us = the_now_us
    WHERE t.world = the_world AND t.tile_id = ANY (tiles) AND t.spawn <> 0
      AND coalesce(t.closes_us > the_now_us, true);
  GET DIAGNOSTICS closed = ROW_COUNT;
  RETURN closed;
END $$;

-- Creates, or returns the existing one when id and name match. the_id 0: the next free one.
CREATE FUNCTION create_world(the_id bigint, the_name text, test_now_us bigint DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  found_one worlds;
BEGIN
  PERFORM require_timeline();
  LOCK TABLE worlds IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO found_one FROM worlds WHERE id = the_id OR name = the_name ORDER BY id LIMIT 1;
  IF FOUND THEN
    IF found_one.name = the_name AND the_id IN (0, found_one.id) THEN RETURN found_one.id; END IF;
    RAISE EXCEPTION USING ERRCODE = 'HU004', MESSAGE = format(
      'world %s is called "%s" already; choose another %s', found_one.id, found_one.name,
      CASE WHEN found_one.name = the_name THEN 'name' ELSE 'id' END);
  END IF;
  IF the_id = 0 THEN SELECT coalesce(max(id), 0) + 1 INTO the_id FROM worlds; END IF;
  IF the_id > 4294967295 THEN
    RAISE EXCEPTION USING ERRCODE = 'HU005', MESSAGE =
      'the highest world id is taken; give the new world an id';
  END IF;
  INSERT INTO worlds VALUES (the_id, the_name, coalesce(test_now_us, now_us()));
  RETURN the_id;
END $$;

-- Takes another shard map: by its version, in every shard the same. What this shard gives away may
-- hold no loot. Whoever grants meanwhile is waited for; copies of before are void.
CREATE FUNCTION set_map(version bigint, shards bigint, worlds bigint[], tiles bigint[],
                        owners bigint[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  mine meta;
  given_away record;
BEGIN
  PERFORM require_timeline();
  SELECT * INTO mine FROM meta FOR UPDATE;
  IF set_map.version <= mine.map_version THEN
    RAISE EXCEPTION USING ERRCODE = 'HU004', MESSAGE = format(
      'the shard map has version %s already, the new one %s', mine.map_version, set_map.version);
  END IF;
  PERFORM pg_advisory_xact_lock(18434::bigint << 48 | id)
    FROM (SELECT id FROM ranges ORDER BY id) r;
  DELETE FROM shard_map;
  INSERT INTO shard_map SELECT * FROM unnest(worlds, tiles, owners);
  SELECT t.world, t.tile_id INTO given_away
    FROM (SELECT m.*, lead(first_world) OVER o AS next_world,
                 lead(first_tile_id) OVER o AS next_tile
          FROM shard_map m WINDOW o AS (ORDER BY first_world, first_tile_id)) m
    JOIN loot_tiles t ON (t.world, t.tile_id) >= (m.first_world, m.first_tile_id)
      AND (m.next_world IS NULL OR (t.world, t.tile_id) < (m.next_world, m.next_tile))
    WHERE m.shard <> mine.shard AND t.spawn <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HU006', MESSAGE = format(
      'loot lies in what shard %s would give away (world %s, tile id %s): it cannot be moved',
      mine.shard, given_away.world, given_away.tile_id);
  END IF;
  UPDATE meta SET map_version = set_map.version, map_shards = set_map.shards,
    epoch = 1 + greatest(epoch, (SELECT max(r.epoch) FROM ranges r));
  DELETE FROM ranges;
  INSERT INTO ranges (first_world, first_tile_id, state, epoch)
    SELECT first_world, first_tile_id, CASE shard WHEN mine.shard THEN 'owned' ELSE 'moved' END,
           (SELECT epoch FROM meta) FROM shard_map;
END $$;

-- After a gap in the feed: copies of earlier epochs are void from here on.
-- An epoch raised on a server that was then lost may be known to pods and caches: the epochs of
-- each timeline (one more with each promotion) lie above all of the ones before. 2^13 epochs are
-- 127 promotions; after these it is one more than what is known here.
CREATE FUNCTION raise_epoch() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  new_epoch bigint;
  timeline_id bigint :=
    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
BEGIN
  UPDATE meta SET timeline = server_timeline(), epoch = greatest(
    1 + greatest(epoch, (SELECT max(r.epoch) FROM ranges r)),
    CASE WHEN timeline_id BETWEEN 2 AND 127 THEN 64 * timeline_id ELSE 1 END)
    RETURNING epoch INTO new_epoch;
  UPDATE ranges SET epoch = new_epoch;
  RETURN new_epoch;
END $$;

INSERT INTO ranges (first_world, first_tile_id, state, epoch)
  VALUES (0, -9223372036854775808, 'owned', 1);

CREATE PUBLICATION hunt FOR TABLE loot_tiles, grants WHERE (outcome = 'granted');
-- Without it an UPDATE fails for the sake of the publication, before do_not_change can say why.
ALTER TABLE grants REPLICA IDENTITY FULL;

-- Groups to be given to those who log in; of the whole server, so another shard may have made them.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['hunt_reader', 'hunt_ingest', 'hunt_relay'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- made meanwhile
      END;
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT SELECT ON meta, worlds, shard_map, ranges, stock, spawns_done, loot_tiles, grants, burials,
  feed, ledger_cursor TO hunt_reader;
GRANT EXECUTE ON FUNCTION now_us, server_timeline, range_of, ledger_settled TO hunt_reader;
GRANT hunt_reader TO hunt_ingest, hunt_relay;
GRANT SELECT ON seeds TO hunt_ingest;
GRANT EXECUTE ON FUNCTION grant_claims, bury, close_tiles, create_world, set_map
  TO hunt_ingest;
GRANT UPDATE ON feed TO hunt_relay;
GRANT EXECUTE ON FUNCTION raise_epoch TO hunt_relay;
