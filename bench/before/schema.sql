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

-- Decides claims by the set; what a player has got already is told again. The lock is a statement
-- of its own, so that the decision sees all that was committed while it waited. The planner is held
-- to indexes, because it plans while `grants` is empty.
CREATE FUNCTION claim_loot(tiles bigint[], players uuid[], items text[])
RETURNS TABLE (place bigint, outcome text, item text)
LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off
AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM loot_tiles WHERE world_id = 1 AND tile_id = ANY (tiles) ORDER BY tile_id FOR UPDATE;
  RETURN QUERY
  WITH asked AS (
    SELECT * FROM unnest(tiles, players, items) WITH ORDINALITY AS a(tile_id, player, item, place)
  ), known AS (
    SELECT a.place, g.item FROM asked a
    JOIN grants g ON g.world_id = 1 AND g.tile_id = a.tile_id AND g.player = a.player
  ), fresh AS (
    SELECT DISTINCT ON (tile_id, player) * FROM asked
    WHERE place NOT IN (SELECT place FROM known) ORDER BY tile_id, player, place
  ), turns AS (
    SELECT *, row_number() OVER (PARTITION BY tile_id ORDER BY place) AS turn FROM fresh
  ), made AS (
    INSERT INTO grants (world_id, tile_id, player, item)
    SELECT 1, f.tile_id, f.player, f.item FROM turns f
    JOIN loot_tiles t ON t.world_id = 1 AND t.tile_id = f.tile_id
    WHERE f.turn <= t.remaining
    RETURNING tile_id, player, item
  ), taken AS (
    UPDATE loot_tiles t SET remaining = t.remaining - m.count
    FROM (SELECT tile_id, count(*)::integer AS count FROM made GROUP BY tile_id) m
    WHERE t.world_id = 1 AND t.tile_id = m.tile_id
  )
  SELECT a.place,
    CASE WHEN coalesce(k.item, m.item) IS NULL THEN 'sold_out' ELSE 'granted' END,
    coalesce(k.item, m.item)
  FROM asked a
  LEFT JOIN known k USING (place)
  LEFT JOIN made m ON m.tile_id = a.tile_id AND m.player = a.player
  ORDER BY a.place;
END $$;
