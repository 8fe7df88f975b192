"""script/bench peers: hunt beside what a team would write in a week, over HTTP.

Contenders of a page of Node each (bench/peers), and hunt on SQLite and on PostgreSQL, get servers
of their own on this machine in turn, the same 100,000 loot tiles and the same positions from the
same client (bench/peers/client.c), singly and in batches of 100. Each is asked as fast as it goes,
then at 70 % of that in an open loop, in which latency counts from when a position was due.
Afterwards its ledger is held against all that it told: nothing granted twice, nothing lost. Prints
a table and writes <out>/peers.json; a run of some contenders or scenes replaces theirs and keeps
the others'. About three minutes for all contenders; use a quiet machine.

  script/bench peers                                    the walks, all contenders
  script/bench peers --only hunt-postgres --only map    two of them
  script/bench peers --scene claims --scene sold-out --scene restart
  script/bench peers --rounds 5                         medians of five, contenders in turn
"""
import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENES = ("base", "claims", "sold-out", "restart")
FULL = {"loot": 100_000, "side": 4_096, "walks": 2_000_000, "warm": 2.0, "restarts": 5}
SMOKE = {"loot": 2_000, "side": 180, "walks": 20_000, "warm": 0.2, "restarts": 1}
HOT_TILES, HOT_BUDGET, BUDGET = 60, 30, 100_000


def say_progress(text):
    """On a terminal a line that is written over; elsewhere nothing."""
    if sys.stdout.isatty():
        print(f"\r  {text:<76}", end="", flush=True)


def scenes_of(contender, site, client, files, flags):
    """{scene: {batch: figures}} of one contender, and what its audit came to."""
    runs = peers_runs.Runs(site, client, files["walks"], flags)
    out = {}
    for name in flags.scenes:
        if name == peers_runs.RESTART:
            continue
        scene = peers_runs.SCENES[name]
        for batch in scene.batches:
            how = "singly" if batch == 1 else f"batches of {batch}"
            one = runs.measure(scene, batch, lambda text, how=how: say_progress(f"{how}: {text}"))
            out.setdefault(name, {})[str(batch)] = one
            say_progress("")
            print(f"\r  {name}, {how}: {peers_table.line_of(one)}", flush=True)
    if peers_runs.RESTART in flags.scenes:
        if not runs.told:
            runs.run(peers_runs.SCENES["base"], 100, 0)
        out[peers_runs.RESTART] = runs.restarts(flags.restarts, say_progress)
        say_progress("")
        print(f"\r  restart: first answer after {out['restart']['first_answer_s']:.2f} s",
              flush=True)
    audit = runs.audit(files["budgets"])
    if audit["lost"] or audit["twice"] or audit["too_many"] or not audit["granted"]:
        raise before_sites.Failed(f"{contender.name}: the ledger is wrong: {audit}")
    return out, audit


def measure(contender, database, folder, client, files, flags):
    print(f"{time.strftime('%H:%M:%S')} {contender.title}", flush=True)
    site = peers_sites.open_site(contender, database, folder, files["loot"])
    try:
        scenes, audit = scenes_of(contender, site, client, files, flags)
        return {"title": contender.title, "workers": contender.workers,
                "date": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
                "scenes": scenes, "audit": audit}
    finally:
        site.close()


def median_of(values):
    """Of numbers; of what holds them, by key; of anything else the last."""
    if all(isinstance(one, dict) for one in values):
        return {key: median_of([one[key] for one in values]) for key in values[-1]}
    if all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in values):
        return statistics.median(values)
    if any(one is None for one in values):
        return None
    return any(values) if isinstance(values[-1], bool) else values[-1]


