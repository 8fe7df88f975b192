"""script/bench before-after: the systems of docs/STORY.md rebuilt, and one rush over all of them.

Each contender in turn gets servers of its own on this machine: a ladder of steps of constant load,
until one is not kept up with, then the rush (300 requests a second, then 3,000 to 28,000 players of
a step a second each), from the same generator, over the same loot. Afterwards the books have to
balance, and the logs of all servers are searched for the story's error lines. Writes
<out>/before-after.json and one page with plots, <out>/before-after.html. A run of some contenders
replaces theirs and keeps the others'. About 13 minutes for all; use a quiet machine.
"""
import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from before_ladder import best, sustained, sustained_text
from progress import say, say_progress

ROOT = Path(__file__).resolve().parent.parent
STEADY_MS_MAX = 100
STEP_S, STEADY_STEP_S, SPEED = 4, 10, 12
PAUSE_S = 1.5  # between steps: the database ends what stands idle for a second
LOOT, SIDE = 100_000, 4_096
SMOKE_LOOT, SMOKE_SIDE = 2_000, 180


def measure(contender, database, folder, loot, flags):
    """Everything about one contender."""
    print(f"{time.strftime('%H:%M:%S')} {contender.title}", flush=True)
    begun = time.monotonic()
    site = before_sites.open_site(contender, database, folder, loot, flags.side)
    try:
        start_s = time.monotonic() - begun
        steady = None
        if contender.first_rate == before_runs.STEADY_RATE:
            before_runs.generate(site, before_runs.flat(100, flags.steady / 2), seed=98)
            time.sleep(flags.pause)
            steady = before_runs.step(site, before_runs.STEADY_RATE, flags.steady, seed=99)
            say(f"the steady load, 300/s: p99 {steady['p99_ms']:.1f} ms")
            time.sleep(flags.pause)
        steps = before_runs.ladder(site, flags.step, say, flags.most, flags.pause)
        before_runs.settle(site)
        run = before_runs.rush(site, flags.speed, flags.scale, say_progress)
        run["flat_seconds"] = before_runs.flat_seconds(site, run)
        say_progress("")
        broke = run["broke"]
        say(f"the rush: {100 * run['ok'] / max(1, run['due']):.1f} % answered, "
            + (f"broken at {broke['rate']:,}/s" if broke else "held"))
        return {"title": contender.title, "batch": contender.batch, "wire": contender.wire,
                "workers": contender.workers, "max_connections": contender.max_connections,
                "date": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
                "start_s": start_s, "steady": steady, "ladder": steps, "rush": run,
                "wounds": site.wounds(), "grants": site.books()}
    finally:
        site.close()


def at_story_load(entry, cores):
    """The greatest step of load at which the machine was used as much as in the story at most."""
    most = before_cost.MODEL["utilisation"] * cores
    near = [one for one in entry["ladder"] if one["kept_up"] and one["machine_cores"] <= most]
    return max(near, key=lambda one: one["rate"], default=None)


def at_same_load(*entries):
    """The steps of all at the greatest load that each kept up with; None where there is none."""
    kept = [{one["rate"]: one for one in entry["ladder"] if one["kept_up"]} for entry in entries]
    common = set.intersection(*(set(steps) for steps in kept))
    return [steps[max(common)] for steps in kept] if common else None


def compared(other, ours, least):
    """(measured, met): how many times less CPU ours takes, each at its best step, and where the
    ladders have a load in common there as well. Both have to be met."""
    ratios = [best(other)["cpu_s_per_million"] / best(ours)["cpu_s_per_million"]]
    measured = f"{ratios[0]:,.1f} times, each at its best step"
    if same := at_same_load(other, ours):
        ratios.append(same[0]["cpu_s_per_million"] / same[1]["cpu_s_per_million"])
        measured += f"; {ratios[1]:,.1f} times at the same {same[0]['rate']:,}/s"
    return measured, min(ratios) >= least


