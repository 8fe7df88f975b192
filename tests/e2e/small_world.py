"""Loot for a small crowd: 4,000 tiles where the demo world has 100,000, soon buried in any store.

A rush plays in it as in the demo world, which is around it: half of the players begin where this
loot lies, the others walk elsewhere and have their chunks read, too.
"""
BUDGET = 50
PER_REQUEST = 1_000
SIDE, STEP = 20, 2  # of each square: every second tile
# The ten most popular places of the demo world of seed 1 (src/load/demo_world.cc).
PLACES = [(-1023, -1098), (1280, -597), (1551, -898), (-294, 1569), (-1899, -692),
          (-1219, -1830), (-939, -1447), (-669, 1609), (235, -949), (-780, 427)]
TILES = [(x + STEP * i - SIDE, y + STEP * j - SIDE)
         for x, y in PLACES for i in range(SIDE) for j in range(SIDE)]


def bury(server):
    """Over HTTP."""
    tiles = [{"x": x, "y": y, "table": "starlight", "budget": BUDGET} for x, y in TILES]
    for at in range(0, len(tiles), PER_REQUEST):
        reply = server.bury(tiles[at:at + PER_REQUEST])
        if reply.status != 200:
            raise AssertionError(f"no loot was buried: {reply}")


def import_words(folder, *stores):
    """`hunt world import` of it straight into stores, which need not be there; `stores` are
    --store flags. Splits it over several shards."""
    file = folder / "small-world.csv"
    file.write_text("x,y,table,budget\n" +
                    "".join(f"{x},{y},starlight,{BUDGET}\n" for x, y in TILES))
    return ["world", "import", file, "--world", "demo", *stores]
