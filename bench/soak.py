"""script/bench soak: does an orchestrator stay as it was, for half an hour under load?

The whole stack (nats-server, a Redis Cluster of three, two PostgreSQL shards, the relay, one
orchestrator) at a part of the reference load: players, positions and changes of tiles together.
Every ten seconds the memory of the orchestrator and of the relay is read, and the p99 of an answer
and of a grant call, of these ten seconds. The first third is for caches that fill. What memory
grows by in an hour is the median of the slopes between all pairs of the readings after it
(Theil and Sen's), so a single jump does not decide; the drift of a p99 is the median of the last
third over that of the second. Writes <out>/soak.json and <out>/soak.svg. Half an hour; use a quiet
machine.
"""
import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from chart import Chart
from progress import bar, say, say_progress
from told import add_flags, goal_line, markdown, print_table, publish

EXAMPLES = """examples:
  script/bench soak                               half an hour at 70 % of the reference load
  script/bench soak --seconds 600 --share 0.3     ten minutes at 30 %
  script/bench soak --smoke                       seconds: does it work? judges nothing
  script/bench soak --publish "nothing else ran"  what <out> has goes into docs/BENCHMARKS.md
"""
LOOK_S = 10
GROWTH_MIB_PER_HOUR = 1  # goals
DRIFT_TIMES = 1.1
LATENCIES = {"answer": "hunt_answer_seconds", "store_grant": "hunt_store_grant_seconds"}


class Watch(threading.Thread):
    """Looks at the processes every so many seconds until it is stopped."""

    def __init__(self, server, relay, every_s, total_s):
        super().__init__(daemon=True)
        self.server, self.relay, self.every_s, self.total_s = server, relay, every_s, total_s
        self.over = threading.Event()
        self.looks = []
        self.begun = time.monotonic()
        self.start()

    def look(self):
        figures = stack.metrics(self.server)
        one = {"at_s": time.monotonic() - self.begun,
               "orchestrator_mib": resident_mib(self.server.process),
               "relay_mib": resident_mib(self.relay.process),
               "chunks_mib": figures["hunt_l1_bytes"] / 2**20, "chunks": figures["hunt_l1_chunks"]}
        for name, metric in LATENCIES.items():
            value = 1e3 * figures[f'{metric}{{quantile="0.99"}}']
            one[f"{name}_p99_ms"] = None if math.isnan(value) else value
        return one

    def run(self):
        while not self.over.wait(self.every_s):
            try:
                self.looks.append(self.look())
            except OSError:
                continue  # one that ended is found by the rush
            last = self.looks[-1]
            say_progress(f"{bar(last['at_s'] / self.total_s)} {last['orchestrator_mib']:.1f} MiB, "
                         f"relay {last['relay_mib']:.1f} MiB, p99 {last['answer_p99_ms'] or 0:.1f}"
                         " ms")

    def stop(self):
        self.over.set()
        self.join()
        say_progress("")
        return self.looks


def thirds(looks, total_s):
    """The looks of the second and of the last third of the time."""
    return ([one for one in looks if total_s / 3 <= one["at_s"] < total_s * 2 / 3],
            [one for one in looks if total_s * 2 / 3 <= one["at_s"] < total_s])


def growth_mib_per_hour(looks, name):
    """The median of the slopes between all pairs; None of less than two looks."""
    slopes = [(late[name] - early[name]) / (late["at_s"] - early["at_s"])
              for early, late in itertools.combinations(looks, 2) if late["at_s"] > early["at_s"]]
    return 3600 * statistics.median(slopes) if slopes else None


def drift_times(second, last, name):
    """The median of the last third over that of the second; None where either has none."""
    medians = [statistics.median(values) if values else None for values in
               ([one[name] for one in some if one[name] is not None] for some in (second, last))]
    return medians[1] / medians[0] if None not in medians and medians[0] > 0 else None


def judged(looks, total_s):
    """What became of memory and p99: {figure: value}."""
    second, last = thirds(looks, total_s)
    out = {f"{part}_growth_mib_per_hour": growth_mib_per_hour(second + last, f"{part}_mib")
           for part in ("orchestrator", "relay")}
    for name in LATENCIES:
        out[f"{name}_p99_drift_times"] = drift_times(second, last, f"{name}_p99_ms")
    return out


def goals(figures, report):
    """[{what, measured, met}] of what was measured."""
    out = []
    for part in ("orchestrator", "relay"):
        value = figures[f"{part}_growth_mib_per_hour"]
        if value is not None:
            out.append({"what": f"memory of the {part} grows by less than {GROWTH_MIB_PER_HOUR}"
                                " MiB an hour",
                        "measured": f"{value:.2f} MiB", "met": value < GROWTH_MIB_PER_HOUR})
    value = figures["answer_p99_drift_times"]
    if value is not None:
        out.append({"what": f"the p99 of an answer at most {DRIFT_TIMES} times what it was",
                    "measured": f"{value:.2f} times", "met": value <= DRIFT_TIMES})
    out.append({"what": "nothing shed or lost",
                "measured": f"{report['busy']:,} and {report['lost']:,}",
                "met": report["busy"] == 0 and report["lost"] == 0})
    return out


