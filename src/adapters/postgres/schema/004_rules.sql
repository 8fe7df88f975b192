-- The timeline of rules, the same in every shard: which version is in force from when on, which
-- events are stopped, and the files of each version. Written as a whole; rules_seq counts that.
-- A later place counts before an earlier one from its from_us on.

ALTER TABLE meta ADD COLUMN rules_seq bigint NOT NULL DEFAULT 0;
CREATE TABLE rules_timeline (
  place     bigint PRIMARY KEY,  -- from 1
  version   text NOT NULL,
  revision  bigint NOT NULL,     -- 0: none
  from_us   bigint NOT NULL,
  made_by   text NOT NULL,
  note      text NOT NULL
);
CREATE TABLE rules_stopped (
  event     text PRIMARY KEY,
  since_us  bigint NOT NULL,
  made_by   text NOT NULL,
  note      text NOT NULL
);
CREATE TABLE rules_files (
  version  text NOT NULL,
  name     text NOT NULL,
  content  text NOT NULL,
  PRIMARY KEY (version, name)
);

-- Alone with the ranges: whoever grants while this commits has read what was before, and is done.
CREATE FUNCTION set_rules(
  the_seq bigint, versions text[], revisions bigint[], froms bigint[], bys text[], notes text[],
  events text[], sinces bigint[], stopped_bys text[], stopped_notes text[],
  file_versions text[], file_names text[], file_contents text[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  mine meta;
  lacking text;
BEGIN
  PERFORM require_timeline();
  SELECT * INTO mine FROM meta FOR UPDATE;
  IF the_seq <= mine.rules_seq THEN
    RAISE EXCEPTION USING ERRCODE = 'HU004', MESSAGE = format(
      'the timeline of rules has change %s already, the new one %s', mine.rules_seq, the_seq);
  END IF;
  INSERT INTO rules_files (version, name, content)
    SELECT * FROM unnest(file_versions, file_names, file_contents)
    ON CONFLICT (version, name) DO UPDATE SET content = excluded.content;
  -- From here on nobody grants: what takes time is done.
  PERFORM pg_advisory_xact_lock(18434::bigint << 48 | id)
    FROM (SELECT id FROM ranges ORDER BY id) r;
  DELETE FROM rules_timeline;
  DELETE FROM rules_stopped;
  INSERT INTO rules_timeline (version, revision, from_us, made_by, note, place)
    SELECT * FROM unnest(versions, revisions, froms, bys, notes) WITH ORDINALITY;
  INSERT INTO rules_stopped (event, since_us, made_by, note)
    SELECT * FROM unnest(events, sinces, stopped_bys, stopped_notes);
  DELETE FROM rules_files f
    WHERE NOT EXISTS (SELECT FROM rules_timeline t WHERE t.version = f.version);
  SELECT t.version INTO lacking FROM rules_timeline t
    WHERE NOT EXISTS (SELECT FROM rules_files f WHERE f.version = t.version) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HU003', MESSAGE = format(
      'the files of rules version %s are not here', lacking);
  END IF;
  UPDATE meta SET rules_seq = the_seq;
END $$;

-- One call, one transaction: see docs/ARCHITECTURE.md. A verdict for each claim, by its place:
-- granted, sold_out, closed, nothing, expired, moved, or stale: rolled by other rules than are in force
-- as of it, or by who knows another timeline (rules_seqs); `rules` then is the version in force as of
-- it. test_now_us: NULL, but in tests. Older releases go on with grant_claims(), which
-- knows no rules: they look after it, so it stays as they know it.
CREATE FUNCTION grant_claims_by_rules(
  worlds bigint[], tiles bigint[], spawns bigint[], players uuid[], claims uuid[], items text[],
  rule_versions text[], seeds bigint[], as_ofs bigint[], test_now_us bigint,
  rules_seqs bigint[])
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
  kept_seq bigint;
  newest_version text;
  newest_from_us bigint;
  stales bigint[];  -- places
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
  -- Behind the locks of the ranges, which set_rules() takes alone: what it wrote is seen here.
  SELECT m.rules_seq, t.version, t.from_us INTO kept_seq, newest_version, newest_from_us
    FROM meta m LEFT JOIN rules_timeline t ON true ORDER BY t.place DESC NULLS LAST LIMIT 1;
  SELECT array_agg(a.place) INTO stales
    FROM unnest(rule_versions, rules_seqs, as_ofs) WITH ORDINALITY
      AS a(version, seq, as_of, place)
    WHERE a.seq <> kept_seq OR CASE
      WHEN newest_version IS NULL THEN false
      WHEN coalesce(a.as_of, the_now_us) >= newest_from_us THEN a.version <> newest_version
      ELSE a.version <> (SELECT t.version FROM rules_timeline t
        WHERE t.from_us <= coalesce(a.as_of, the_now_us) OR t.place = 1
        ORDER BY t.place DESC LIMIT 1) END;
  stales := coalesce(stales, '{}');

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
      AND a.place <> ALL (stales)
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
      AND a.place <> ALL (stales)
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
         WHEN a.place = ANY (stales) THEN 'stale'
         WHEN a.spawn = 0 OR t.spawn IS DISTINCT FROM a.spawn THEN 'nothing'
         WHEN t.opens_us > a.at OR t.buried_at_us > a.at OR t.closes_us <= a.at
           OR a.at > the_now_us + 1000000 THEN 'closed'
         ELSE 'sold_out' END,
    g.xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid OR a.again > 1,
    g.item,
    coalesce(g.rules, CASE WHEN a.place = ANY (stales) THEN (
      SELECT k.version FROM rules_timeline k WHERE k.from_us <= a.at OR k.place = 1
      ORDER BY k.place DESC LIMIT 1) END),
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

REVOKE ALL ON FUNCTION set_rules, grant_claims_by_rules FROM PUBLIC;
GRANT SELECT ON rules_timeline, rules_stopped, rules_files TO hunt_reader;
GRANT EXECUTE ON FUNCTION set_rules, grant_claims_by_rules TO hunt_ingest;
