"""script/bench tiles: does loot that nobody stands on cost anything?

Two worlds over SQLite have the same 100,000 loot tiles in one region, and one of them millions more
everywhere else. The same walks through that region are played against each in turn, by `hunt
replay` over HTTP. A look is at memory, and memory holds what is walked on, so CPU and latency of a position
should not know how much lies elsewhere: the goal is a ratio of at most 1.1.
"""
import argparse
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
HOT_SIDE = 1_024  # the region that is walked: from 0 to it, both ways
HOT_TILES = 100_000
COLD_SPREAD = 3  # of the tiles elsewhere one in so many has loot, as in the demo world's hot spots
STEPS_A_SECOND = 10
BUDGET = 1_000_000  # nothing is sold out
GOAL_TIMES = 1.1
ROWS_A_FILE_MAX = 5_000_000  # docs/REFERENCE.md
SMOKE = {"tiles": 60_000, "hot": 6_000, "pairs": 1, "players": 200, "seconds": 2}
WHOLE = {"tiles": 10_000_000, "hot": HOT_TILES, "pairs": 3, "players": 4_000, "seconds": 15}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def hot_rows(count):
    """Loot of the region, the same in both worlds."""
    source = random.Random(1)
    for place in source.sample(range(HOT_SIDE * HOT_SIDE), count):
        yield place % HOT_SIDE, place // HOT_SIDE


def cold_rows(count):
    """Loot elsewhere: beside the region and below it, row by row."""
    width = 16 * HOT_SIDE
    for number in range(count):
        place = number * COLD_SPREAD
        yield place % width, HOT_SIDE * 2 + place // width


def bury(hunt, store, rows, table):
    """Loot by `hunt world import` from its standard input; seconds that it took."""
    begun = time.monotonic()
    while part := list(itertools.islice(rows, ROWS_A_FILE_MAX)):
        lines = "".join(f"{x},{y},{table},{BUDGET}\n" for x, y in part)
        done = subprocess.run([hunt, "world", "import", "-", "--world", "demo", "--format", "csv",
                               "--store", store], input="x,y,table,budget\n" + lines,
                              env=clean_environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"script/bench tiles: hunt world import failed:\n{done.stderr[-2000:]}")
    return time.monotonic() - begun


def record_walks(hunt, folder, sizes):
    """Walks of players that stay in the region, as a recording; its flags for `hunt replay run`."""
    source = random.Random(2)
    players = [(str(uuid.UUID(int=source.getrandbits(128))), source.randrange(HOT_SIDE),
                source.randrange(HOT_SIDE)) for _ in range(sizes["players"])]
    trace, recording, key = (folder / name for name in ("walks.csv", "walks.rec", "walks.key"))
    with open(trace, "w", encoding="ascii") as out:
        out.write("t_ms,player,world,x,y\n")
        for step in range(sizes["seconds"] * STEPS_A_SECOND):
            lines = []
            for i, (player, x, y) in enumerate(players):
                x = (x + source.choice((-1, 0, 1))) % HOT_SIDE
                y = (y + source.choice((-1, 0, 1))) % HOT_SIDE
                players[i] = (player, x, y)
                lines.append(f"{step * 1000 // STEPS_A_SECOND},{player},1,{x},{y}\n")
            out.write("".join(lines))
    subprocess.run([hunt, "replay", "import", trace, "--key-file", key, "-o", recording],
                   check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   env=clean_environment())
    return [recording, "--key-file", key]


def stats_of(server):
    """Figures are a second or two old."""
    time.sleep(2.5)
    return server.get("/v1/stats").json


def play(hunt, folder, walks):
    """One pass over a world's walks after one that brought them to memory."""
    with tempfile.TemporaryDirectory(prefix="hunt-tiles-serve-") as own:
        server = HuntProcess(own, "serve", "--store", f"sqlite:{folder}/tiles.db", "--lanes", "1",
                             "--no-prewarm", program=hunt)
        try:
            server.wait_ready()
            replay = [hunt, "replay", "run", *walks, "--target",
                      f"http://127.0.0.1:{server.port}", "--json"]
            pid = server.process.pid
            took, was = 0.0, {}
            for _ in range(2):
                was = stats_of(server)
                before = cpu_seconds(pid)
                done = subprocess.run(replay, cwd=own, env=clean_environment(),
                                      capture_output=True, text=True, check=False)
                if done.returncode not in (0, 1):  # 1: claims came otherwise; nobody dug before
                    raise SystemExit(f"script/bench tiles: hunt replay failed:\n{done.stderr}")
                took = cpu_seconds(pid) - before
            now = stats_of(server)  # its latencies are of the last ten seconds
            answered = sum(now["positions"].values()) - sum(was["positions"].values())
            answer = now["latency_seconds"]["answer"]
            return {"cpu_seconds_a_million": took / (answered / 1e6),
                    "p50_ms": 1e3 * answer["p50"], "p99_ms": 1e3 * answer["p99"],
                    "answered": answered, "busy": now["positions"]["busy"],
                    "grants": now["grants"], "resident_mib": resident_mib(server.process)}
        finally:
            server.stop()


