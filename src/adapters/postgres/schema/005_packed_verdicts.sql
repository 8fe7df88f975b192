-- What a grant costs: docs/BENCHMARKS.md has what each of these was measured to bring.

-- As ever, but not before each row: for that the row was locked once more, also in the log.
CREATE OR REPLACE TRIGGER never_grows AFTER UPDATE ON stock
  FOR EACH ROW WHEN (NEW.spawn <> OLD.spawn OR NEW.remaining > OLD.remaining)
  EXECUTE FUNCTION refuse('the stock of a spawn never grows: bury again');

-- grant_claims_by_rules(), told in short and decided by one statement. The first row has a letter
-- for each claim: granted, repeated, sold out, closed, nothing, expired, moved, or t for stale. The
-- others have by place what the ledger has, where that is not what was asked, or the version of
-- rules that is in force.
CREATE FUNCTION grant_claims_packed(
  worlds bigint[], tiles bigint[], spawns bigint[], players uuid[], claims uuid[], items text[],
  rule_versions text[], seeds bigint[], as_ofs bigint[], test_now_us bigint,
  rules_seqs bigint[])
RETURNS TABLE (place bigint, verdicts text, item text, rules text, lock_us bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  began timestamptz := clock_timestamp();
  the_lock_us bigint;
  locked_ranges bigint[];
  all_owned boolean;  -- there is one range, and it is: nobody has to look at each claim's
  current_timeline boolean;
  the_now_us bigint;
  kept_seq bigint;
  newest_version text;
  newest_from_us bigint;
  stales bigint[] := '{}';  -- places
  places bigint[];
  froms bigint[];
  untils bigint[];
  letters text;
  emptied bigint[];
  torn boolean;
BEGIN
  SELECT array_agg(id) INTO locked_ranges FROM ranges;
  IF cardinality(locked_ranges) = 1 THEN
    PERFORM pg_advisory_xact_lock_shared(18434::bigint << 48 | locked_ranges[1]);
  ELSE
    locked_ranges := lock_ranges(worlds, tiles);
  END IF;
  -- Behind the locks of the ranges, which set_rules() takes alone: what it wrote is seen here.
  SELECT (SELECT count(*) = 1 AND bool_and(state = 'owned' AND id = ANY (locked_ranges))
          FROM ranges),
         (SELECT m.timeline =
                 c.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
          FROM pg_control_system() c), m.rules_seq, t.version, t.from_us
    INTO all_owned, current_timeline, kept_seq, newest_version, newest_from_us
    FROM meta m LEFT JOIN rules_timeline t ON true ORDER BY t.place DESC NULLS LAST LIMIT 1;
  IF current_timeline IS NOT TRUE THEN PERFORM require_timeline(); END IF;  -- says why not
  -- All tiles that are there are locked; kept are those of which the claim's spawn is.
  SELECT array_agg(l.place), array_agg(l.from_us), array_agg(l.until_us)
    INTO places, froms, untils
    FROM (SELECT a.place, a.spawn = t.spawn AND a.spawn <> 0 AS there,
                 greatest(t.opens_us, t.buried_at_us) AS from_us, t.closes_us AS until_us,
                 all_owned OR r.owned AND r.id = ANY (locked_ranges) AS owned
          FROM unnest(worlds, tiles, spawns) WITH ORDINALITY AS a(world, tile, spawn, place)
          JOIN loot_tiles t ON t.world = a.world AND t.tile_id = a.tile
          LEFT JOIN LATERAL (SELECT * FROM range_of(a.world, a.tile) WHERE NOT all_owned) r ON true
          ORDER BY t.world, t.tile_id FOR NO KEY UPDATE OF t) l
    WHERE l.there AND l.owned;
  the_lock_us := (extract(epoch FROM clock_timestamp() - began) * 1000000)::bigint;
  the_now_us := coalesce(test_now_us, now_us());

  IF (cardinality(places) = cardinality(claims) AND cardinality(claims) =
      (SELECT count(DISTINCT a.claim) FROM unnest(claims) AS a(claim))) IS NOT TRUE THEN
    -- The rare ones: of a spawn that is not there any more, of another shard, twice in the call, or
    -- in a range that was made while we waited: the other function takes its lock. Whoever locks
    -- ranges alone takes older ones first, and waits for nobody who has only tiles.
    RETURN QUERY WITH told AS MATERIALIZED (
      SELECT v.*, CASE WHEN v.verdict = 'stale' THEN 't'
                       WHEN v.repeated AND v.verdict = 'granted' THEN 'r'
                       ELSE left(v.verdict, 1) END AS letter
      FROM grant_claims_by_rules(worlds, tiles, spawns, players, claims, items, rule_versions,
                                 seeds, as_ofs, test_now_us, rules_seqs) v)
    SELECT 0::bigint, (SELECT string_agg(letter, '' ORDER BY place) FROM told), NULL, NULL,
           the_lock_us
    UNION ALL SELECT place, NULL, item, rules, NULL FROM told
    WHERE letter IN ('r', 't') OR letter = 'g' AND
      (item, rules) IS DISTINCT FROM (items[place], rule_versions[place]);
    RETURN;
  END IF;

  IF (kept_seq = ALL (rules_seqs) AND (newest_version IS NULL OR
      newest_version = ALL (rule_versions) AND newest_from_us <= the_now_us
      AND (newest_from_us > ANY (as_ofs)) IS NOT TRUE)) IS NOT TRUE THEN
    SELECT coalesce(array_agg(a.place), '{}') INTO stales
      FROM unnest(rule_versions, rules_seqs, as_ofs) WITH ORDINALITY
        AS a(version, seq, as_of, place)
      WHERE a.seq <> kept_seq OR a.version <> (
        SELECT t.version FROM rules_timeline t
        WHERE t.from_us <= coalesce(a.as_of, the_now_us) OR t.place = 1
        ORDER BY t.place DESC LIMIT 1);
  END IF;

  -- A statement of its own, so that it sees what was committed while this call waited. Whoever
  -- writes a grant, or takes from the stock, has locked the tile: what is not in the ledger now is
  -- this call's to write, and the row of the stock stays where it is.
  -- OFFSET 0: by the index, whatever statistics say; those of a young ledger say that it is empty.
  WITH judged AS (
    SELECT a.place, a.at, s.row_id, s.remaining,
           CASE WHEN g.outcome = 'granted' THEN 'r'
                WHEN g.outcome = 'aborted' THEN 'e'
                WHEN a.place = ANY (stales) THEN 't'
                WHEN a.from_us > a.at OR a.until_us <= a.at OR a.at > the_now_us + 1000000
                THEN 'c' END AS refusal
    FROM (SELECT a.*, coalesce(as_ofs[a.place], the_now_us) AS at
          FROM unnest(places, froms, untils) AS a(place, from_us, until_us) OFFSET 0) a
    LEFT JOIN LATERAL (SELECT g.outcome FROM grants g
                       WHERE g.claim_id = claims[a.place] OFFSET 0) g ON true
    LEFT JOIN LATERAL (SELECT s.ctid AS row_id, s.remaining FROM stock s
                       WHERE s.spawn = spawns[a.place] OFFSET 0) s ON true
  ), decided AS MATERIALIZED (
    SELECT place, at, row_id, coalesce(refusal, CASE WHEN remaining >= row_number()
             OVER (PARTITION BY row_id, refusal IS NULL ORDER BY place)
           THEN 'g' ELSE 's' END) AS letter
    FROM judged
  ), made AS (
    INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules, seed_id,
                        as_of_us, at_us)
    SELECT claims[d.place], 'granted', worlds[d.place], tiles[d.place], spawns[d.place],
           players[d.place], items[d.place], rule_versions[d.place], seeds[d.place], d.at,
           the_now_us
    FROM decided d WHERE d.letter = 'g' ORDER BY d.place
  ), taken AS (
    UPDATE stock s SET remaining = s.remaining - m.taken
    FROM (SELECT row_id, count(*) AS taken FROM decided WHERE letter = 'g' GROUP BY row_id) m
    WHERE s.ctid = m.row_id
    RETURNING s.spawn, s.remaining, m.taken
  )
  SELECT d.letters, t.emptied, d.granted IS DISTINCT FROM t.taken
    INTO letters, emptied, torn
    FROM (SELECT string_agg(letter, '' ORDER BY place) AS letters,
                 count(*) FILTER (WHERE letter = 'g') AS granted FROM decided) d,
         (SELECT array_agg(spawn) FILTER (WHERE remaining = 0) AS emptied,
                 coalesce(sum(taken), 0) AS taken FROM taken) t;
  IF torn THEN
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE =
      'somebody has changed the stock by hand meanwhile, without the lock of its tile';
  END IF;
  IF emptied IS NOT NULL THEN
    UPDATE loot_tiles t SET sold_out = true
    FROM unnest(emptied) AS e(spawn) WHERE t.spawn = e.spawn AND t.spawn <> 0;
  END IF;
  place := 0;
  verdicts := letters;
  lock_us := the_lock_us;
  RETURN NEXT;
  IF letters ~ '[rt]' THEN
    RETURN QUERY
    SELECT a.place, NULL, g.item, coalesce(g.rules, (
        SELECT k.version FROM rules_timeline k
        WHERE k.from_us <= coalesce(as_ofs[a.place], the_now_us) OR k.place = 1
        ORDER BY k.place DESC LIMIT 1)), NULL::bigint
    FROM unnest(claims) WITH ORDINALITY AS a(claim, place)
    LEFT JOIN LATERAL (SELECT g.item, g.rules FROM grants g
                       WHERE g.claim_id = a.claim OFFSET 0) g ON true
    WHERE substr(letters, a.place::integer, 1) IN ('r', 't');
  END IF;
END $$;

REVOKE ALL ON FUNCTION grant_claims_packed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grant_claims_packed TO hunt_ingest;