def goals(contenders, cores):
    """[(what, measured, met)] of those that were run."""
    out = []

    def add(what, measured, met):
        out.append({"what": what, "measured": measured, "met": bool(met)})

    if engine := contenders.get("engine"):
        p99 = engine["steady"]["p99_ms"]
        add(f"hunt-engine at 300 requests/s: p99 at most {STEADY_MS_MAX} ms", f"{p99:.1f} ms",
            p99 <= STEADY_MS_MAX)
    for other, ours, least in (("engine", "hunt-batches", 1000),
                               ("tuned-batches", "hunt-batches", 20),
                               ("tuned-batches", "hunt-json", 20), ("tuned", "hunt", 3)):
        pair = [contenders.get(name) for name in (other, ours)]
        if all(entry and best(entry) for entry in pair):
            add(f"CPU of all servers for a million: {pair[1]['title']} at least {least} times less"
                f" than {pair[0]['title']}", *compared(*pair, least))
    for name in ("engine", "bigger", "pgbouncer"):
        if name in contenders:
            broke = contenders[name]["rush"]["broke"]
            add(f"the rush breaks {contenders[name]['title']}",
                f"at {broke['rate']:,}/s" if broke else "it did not", broke)
    for name in ("hunt", "hunt-batches"):
        if name in contenders:
            broke = contenders[name]["rush"]["broke"]
            add(f"the rush does not break {contenders[name]['title']}",
                f"at {broke['rate']:,}/s" if broke else "it did not", not broke)
    for name in ("hunt", "hunt-batches"):
        if (ours := contenders.get(name)) and best(ours):
            total = before_cost.of_million(before_cost.step_of(ours, cores))["total"]
            add(f"{ours['title']}: at most $0.02 for a million", f"${total:.4f}", total <= 0.02)
    return out


def row_of(entry, cores):
    """The figures of one contender for the tables, as text."""
    near = at_story_load(entry, cores)
    one, run = best(entry), entry["rush"]
    broke = run["broke"]
    return [
        entry["title"],
        sustained_text(*sustained(entry)),
        f"{one['cpu_s_per_million']:,.2f}" if one else "",
        f"{before_cost.of_million(before_cost.step_of(entry, cores))['total']:.4f}" if one else "",
        f"{near['p99_ms']:.1f} at {near['rate']:,}/s" if near else "",
        f"{broke['rate']:,}/s" if broke else "held",
        f"{100 * run['ok'] / max(1, run['due']):.1f}",
        f"{run['p99_ms']:,.0f}",
        f"{max((row['connections'] for row in run['seen']), default=0)}",
        ", ".join(f"{name}: {count:,}" for name, count in entry["wounds"].items()) or "none",
    ]


HEADS = ["contender", "sustained/s", "CPU-s a million", "$ a million", "p99 ms at 48 %",
         "the rush broke it at", "answered %", "p99 ms", "connections", "lines in the logs"]


def tell(results):
    cores = results["machine"]["cores"]
    rows = [HEADS] + [row_of(entry, cores) for entry in results["contenders"].values()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS) - 1)]
    print()
    for row in rows:
        words = [word.ljust(width) for word, width in zip(row, widths)]
        print("  " + "  ".join([*words, row[-1]]))
    for goal in results["goals"]:
        print(f"  goal: {goal['what']}: {goal['measured']}: {'met' if goal['met'] else 'NOT MET'}")


def write(results, out):
    """The file of all figures, with the contenders in their order."""
    known = [one.name for one in before_sites.CONTENDERS if one.name in results["contenders"]]
    results["contenders"] = {name: results["contenders"][name] for name in known}
    (out / "before-after.json").write_text(json.dumps(results, indent=1) + "\n")


