-- The database of every contender but ours: where loot lies, and who has got what.
CREATE TABLE loot_tiles (
  world_id integer NOT NULL,
  tile_id bigint NOT NULL,
  loot_table text NOT NULL,
  remaining integer NOT NULL CHECK (remaining >= 0),
  PRIMARY KEY (world_id, tile_id)
);

CREATE TABLE grants (
  world_id integer NOT NULL,
  tile_id bigint NOT NULL,
  player uuid NOT NULL,
  item text NOT NULL,
  granted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (world_id, tile_id, player)
);

-- Claims by the set, for `tuned` and bench/peers: the item of each, in order, or NULL where the tile
-- is sold out. What a player has got already is told again. The lock is a statement of its own, so
-- that the decision sees all that was committed while it waited.
-- Look-ups are subqueries and the plan is made once, so that a call costs as many look-ups in an
-- index as it has claims, however full the tables were when it was planned.
CREATE FUNCTION claim(tiles bigint[], players uuid[], items text[]) RETURNS text[]
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  outcomes text[];
BEGIN
  PERFORM FROM loot_tiles WHERE world_id = 1 AND tile_id = ANY (tiles) ORDER BY tile_id FOR UPDATE;
  WITH asked AS MATERIALIZED (
    SELECT *, (SELECT g.item FROM grants g
               WHERE g.world_id = 1 AND g.tile_id = a.tile_id AND g.player = a.player) AS won
    FROM unnest(tiles, players, items) WITH ORDINALITY AS a(tile_id, player, item, place)
  ), fresh AS (
    SELECT DISTINCT ON (tile_id, player) * FROM asked
    WHERE won IS NULL ORDER BY tile_id, player, place
  ), turns AS (
    SELECT *, row_number() OVER (PARTITION BY tile_id ORDER BY place) AS turn FROM fresh
  ), made AS (
    INSERT INTO grants (world_id, tile_id, player, item)
    SELECT 1, tile_id, player, item FROM turns f
    WHERE turn <= (SELECT remaining FROM loot_tiles t
                   WHERE t.world_id = 1 AND t.tile_id = f.tile_id)
    RETURNING tile_id, player, item
  ), taken AS (
    UPDATE loot_tiles t SET remaining = t.remaining - m.count
    FROM (SELECT tile_id, count(*)::integer AS count FROM made GROUP BY tile_id) m
    WHERE t.world_id = 1 AND t.tile_id = m.tile_id
  )
  SELECT array_agg(coalesce(a.won, m.item) ORDER BY a.place) INTO outcomes
  FROM asked a LEFT JOIN made m ON m.tile_id = a.tile_id AND m.player = a.player;
  RETURN outcomes;
END $$;