def rows_of(results, count=7):
    """Cells of so many parts of the time: the median of each."""
    looks, total_s = results["looks"], results["seconds"]
    rows = []
    for i in range(count):
        begin_s, end_s = total_s * i / count, total_s * (i + 1) / count
        some = [one for one in looks if begin_s <= one["at_s"] < end_s]
        if not some:
            continue
        cells = [f"{begin_s / 60:.0f} to {end_s / 60:.0f}"]
        for name, digits in (("orchestrator_mib", 1), ("relay_mib", 1), ("answer_p99_ms", 2),
                             ("store_grant_p99_ms", 2)):
            values = [one[name] for one in some if one[name] is not None]
            cells.append(f"{statistics.median(values):.{digits}f}" if values else "")
        rows.append(cells)
    return rows


HEADS = ["minutes", "orchestrator, MiB", "relay, MiB", "an answer's p99, ms",
         "a grant call's p99, ms"]


def headline(results):
    report = results["report"]
    return (f"{report['answered_per_second']:,.0f} positions/s for {results['seconds']:,} s: "
            f"{report['answered']:,} answered, {report['grants']:,} grants, {report['changes']:,} "
            f"changes of tiles; {results['machine_percent']:.0f} % of the machine, generator "
            "included")


def tell(results):
    print(f"  {headline(results)}")
    print_table([HEADS, *rows_of(results)])
    for goal in results["goals"]:
        print(f"  goal: {goal_line(goal)}")


def body_of(results):
    """For told.publish()."""
    return ([f"{headline(results)}. Medians:", "", markdown(HEADS, rows_of(results))],
            [goal_line(goal) for goal in results["goals"]], "memory over time")


def plot(looks):
    series = [(title, [(one["at_s"] / 60, one[name]) for one in looks])
              for title, name in (("orchestrator", "orchestrator_mib"), ("relay", "relay_mib"))]
    return Chart("memory, MiB, over minutes", series, width=860).draw() + "\n"


def measure(size, share, seconds, every_s):
    """{looks, report, machine_percent} of a run on a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="hunt-soak-") as folder:
        site = Stack(Path(folder))
        try:
            load.bury(site, size)
            site.start_hunt(1)
            say("the stack is ready")
            server, begun = site.orchestrators[0], time.monotonic()
            watch = Watch(server, site.relay, every_s, seconds)
            cpu = cpu_seconds_of_machine()
            try:
                report = load.play(site, size, share, seconds)
            finally:
                looks = watch.stop()
            used = cpu_seconds_of_machine() - cpu
            percent = 100 * used / (time.monotonic() - begun) / os.cpu_count()
            audit = site.hunt("audit", *site.store_words)
            if audit.returncode != 0:
                raise Failed(f"hunt audit: {audit.stdout}{audit.stderr}")
            return {"looks": looks, "machine_percent": percent,
                    "report": {"answered": report["answered"], "busy": report["outcomes"]["busy"],
                               "lost": report["lost"], "grants": report["grants"],
                               "answered_per_second": report["positions_per_second"],
                               "changes": report.get("tile_changes", 0)}}
        finally:
            site.close()


def read_flags():
    parser = argparse.ArgumentParser(prog="script/bench soak", description=__doc__,
                                     epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1800, metavar="N", help="at least 60")
    parser.add_argument("--share", type=float, default=0.7, metavar="S",
                        help="of the reference load, above 0 and at most 1 (0.7)")
    parser.add_argument("--smoke", action="store_true",
                        help="seconds, little load: does it work? judges nothing")
    add_flags(parser, "soak")
    flags = parser.parse_args()
    if not 0 < flags.share <= 1 or flags.seconds < 60:
        parser.error("expected a share above 0 and at most 1, and at least 60 seconds")
    return flags


def main(flags):
    if flags.publish:
        publish(flags.out, "soak", flags.publish, body_of)
        return 0
    size, seconds, every_s = load.FULL, flags.seconds, LOOK_S
    if flags.smoke:
        size, seconds, every_s = load.SMALL, 6, 1
    try:
        measured = measure(size, flags.share, seconds, every_s)
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        print(f"script/bench soak: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    figures = judged(measured["looks"], seconds)
    results = {"date": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()), "machine": run.machine(),
               "commit": run.commit(), "full_load": size, "share": flags.share, "seconds": seconds,
               **figures, "goals": [] if flags.smoke else goals(figures, measured["report"]),
               **measured}
    flags.out.mkdir(parents=True, exist_ok=True)
    (flags.out / "soak.json").write_text(json.dumps(results, indent=1) + "\n")
    (flags.out / "soak.svg").write_text(plot(measured["looks"]))
    tell(results)
    print(f"  {flags.out / 'soak.json'}, {flags.out / 'soak.svg'}")
    return 0


if __name__ == "__main__":
    FLAGS = read_flags()
    os.environ["HUNT_TEST_BINARY"] = str(FLAGS.hunt.resolve())
    # These read where the binary is when they are loaded.
    import reference_load as load
    import run
    import stack
    from parts import Failed, Stack
    from whole import resident_mib
    from why_machine import cpu_seconds_of_machine
    sys.exit(main(FLAGS))