def save(results, out, is_smoke):
    results["goals"] = [] if is_smoke else goals(results["contenders"],
                                                    results["machine"]["cores"])
    results["story"] = before_cost.of_story()
    write(results, out)
    (out / "before-after.html").write_text(before_page.page(results, HEADS, row_of))
    (out / "before-after.svg").write_text(before_page.answered_plot(results["contenders"]) + "\n")
    if not is_smoke:
        tell(results)
    print(f"  {out / 'before-after.json'}, {out / 'before-after.html'}")


def run_all(chosen, flags, results, folder):
    loot = before_sites.make_loot(folder, flags.loot, flags.side)
    folder.chmod(0o755)  # PgBouncer runs as another user
    database = before_sites.Database()
    try:
        for contender in chosen:
            results["contenders"][contender.name] = measure(contender, database, folder, loot,
                                                            flags)
            write(results, flags.out)  # a run that is ended early keeps what it has
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # cleaning up goes on to its end
        database.server.remove()


def read_flags():
    parser = argparse.ArgumentParser(prog="script/bench before-after", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="CONTENDER", help="may be repeated")
    parser.add_argument("--speed", type=float, default=SPEED,
                        help="how many times as fast as in the story the players come")
    parser.add_argument("--step", type=float, default=STEP_S, help="seconds of each step of load")
    parser.add_argument("--most", type=int, default=1_000_000, help="positions/s at most")
    parser.add_argument("--smoke", action="store_true",
                        help="seconds: does it work? judges nothing")
    parser.add_argument("--report", action="store_true", help="only make table and page anew")
    parser.add_argument("--publish", metavar="NOTE",
                        help="no run: what <out>/before-after.json has goes to where it is told,"
                             " src/plan/measured.json, README.md, docs/BENCHMARKS.md and"
                             " docs/before-after.svg; NOTE says what else ran on the machine")
    parser.add_argument("--hunt", type=Path, default=ROOT / "build/hunt")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    flags = parser.parse_args()
    flags.loot, flags.side, flags.steady = LOOT, SIDE, STEADY_STEP_S
    flags.scale, flags.pause = 1, PAUSE_S
    if flags.smoke:
        flags.loot, flags.side, flags.steady = SMOKE_LOOT, SMOKE_SIDE, 1
        flags.scale, flags.pause = 0.005, 0.1
        flags.step, flags.speed, flags.most = 1, 200, 200
    return flags


def main(flags):
    known = {one.name: one for one in before_sites.CONTENDERS}
    unknown = [name for name in flags.only or [] if name not in known]
    if unknown:
        print(f"script/bench before-after: no contender {unknown[0]}; there are: {' '.join(known)}",
              file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    flags.out.mkdir(parents=True, exist_ok=True)
    results = {"contenders": {}}
    kept = flags.out / "before-after.json"
    if kept.exists() and (flags.only or flags.report or flags.publish):
        results["contenders"] = json.loads(kept.read_text())["contenders"]
    if flags.report or flags.publish:
        results |= {"machine": json.loads(kept.read_text())["machine"]}
        save(results, flags.out, flags.smoke)
        if flags.publish:
            before_docs.publish(results, flags.publish)
        return 0
    trouble = before_sites.install()
    if trouble:
        print(f"script/bench before-after: {trouble}", file=sys.stderr)
        return 1
    results["machine"] = run.machine()
    chosen = [one for name, one in known.items() if not flags.only or name in flags.only]
    with tempfile.TemporaryDirectory(prefix="hunt-before-") as name:
        try:
            run_all(chosen, flags, results, Path(name))
        except before_sites.Failed as error:
            print(f"script/bench before-after: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    save(results, flags.out, flags.smoke)
    return 0


if __name__ == "__main__":
    FLAGS = read_flags()
    os.environ["HUNT_TEST_BINARY"] = str(FLAGS.hunt.resolve())
    # These read where the binary is when they are loaded.
    import before_cost
    import before_docs
    import before_page
    import before_runs
    import before_sites
    import run
    sys.exit(main(FLAGS))
