-- A store as 0.1.0 made and left it: pg_dump, without its comments.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.bury(the_world bigint, tiles bigint[], tables text[], budgets bigint[], opens bigint[], closes bigint[], keys text[], test_now_us bigint DEFAULT NULL::bigint) RETURNS TABLE(place bigint, tile bigint, spawn bigint, unchanged boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
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
CREATE FUNCTION public.close_tiles(the_world bigint, tiles bigint[], test_now_us bigint DEFAULT NULL::bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.create_world(the_id bigint, the_name text, test_now_us bigint DEFAULT NULL::bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.grant_claims(worlds bigint[], tiles bigint[], spawns bigint[], players uuid[], claims uuid[], items text[], rule_versions text[], seeds bigint[], as_ofs bigint[], test_now_us bigint) RETURNS TABLE(place bigint, verdict text, repeated boolean, item text, rules text, lock_us bigint, exec_us bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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
CREATE FUNCTION public.grants_enter() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(
    (18433::bigint << 48) | ((last_value + is_called::int) & 281474976710655)) FROM ledger_cursor;
  RETURN NULL;
END $$;
CREATE FUNCTION public.join_hunt(the_id uuid, the_name text, the_key bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.ledger_settled() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.lock_ranges(worlds bigint[], tiles bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.loot_tiles_rules() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.loot_tiles_spawn_done() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO spawns_done (spawn, world, tile_id, budget, remaining)
    SELECT spawn, OLD.world, OLD.tile_id, OLD.budget, remaining FROM stock WHERE spawn = OLD.spawn;
  DELETE FROM stock WHERE spawn = OLD.spawn;
  RETURN NULL;
END $$;
CREATE FUNCTION public.new_spawns(how_many bigint) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.now_us() RETURNS bigint
    LANGUAGE sql
    AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;
CREATE FUNCTION public.raise_epoch() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.range_of(the_world bigint, tile bigint) RETURNS TABLE(id bigint, owned boolean, epoch bigint)
    LANGUAGE sql STABLE
    AS $$
  SELECT r.id, r.state = 'owned', r.epoch FROM ranges r
  WHERE (r.first_world, r.first_tile_id) <= (the_world, tile)
  ORDER BY r.first_world DESC, r.first_tile_id DESC LIMIT 1
$$;
CREATE FUNCTION public.refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
END $$;
CREATE FUNCTION public.require_timeline() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  -- server_timeline(), written out: its plan is kept.
  PERFORM FROM meta m, pg_control_system() c
    WHERE m.timeline = c.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HU001', MESSAGE =
      'this server was promoted or restored and its relay has not raised the epoch yet';
  END IF;
END $$;
CREATE FUNCTION public.server_timeline() RETURNS text
    LANGUAGE sql
    AS $$ SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
     FROM pg_control_system() $$;
CREATE FUNCTION public.set_map(version bigint, shards bigint, worlds bigint[], tiles bigint[], owners bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.spawn_floor() RETURNS bigint
    LANGUAGE sql
    AS $$
  SELECT CASE WHEN ms BETWEEN 0 AND 1099511627775 THEN ms << 8 ELSE 0 END
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1704067200000 AS ms) t
$$;
CREATE FUNCTION public.stock_accounted_for() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM spawns_done WHERE spawn = OLD.spawn) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'the stock of a spawn goes when its tile gets another one';
  END IF;
  RETURN OLD;
END $$;
CREATE FUNCTION public.stock_spawns_are_new() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF EXISTS (SELECT FROM new_stock s, meta m WHERE s.spawn >> 48 <> m.shard OR
             s.spawn & 281474976710655 < spawn_floor() - (600000::bigint << 8)) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =
      'a restored database may have used this spawn id, or it is another shard''s: use bury()';
  END IF;
  RETURN NULL;
END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.burials (
    world bigint NOT NULL,
    key text NOT NULL,
    tile_id bigint NOT NULL,
    spawn bigint NOT NULL,
    CONSTRAINT burials_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 128)))
);
CREATE TABLE public.feed (
    one boolean DEFAULT true NOT NULL,
    told_lsn bigint,
    told_grant bigint,
    slot_from bigint,
    holder text,
    beat bigint DEFAULT 0 NOT NULL,
    kept_stream bigint DEFAULT 0 NOT NULL,
    kept_last bigint DEFAULT 0 NOT NULL,
    CONSTRAINT feed_one_check CHECK (one)
);
CREATE SEQUENCE public.ledger_cursor
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE public.grants (
    claim_id uuid NOT NULL,
    outcome text NOT NULL,
    world bigint NOT NULL,
    tile_id bigint NOT NULL,
    spawn bigint NOT NULL,
    player uuid NOT NULL,
    item text NOT NULL,
    rules text NOT NULL,
    seed_id bigint NOT NULL,
    as_of_us bigint NOT NULL,
    at_us bigint NOT NULL,
    cursor bigint DEFAULT nextval('public.ledger_cursor'::regclass) NOT NULL,
    CONSTRAINT grants_outcome_check CHECK ((outcome = ANY (ARRAY['granted'::text, 'aborted'::text])))
);
ALTER TABLE ONLY public.grants REPLICA IDENTITY FULL;
CREATE TABLE public.hunt_key (
    one boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT hunt_key_key_check CHECK ((length(key) = 32)),
    CONSTRAINT hunt_key_one_check CHECK (one)
);
CREATE TABLE public.hunt_schema (
    version bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.loot_tiles (
    world bigint NOT NULL,
    tile_id bigint NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    spawn bigint DEFAULT 0 NOT NULL,
    loot_table text DEFAULT ''::text NOT NULL,
    budget bigint DEFAULT 0 NOT NULL,
    opens_us bigint,
    closes_us bigint,
    buried_at_us bigint DEFAULT 0 NOT NULL,
    sold_out boolean DEFAULT false NOT NULL,
    CONSTRAINT loot_tiles_budget_check CHECK (((budget >= 0) AND (budget <= 1000000))),
    CONSTRAINT loot_tiles_loot_table_check CHECK ((octet_length(loot_table) <= 64)),
    CONSTRAINT loot_tiles_spawn_check CHECK ((spawn >= 0)),
    CONSTRAINT loot_tiles_version_check CHECK (((version >= 1) AND (version <= '1099511627775'::bigint))),
    CONSTRAINT loot_tiles_world_check CHECK (((world >= 1) AND (world <= '4294967295'::bigint)))
)
WITH (fillfactor='80');
CREATE TABLE public.meta (
    one boolean DEFAULT true NOT NULL,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    timeline text NOT NULL,
    seed_id bigint NOT NULL,
    map_version bigint DEFAULT 1 NOT NULL,
    map_shards bigint DEFAULT 1 NOT NULL,
    created_us bigint NOT NULL,
    hunt_id uuid,
    ledger_id uuid,
    hunt_name text,
    CONSTRAINT meta_epoch_check CHECK (((epoch >= 1) AND (epoch <= 8191))),
    CONSTRAINT meta_hunt_name_check CHECK (((octet_length(hunt_name) >= 1) AND (octet_length(hunt_name) <= 32))),
    CONSTRAINT meta_one_check CHECK (one),
    CONSTRAINT meta_shard_check CHECK (((shard >= 0) AND (shard <= 32767)))
);
CREATE TABLE public.ranges (
    first_world bigint NOT NULL,
    first_tile_id bigint NOT NULL,
    id bigint NOT NULL,
    state text NOT NULL,
    epoch bigint NOT NULL,
    CONSTRAINT ranges_epoch_check CHECK (((epoch >= 1) AND (epoch <= 8191)))
);
ALTER TABLE public.ranges ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ranges_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.seeds (
    seed_id bigint NOT NULL,
    seed bytea NOT NULL,
    CONSTRAINT seeds_seed_check CHECK ((length(seed) = 32))
);
CREATE TABLE public.shard_map (
    first_world bigint NOT NULL,
    first_tile_id bigint NOT NULL,
    shard bigint NOT NULL
);
CREATE SEQUENCE public.spawn_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE public.spawns_done (
    spawn bigint NOT NULL,
    world bigint NOT NULL,
    tile_id bigint NOT NULL,
    budget bigint NOT NULL,
    remaining bigint NOT NULL,
    CONSTRAINT spawns_done_remaining_check CHECK ((remaining >= 0))
);
CREATE TABLE public.stock (
    spawn bigint NOT NULL,
    remaining bigint NOT NULL,
    CONSTRAINT stock_remaining_check CHECK ((remaining >= 0))
)
WITH (fillfactor='50');
CREATE TABLE public.worlds (
    id bigint NOT NULL,
    name text NOT NULL,
    created_us bigint NOT NULL,
    CONSTRAINT worlds_id_check CHECK (((id >= 1) AND (id <= '4294967295'::bigint))),
    CONSTRAINT worlds_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 64)))
);
INSERT INTO public.feed VALUES (true, 26822040, 8, 26813448, '0ee64194ce236912', 3, 0, 0);
INSERT INTO public.grants VALUES ('d54ef3e1-d34d-5e13-8db1-e650261083ac', 'granted', 1, 4611686018427387904, 23543546862080, '00000000-0000-4000-8000-000000000000', 'star_shard', '8618fbfc9aadf2af', 3852684024663323733, 1796034179939311, 1796034179939311, 1);
INSERT INTO public.grants VALUES ('4ec64b08-ec86-218f-913e-a167fa35597d', 'granted', 1, 4611686018427387904, 23543546862080, '00000000-0000-4000-8000-000000000001', 'star_shard', '8618fbfc9aadf2af', 3852684024663323733, 1796034179939311, 1796034179939311, 2);
INSERT INTO public.grants VALUES ('22599d15-7afb-a281-6fa9-36b79881f6d7', 'granted', 1, -1537228672809129301, 23543546862081, '00000000-0000-4000-8000-00000000000a', 'glow_lantern', '8618fbfc9aadf2af', 3852684024663323733, 1796034179943870, 1796034179943870, 3);
INSERT INTO public.grants VALUES ('9f9ac500-58d5-553b-8156-ffff005983e1', 'granted', 1, -1537228672809129301, 23543546862081, '00000000-0000-4000-8000-00000000000b', 'star_shard', '8618fbfc9aadf2af', 3852684024663323733, 1796034179943870, 1796034179943870, 4);
INSERT INTO public.grants VALUES ('405c66fa-b438-8a1c-db32-e41d345940bd', 'granted', 1, -1537228672809129300, 23543546862082, '00000000-0000-4000-8000-000000000014', 'nebula_dye', '8618fbfc9aadf2af', 3852684024663323733, 1796034179948168, 1796034179948168, 5);
INSERT INTO public.grants VALUES ('bb19ccd8-6608-0531-2929-c1e717dd4074', 'granted', 1, -1537228672809129300, 23543546862082, '00000000-0000-4000-8000-000000000015', 'star_shard', '8618fbfc9aadf2af', 3852684024663323733, 1796034179948168, 1796034179948168, 6);
INSERT INTO public.grants VALUES ('de8f6926-e319-c227-a684-16ddb32ef331', 'granted', 1, -1537228672809129305, 23543546862083, '00000000-0000-4000-8000-00000000001e', 'meteor_trail', '8618fbfc9aadf2af', 3852684024663323733, 1796034179952593, 1796034179952593, 7);
INSERT INTO public.grants VALUES ('618fb982-951b-4b8a-948a-e6a1a92d93e1', 'granted', 1, -1537228672809129305, 23543546862083, '00000000-0000-4000-8000-00000000001f', 'glow_lantern', '8618fbfc9aadf2af', 3852684024663323733, 1796034179952593, 1796034179952593, 8);
INSERT INTO public.hunt_key VALUES (true, '\x9e13577043b3112e581fb32b877ccf06d0c565798275455f992dae93e169d364');
INSERT INTO public.hunt_schema VALUES (1, '2026-11-30 10:22:59.686248+00');
INSERT INTO public.hunt_schema VALUES (2, '2026-11-30 10:22:59.686248+00');
INSERT INTO public.hunt_schema VALUES (3, '2026-11-30 10:22:59.686248+00');
INSERT INTO public.loot_tiles VALUES (1, 4611686018427387904, 2, 23543546862080, 'starlight', 2, NULL, NULL, 1796034179928608, true);
INSERT INTO public.loot_tiles VALUES (1, -1537228672809129301, 2, 23543546862081, 'starlight', 2, NULL, NULL, 1796034179928608, true);
INSERT INTO public.loot_tiles VALUES (1, -1537228672809129300, 2, 23543546862082, 'starlight', 2, NULL, NULL, 1796034179928608, true);
INSERT INTO public.loot_tiles VALUES (1, -1537228672809129305, 2, 23543546862083, 'starlight', 2, NULL, NULL, 1796034179928608, true);
INSERT INTO public.meta VALUES (true, 0, 1, '7713908058040863219/00000001', 3852684024663323733, 1, 1, 1796034179807856, '42bf74ba-df78-edbe-50c7-815b305eaf55', '60927e95-2b8f-b607-13ff-9fbfee2abc90', 'hunt');
INSERT INTO public.ranges OVERRIDING SYSTEM VALUE VALUES (0, -9223372036854775808, 1, 'owned', 1);
INSERT INTO public.seeds VALUES (3852684024663323733, '\x47ed6c01e63931579db45258cdee9a7be2d32fec0394d07153233487f0b1a2ab');
INSERT INTO public.shard_map VALUES (0, -9223372036854775808, 0);
INSERT INTO public.stock VALUES (23543546862080, 0);
INSERT INTO public.stock VALUES (23543546862081, 0);
INSERT INTO public.stock VALUES (23543546862082, 0);
INSERT INTO public.stock VALUES (23543546862083, 0);
INSERT INTO public.worlds VALUES (1, 'demo', 1796034179808490);
SELECT pg_catalog.setval('public.ledger_cursor', 8, true);
SELECT pg_catalog.setval('public.ranges_id_seq', 1, true);
SELECT pg_catalog.setval('public.spawn_number', 23543546862083, true);
ALTER TABLE ONLY public.burials
    ADD CONSTRAINT burials_pkey PRIMARY KEY (world, key);