def run_rounds(chosen, flags, folder, client, save):
    """The contenders in turn, so many times; after each {name: [what was measured, by round]} is
    saved, so that a run which is ended early keeps what it has."""
    loot = peers_sites.make_loot(folder, flags.loot, flags.side, HOT_TILES, HOT_BUDGET, BUDGET)
    scenes = [peers_runs.SCENES.get(name, peers_runs.SCENES["base"]) for name in flags.scenes]
    files = {"loot": loot, "budgets": peers_runs.budgets_of(loot),
             "walks": {one.walk: peers_sites.make_walks(folder, one.walk, flags.walks, flags.side,
                                                        one.players, loot, HOT_TILES)
                       for one in scenes}}
    out = {one.name: [] for one in chosen}
    database = before_sites.Database()
    try:
        for turn in range(flags.rounds):
            made = folder / str(turn)
            made.mkdir()
            for contender in chosen:
                out[contender.name].append(measure(contender, database, made, client, files, flags))
                save(out)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # cleaning up goes on to its end
        database.server.remove()


def read_flags():
    parser = argparse.ArgumentParser(prog="script/bench peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="CONTENDER", help="may be repeated: "
                        "hunt-sqlite hunt-postgres map redis-postgres postgres redis")
    parser.add_argument("--scene", action="append", choices=SCENES, help="may be repeated")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement (4)")
    parser.add_argument("--rounds", type=int, default=1, help="medians of so many (1)")
    parser.add_argument("--connections", type=int, default=64, help="of the client (64)")
    parser.add_argument("--pipeline", type=int, default=1,
                        help="requests under way on each at most (1)")
    parser.add_argument("--smoke", action="store_true",
                        help="seconds: does it work? judges nothing")
    parser.add_argument("--hunt", type=Path, default=ROOT / "build/hunt")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    flags = parser.parse_args()
    vars(flags).update(SMOKE if flags.smoke else FULL)
    flags.scenes = flags.scene or (SCENES if flags.smoke else SCENES[:1])
    if flags.smoke:
        flags.seconds = min(flags.seconds, 0.3)
    return flags


def merge(kept, rounds):
    """The contenders in their order; scenes that were not run keep what they were."""
    out = {}
    for one in peers_sites.CONTENDERS:
        before = kept.get(one.name)
        if rounds.get(one.name):
            entry = {**rounds[one.name][-1],
                     "scenes": median_of([told["scenes"] for told in rounds[one.name]]),
                     "rounds": [told["scenes"] for told in rounds[one.name]]}
            if before:
                entry["scenes"] = {**before["scenes"], **entry["scenes"]}
            out[one.name] = entry
        elif before:
            out[one.name] = before
    return out


def main(flags):
    known = {one.name: one for one in peers_sites.CONTENDERS}
    unknown = [name for name in flags.only or [] if name not in known]
    if unknown:
        print(f"script/bench peers: no contender {unknown[0]}; there are: {' '.join(known)}",
              file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    client, trouble = peers_sites.build_client()
    trouble = trouble or before_sites.install()
    if trouble:
        print(f"script/bench peers: {trouble}", file=sys.stderr)
        return 1
    flags.out.mkdir(parents=True, exist_ok=True)
    file = flags.out / "peers.json"
    is_part = flags.only or flags.scene
    kept = json.loads(file.read_text())["contenders"] if is_part and file.exists() else {}
    results = {"command": " ".join(["script/bench peers", *sys.argv[1:]]), "commit": run.commit(),
               "machine": run.machine()}

    def save(rounds):
        results["contenders"] = merge(kept, rounds)
        results["goals"] = [] if flags.smoke else peers_table.goals(results["contenders"])
        results["machine"]["load_after"] = round(os.getloadavg()[0], 2)
        file.write_text(json.dumps(results, indent=1) + "\n")

    chosen = [one for name, one in known.items() if not flags.only or name in flags.only]
    with tempfile.TemporaryDirectory(prefix="hunt-peers-") as name:
        try:
            run_rounds(chosen, flags, Path(name), client, save)
        except before_sites.Failed as error:
            print(f"script/bench peers: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    peers_table.tell(results)
    print(f"  {file}")
    return 0


if __name__ == "__main__":
    FLAGS = read_flags()
    os.environ["HUNT_TEST_BINARY"] = str(FLAGS.hunt.resolve())
    # These read where the binary is when they are loaded.
    import before_sites
    import peers_runs
    import peers_sites
    import peers_table
    import run
    sys.exit(main(FLAGS))
