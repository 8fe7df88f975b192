"""script/bench knee: how latencies grow with the load, on the whole stack.

At full load everything waits for a core, so the p99 of a single part says little there. Here the
load goes up by steps, from a hundredth of the reference load to all of it: players, positions and
changes of tiles together. nats-server, a Redis Cluster of three, two PostgreSQL shards, the relay,
one orchestrator and the generator run on this machine. For each step: how much of the machine is in
use, and the p99 of an answer (at the generator, from when it was due), and of a read of the cache,
a load from the store, a grant call and a change on its way from its commit to every memory (at the
orchestrator, of the last ten seconds). What holds at 48 % of the machine, which the story's second
design had in its worst second, is interpolated between the steps beside it. Writes <out>/knee.json
and <out>/knee.svg. About six minutes; use a quiet machine.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chart import Chart
from progress import bar, say, say_progress
from told import add_flags, goal_line, markdown, print_table, publish

EXAMPLES = """examples:
  script/bench knee                              ten steps of 20 s, three small ones before
  script/bench knee --steps 5 --seconds 30       … a fifth of the load, two fifths, …
  script/bench knee --smoke                      seconds: does it work? judges nothing
  script/bench knee --publish "nothing else ran"  what <out> has goes into docs/BENCHMARKS.md
"""
STORY_PERCENT = 48
WINDOW_S = 10  # of which the orchestrator tells quantiles
TAIL_S = 1  # at the end, when `hunt rush` sends no more
COUNT_LEAST = 100  # of a step: a p99 of fewer is not told

# The story's table: what is measured, its title, what it may take at most at 48 %, in ms.
FIGURES = {
    "answer": ("an answer", None),
    "cache_read": ("a read of the cache", 1),
    "store_load": ("a load from the store", 5),
    "store_grant": ("a grant call", None),
    "invalidation_lag": ("commit to every memory", 20),
}
HITS_LEAST = 99.99


def step(site, size, share, seconds):
    """One step of load: what came of it."""
    server = site.orchestrators[0]
    before, others, machine = stack.metrics(server), Others(), load.Machine()
    report = load.play(site, size, share, seconds)
    percent = machine.percent(min(WINDOW_S, seconds), TAIL_S)
    after = stack.metrics(server)
    figures = {"answer": {"p50_ms": 1e3 * report["latency_seconds"]["p50"],
                          "p99_ms": 1e3 * report["latency_seconds"]["p99"],
                          "count": report["answered"]}}
    for name in FIGURES:
        if name == "answer":
            continue
        metric = f"hunt_{name}_seconds"
        quantiles = {name_ms: 1e3 * after[f'{metric}{{quantile="{quantile}"}}']
                     for name_ms, quantile in (("p50_ms", "0.5"), ("p99_ms", "0.99"))}
        count = after[f"{metric}_count"] - before[f"{metric}_count"]
        if math.isnan(quantiles["p99_ms"]):  # none of late
            quantiles, count = {"p50_ms": None, "p99_ms": None}, 0
        figures[name] = {**quantiles, "count": count}
    l1, l2 = (stack.hit_ratio(before, after, level) for level in ("l1", "l2"))
    return {"share": share, "rate": report["rate"],
            "answered_per_second": report["positions_per_second"],
            "machine_percent": percent, "others_cores": others.cores(),
            "hits_percent": stack.together(l1, l2), "l1_percent": l1, "l2_percent": l2,
            "busy": report["outcomes"]["busy"], "lost": report["lost"],
            "grants": report["grants"], "changes": report.get("tile_changes", 0),
            "limited_by": report["limited_by"], "figures": figures}


def curve(steps, name):
    """[(per cent of the machine, p99 in ms)] of the steps that have enough of it."""
    return sorted((one["machine_percent"], one["figures"][name]["p99_ms"]) for one in steps
                  if one["figures"][name]["count"] >= COUNT_LEAST)


def at(points, x):
    """Between the points beside it, in proportion; None where it is not between two of them."""
    for (left, low), (right, high) in zip(points, points[1:]):
        if left <= x <= right:
            return low + (high - low) * (x - left) / ((right - left) or 1)
    return None


def quoted(steps):
    """{figure: its value at the story's use of the machine, or None}."""
    out = {name: at(curve(steps, name), STORY_PERCENT) for name in FIGURES}
    hits = sorted((one["machine_percent"], one["hits_percent"]) for one in steps)
    return {**out, "hits_percent": at(hits, STORY_PERCENT)}


def goals(steps, values):
    """[{what, measured, met}] of what was reached; none where no step used so little."""
    calm = [one for one in steps if one["machine_percent"] <= STORY_PERCENT]
    if not calm:
        return []
    out = [{"what": f"{title} p99 at most {most} ms", "measured": f"{values[name]:.2f} ms",
            "met": values[name] <= most}
           for name, (title, most) in FIGURES.items() if most and values[name] is not None]
    if values["hits_percent"] is not None:
        out.append({"what": f"hits at least {HITS_LEAST} %",
                    "measured": f"{values['hits_percent']:.4f} %",
                    "met": values["hits_percent"] >= HITS_LEAST})
    bad = sum(one["busy"] + one["lost"] for one in calm)
    out.append({"what": "nothing shed or lost up to there", "measured": f"{bad:,}",
                "met": bad == 0})
    return out


HEADS = ["load %", "answered/s", "machine %", "hits %",
         *(title for title, _ in FIGURES.values()), "shed", "lost"]


def rows_of(results):
    """The cells of the table: the steps, and what holds at the story's use of the machine."""
    def told(value, digits):
        return "" if value is None else f"{value:.{digits}f}"

    rows = []
    for one in results["steps"]:
        figures = [one["figures"][name] for name in FIGURES]
        rows.append([told(100 * one["share"], 0), f"{one['answered_per_second']:,.0f}",
                     told(one["machine_percent"], 0), told(one["hits_percent"], 3),
                     *(told(each["p99_ms"], 2) if each["count"] >= COUNT_LEAST else "few"
                       for each in figures), f"{one['busy']:,}", f"{one['lost']:,}"])
    values = results["at_story"]
    if all(value is None for value in values.values()):
        return rows
    rows.append(["", "", f"{STORY_PERCENT}", told(values["hits_percent"], 3),
                 *(told(values[name], 2) for name in FIGURES), "", ""])
    return rows


def goal_lines(results):
    least = min(one["machine_percent"] for one in results["steps"])
    if least > STORY_PERCENT:
        return [f"at {STORY_PERCENT} % of the machine nothing is known: the first step used"
                f" {least:.0f} %"]
    return [f"at {STORY_PERCENT} % of the machine, {goal_line(goal)}" for goal in results["goals"]]


def tell(results):
    print("  p99, ms:")
    print_table([HEADS, *rows_of(results)])
    for line in goal_lines(results):
        print(f"  goal: {line}")


def body_of(results):
    """For told.publish()."""
    return (["p99 of each part, ms; a last line without a load is interpolated:", "",
             markdown(HEADS, rows_of(results))], goal_lines(results),
            "p99 over the use of the machine")


def plot(steps):
    series = [(title, curve(steps, name)) for name, (title, _) in FIGURES.items()]
    return Chart("p99, ms, over per cent of the machine in use, generator included",
                 [one for one in series if one[1]], is_log=True, width=860,
                 mark=STORY_PERCENT).draw() + "\n"


def measure(size, shares, seconds, warm_s):
    """The steps, on a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="hunt-knee-") as folder:
        site = Stack(Path(folder))
        try:
            load.bury(site, size)
            site.start_hunt(1)
            say("the stack is ready")
            load.play(site, size, shares[-1] / 10, warm_s)
            steps = []
            for share in shares:
                say_progress(f"{bar(len(steps) / len(shares))} {100 * share:.0f} % of the load")
                steps.append(step(site, size, share, seconds))
                last = steps[-1]
                say_progress("")
                say(f"{100 * share:3.0f} % of the load: {last['machine_percent']:3.0f} % of the"
                    f" machine, an answer's p99"
                    f" {last['figures']['answer']['p99_ms']:.2f} ms")
            audit = site.hunt("audit", *site.store_words)
            if audit.returncode != 0:
                raise Failed(f"hunt audit: {audit.stdout}{audit.stderr}")
            return steps
        finally:
            site.close()


def read_flags():
    parser = argparse.ArgumentParser(prog="script/bench knee", description=__doc__,
                                     epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10, metavar="N",
                        help="how many, 2 to 100, after three small ones")
    parser.add_argument("--seconds", type=int, default=20, metavar="N",
                        help="of each step, at least 12: quantiles are of ten seconds")
    parser.add_argument("--smoke", action="store_true",
                        help="two steps of seconds: does it work? judges nothing")
    add_flags(parser, "knee")
    flags = parser.parse_args()
    if not flags.smoke and (not 2 <= flags.steps <= 100 or flags.seconds < WINDOW_S + 2):
        parser.error("expected 2 to 100 steps of at least 12 seconds")
    return flags


def main(flags):
    if flags.publish:
        publish(flags.out, "knee", flags.publish, body_of)
        return 0
    size, steps, seconds, warm_s = load.FULL, flags.steps, flags.seconds, 8
    if flags.smoke:
        size, steps, seconds, warm_s = load.SMALL, 2, 4, 2
    shares = [(i + 1) / steps for i in range(steps)]
    if not flags.smoke:  # by a first step of a tenth half of two cores is in use
        shares = [shares[0] / 10, shares[0] / 4, shares[0] / 2, *shares]
    begun = time.monotonic()
    try:
        measured = measure(size, shares, seconds, warm_s)
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        print(f"script/bench knee: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    values = quoted(measured)
    results = {"date": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()), "machine": run.machine(),
               "full_load": size, "seconds_a_step": seconds, "story_percent": STORY_PERCENT,
               "steps": measured, "at_story": values,
               "goals": [] if flags.smoke else goals(measured, values),
               "seconds": time.monotonic() - begun}
    flags.out.mkdir(parents=True, exist_ok=True)
    (flags.out / "knee.json").write_text(json.dumps(results, indent=1) + "\n")
    (flags.out / "knee.svg").write_text(plot(measured))
    tell(results)
    print(f"  {results['seconds']:.0f} s; {flags.out / 'knee.json'}, {flags.out / 'knee.svg'}")
    return 0


if __name__ == "__main__":
    FLAGS = read_flags()
    os.environ["HUNT_TEST_BINARY"] = str(FLAGS.hunt.resolve())
    # These read where the binary is when they are loaded.
    import reference_load as load
    import run
    import stack
    from parts import Failed, Stack
    from why_machine import Others
    sys.exit(main(FLAGS))