ALTER TABLE ONLY public.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_cursor_key UNIQUE (cursor);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (claim_id);
ALTER TABLE ONLY public.hunt_key
    ADD CONSTRAINT hunt_key_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.hunt_schema
    ADD CONSTRAINT hunt_schema_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.loot_tiles
    ADD CONSTRAINT loot_tiles_pkey PRIMARY KEY (world, tile_id);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.ranges
    ADD CONSTRAINT ranges_id_key UNIQUE (id);
ALTER TABLE ONLY public.ranges
    ADD CONSTRAINT ranges_pkey PRIMARY KEY (first_world, first_tile_id);
ALTER TABLE ONLY public.seeds
    ADD CONSTRAINT seeds_pkey PRIMARY KEY (seed_id);
ALTER TABLE ONLY public.shard_map
    ADD CONSTRAINT shard_map_pkey PRIMARY KEY (first_world, first_tile_id);
ALTER TABLE ONLY public.spawns_done
    ADD CONSTRAINT spawns_done_pkey PRIMARY KEY (spawn);
ALTER TABLE ONLY public.stock
    ADD CONSTRAINT stock_pkey PRIMARY KEY (spawn);
ALTER TABLE ONLY public.worlds
    ADD CONSTRAINT worlds_name_key UNIQUE (name);