def measure(hunt, sizes, folder):
    """{"few": …, "many": …}: medians over the pairs, and each run."""
    table = json.loads(subprocess.run([hunt, "rules", "odds", "--builtin", "--json"],
                                      capture_output=True, text=True,
                                      check=True).stdout)["tables"][0]["table"]
    walks = record_walks(hunt, folder, sizes)
    stores = {"few": folder / "few", "many": folder / "many"}
    for name, place in stores.items():
        place.mkdir()
        store = f"sqlite:{place}/tiles.db"
        took = bury(hunt, store, hot_rows(sizes["hot"]), table)
        if name == "many":
            took += bury(hunt, store, cold_rows(sizes["tiles"] - sizes["hot"]), table)
        say(f"{name}: buried in {took:.0f} s, {(place / 'tiles.db').stat().st_size >> 20} MiB")
    runs = {name: [] for name in stores}
    for pair in range(sizes["pairs"]):
        for name in list(stores)[:: 1 if pair % 2 == 0 else -1]:
            runs[name].append(play(hunt, stores[name], walks))
            last = runs[name][-1]
            say(f"pair {pair + 1} of {sizes['pairs']}, {name}: "
                f"{last['cpu_seconds_a_million']:.2f} CPU-s a million, p99 {last['p99_ms']:.2f} ms,"
                f" {last['resident_mib']:.0f} MiB resident")
    medians = {name: {figure: statistics.median(one[figure] for one in all_runs)
                      for figure in all_runs[0]} for name, all_runs in runs.items()}
    return {"sizes": sizes, "medians": medians, "runs": runs,
            "ratios": {figure: medians["many"][figure] / medians["few"][figure]
                       for figure in ("cpu_seconds_a_million", "p50_ms", "p99_ms")}}


def table_of(found):
    """Markdown, as docs/BENCHMARKS.md has it."""
    sizes, medians = found["sizes"], found["medians"]
    lines = [f"| loot tiles | {sizes['hot']:,} | {sizes['tiles']:,} | ratio |",
             "| --- | --- | --- | --- |"]
    for figure, words in (("cpu_seconds_a_million", "CPU-s of the server a million positions"),
                          ("p50_ms", "answer p50, ms"), ("p99_ms", "answer p99, ms")):
        few, many = medians["few"][figure], medians["many"][figure]
        met = "" if figure == "p50_ms" else \
            ", met" if many <= GOAL_TIMES * few else ", **not met**"
        lines.append(f"| {words} | {few:.2f} | {many:.2f} | {many / few:.2f}{met} |")
    lines.append(f"| resident, MiB | {medians['few']['resident_mib']:.0f} |"
                 f" {medians['many']['resident_mib']:.0f} | |")
    return "\n".join(lines)


def read_flags():
    parser = argparse.ArgumentParser(
        prog="script/bench tiles", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Examples:\n  script/bench tiles\n  script/bench tiles --tiles 100000000 --pairs 5"
               "    # half an hour and 15 GB of disk")
    parser.add_argument("--tiles", type=int, default=WHOLE["tiles"], metavar="N",
                        help=f"in the larger world; {HOT_TILES:,} at least")
    parser.add_argument("--pairs", type=int, default=WHOLE["pairs"], metavar="N")
    parser.add_argument("--hunt", type=Path, default=ROOT / "build/hunt", metavar="PATH")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results", metavar="DIR")
    parser.add_argument("--smoke", action="store_true",
                        help="small worlds for a moment: does it work? Judges and writes nothing")
    flags = parser.parse_args()
    if flags.tiles < HOT_TILES or flags.pairs < 1:
        parser.error(f"--tiles has to be {HOT_TILES:,} at least, and --pairs 1")
    return flags


def main(flags):
    sizes = dict(SMOKE) if flags.smoke else {**WHOLE, "tiles": flags.tiles, "pairs": flags.pairs}
    with tempfile.TemporaryDirectory(prefix="hunt-tiles-") as folder:
        found = measure(flags.hunt.resolve(), sizes, Path(folder))
    if flags.smoke:
        print("it works")
        return 0
    print("\n" + table_of(found))
    flags.out.mkdir(parents=True, exist_ok=True)
    out = flags.out / "tiles.json"
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")
    print(f"\n{out}")
    return 0


from hunt_process import HuntProcess, clean_environment  # pylint: disable=wrong-import-position
from stack import cpu_seconds  # pylint: disable=wrong-import-position
from whole import resident_mib  # pylint: disable=wrong-import-position

if __name__ == "__main__":
    sys.exit(main(read_flags()))