ALTER TABLE ONLY public.worlds
    ADD CONSTRAINT worlds_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX loot_tiles_spawn ON public.loot_tiles USING btree (spawn) WHERE (spawn <> 0);
CREATE TRIGGER accounted_for BEFORE DELETE ON public.stock FOR EACH ROW EXECUTE FUNCTION public.stock_accounted_for();
CREATE TRIGGER do_not_change BEFORE DELETE OR UPDATE OR TRUNCATE ON public.grants FOR EACH STATEMENT EXECUTE FUNCTION public.refuse('rows of the ledger never change and are never deleted');
CREATE TRIGGER enter BEFORE INSERT ON public.grants FOR EACH STATEMENT EXECUTE FUNCTION public.grants_enter();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON public.loot_tiles FOR EACH STATEMENT EXECUTE FUNCTION public.refuse('rows of loot_tiles are never deleted: set spawn = 0, budget = 0 instead');
CREATE TRIGGER kept BEFORE TRUNCATE ON public.stock FOR EACH STATEMENT EXECUTE FUNCTION public.refuse('the stock of a spawn goes when its tile gets another one');
CREATE TRIGGER never_grows BEFORE UPDATE ON public.stock FOR EACH ROW WHEN (((new.spawn <> old.spawn) OR (new.remaining > old.remaining))) EXECUTE FUNCTION public.refuse('the stock of a spawn never grows: bury again');
CREATE TRIGGER rules BEFORE INSERT OR UPDATE ON public.loot_tiles FOR EACH ROW EXECUTE FUNCTION public.loot_tiles_rules();
CREATE TRIGGER spawn_done AFTER UPDATE ON public.loot_tiles FOR EACH ROW WHEN (((new.spawn <> old.spawn) AND (old.spawn <> 0))) EXECUTE FUNCTION public.loot_tiles_spawn_done();
CREATE TRIGGER spawns_are_new AFTER INSERT ON public.stock REFERENCING NEW TABLE AS new_stock FOR EACH STATEMENT EXECUTE FUNCTION public.stock_spawns_are_new();
CREATE PUBLICATION hunt WITH (publish = 'insert, update, delete, truncate');
ALTER PUBLICATION hunt ADD TABLE ONLY public.grants WHERE ((outcome = 'granted'::text));
ALTER PUBLICATION hunt ADD TABLE ONLY public.loot_tiles;
