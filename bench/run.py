"""Runs benchmarks and writes what they gave: the work behind script/bench.

Medians with their spread, each beside its ceiling or alternative in the same run, repetitions
interleaved at random. Writes <out>/<name>.json and <out>/<name>.svg, prints a table of ratios.
With --smoke it checks that every benchmark runs and gives every row it should, and judges no time.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import plot
import stack
import suites
import whole
from suites import Goal, Group, Row

ROOT = Path(__file__).resolve().parent.parent

UP_GROUPS = [
    Group("Answer at the reference load, 120,000 positions/s", "ms", [
        Row("reference/p50", "p50"), Row("reference/p99", "p99"), Row("reference/p999", "p99.9"),
        Row("reference/max", "max"),
    ], [Goal("reference load: p99 at most 2 ms", "reference/p99", most=2)]),
    Group("Cores at the reference load", "cores", [
        Row("reference/serve_cores", "serving: the lanes"),
        Row("reference/store_cores", "store, relay and the rest"),
        Row("reference/generator_cores", "generator"),
    ], [Goal("reference load: the serving part under half a core", "reference/serve_cores",
             most=0.5)]),
    Group("Positions at the reference load", "", [
        Row("reference/rate", "answered per second"), Row("reference/busy", "shed"),
        Row("reference/lost", "lost"),
    ], [Goal("reference load: nothing shed", "reference/busy", most=0)]),
    Group("As fast as it goes: hunt up --rate max", "M positions/s", [
        Row("max/rate", "answered"),
    ], [Goal("--rate max: at least 10 M positions/s in process", "max/rate", least=10)]),
    Group("hunt serve with 100,000 loot tiles under load", "MiB resident", [
        Row("serve/resident", "after 1 minute"),
    ], [Goal("serve with 100,000 loot tiles: at most 64 MiB resident", "serve/resident",
             most=64)]),
]
CLOCK_GROUPS = [
    Group("CPU of the lane at 300,000 positions/s", "s per million positions", [
        Row("clock/on", "with the stage clock"), Row("clock/off", "without it", "alternative"),
    ]),
    Group("With the stage clock beside without it, by pair", "times", [
        Row("clock/ratio", "on / off"),
    ], [Goal("the stage clock costs at most 3 %", "clock/ratio", most=1.03)]),
]
SOAK_GROUP = Group("hunt serve with 100,000 loot tiles under load", "MiB resident", [
    Row("serve/resident", "after 2 minutes"), Row("serve/resident_late", "after 10 minutes"),
    Row("serve/growth", "growth from 2 to 10 minutes"),
], [Goal("serve: at most 64 MiB resident", "serve/resident_late", most=64),
    Goal("serve: flat within 4 MiB from 2 to 10 minutes", "serve/growth", most=4)])




def rush_groups(name, title, hits):
    """The rush over NATS on one orchestrator; goals are the figures told in docs/STORY.md."""
    return [
        Group(f"The rush, {title}: hits", "%", [
            Row(f"{name}/both", "memory and cache together"), Row(f"{name}/l1", "memory, positions"),
            Row(f"{name}/loot", "memory, of those on loot"),
            Row(f"{name}/l2", "the cache alone, chunks that memory lacked"),
        ], [Goal(f"the rush, {title}: hit ratio at least {hits} %", f"{name}/both", least=hits)]),
        Group(f"The rush, {title}: latencies", "ms", [
            Row(f"{name}/p50", "an answer, p50"), Row(f"{name}/p99", "an answer, p99"),
            Row(f"{name}/l2_p50", "a read of the cache, p50"),
            Row(f"{name}/l2_p99", "a read of the cache, p99"),
            Row(f"{name}/load_p50", "a load from the store, p50"),
            Row(f"{name}/load_p99", "a load from the store, p99"),
            Row(f"{name}/grant_p50", "a grant call, p50"),
            Row(f"{name}/grant_p99", "a grant call, p99"),
            Row(f"{name}/change_p50", "commit to memory, p50"),
            Row(f"{name}/change_p99", "commit to memory, p99"),
        ], [Goal(f"the rush, {title}: a read of the cache p99 at most 1 ms", f"{name}/l2_p99",
                 most=1),
            Goal(f"the rush, {title}: a load p99 at most 28 ms", f"{name}/load_p99", most=28),
            Goal(f"the rush, {title}: commit to memory p99 at most 20 ms", f"{name}/change_p99",
                 most=20)]),
        Group(f"The rush, {title}: cores", "cores", [
            Row(f"{name}/cores_max", "the orchestrator in its worst second"),
            Row(f"{name}/cores", "the orchestrator, mean"),
            Row(f"{name}/cores_all", "all servers and the generator, mean of 2"),
        ], [Goal(f"the rush, {title}: the orchestrator never above 0.48 of a core",
                 f"{name}/cores_max", most=0.48)]),
        Group(f"The rush, {title}: counts", "", [
            Row(f"{name}/grants", "grants"), Row(f"{name}/changes", "tile changes per second"),
            Row(f"{name}/busy", "shed"), Row(f"{name}/lost", "lost"),
            Row(f"{name}/connections_before", "connections to PostgreSQL before the players"),
            Row(f"{name}/connections", "at most, with 28,000 of them"),
            Row(f"{name}/connections_after", "after"),
        ], [Goal(f"the rush, {title}: nothing shed", f"{name}/busy", most=0),
            Goal(f"the rush, {title}: no connection for players", f"{name}/connections", most=1,
                 beside=f"{name}/connections_before"),
            Goal(f"the rush, {title}: nothing lost", f"{name}/lost", most=0)]),
    ]


STACK_GROUPS = [
    Group("Reference load in one process on 7 Redis nodes, 2 shards", "ms", [
        Row("inproc/p50", "an answer, p50"), Row("inproc/p99", "an answer, p99"),
        Row("inproc/load_p99", "a load from the store, p99"),
        Row("inproc/grant_p99", "a grant call, p99"),
    ], [Goal("reference load on the stack: a load p99 at most 28 ms", "inproc/load_p99",
             most=28)]),
    Group("The same: hits", "%", [
        Row("inproc/both", "memory and cache together"), Row("inproc/l1", "memory, positions"),
        Row("inproc/loot", "memory, of those on loot"),
        Row("inproc/l2", "the cache alone, its filling ahead included"),
    ], [Goal("reference load on the stack: hit ratio at least 99.99 %", "inproc/both",
             least=99.99)]),
    Group("The same: counts", "", [
        Row("inproc/rate", "answered per second"), Row("inproc/busy", "shed"),
        Row("inproc/connections", "connections to PostgreSQL, at most"),
    ], [Goal("reference load on the stack: nothing shed", "inproc/busy", most=0)]),
    Group("The same: what a grant costs", "", [
        Row("inproc/rows", "rows written"), Row("inproc/wal", "bytes of PostgreSQL's log"),
        Row("inproc/redis", "commands of Redis"),
    ]),
    Group("A relay that catches up, both shards", "changes per second", [
        Row("relay/drain", "told, cached and confirmed, its start included"),
    ], [Goal("the relay catches up with at least 50,000 changes/s", "relay/drain", least=50_000)]),
    *rush_groups("cold", "cold", 99.2),
    *rush_groups("warm", "read ahead", 99.99),
]


def output_of(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.machine())
    memory_kib = int(open("/proc/meminfo").readline().split()[1])
    return {
        "cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(memory_kib / 2**20, 1),
        "kernel": platform.release(), "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "compiler": output_of("c++", "--version").split("\n")[0],
        "disk": output_of("findmnt", "-no", "SOURCE,FSTYPE", "-T", tempfile.gettempdir()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def commit():
    dirty = output_of("git", "status", "--porcelain", "--untracked-files=no", "src", "CMakeLists.txt")
    return output_of("git", "rev-parse", "--short", "HEAD") + (" and changes" if dirty else "")


def run_program(program, suite, smoke):
    """Every repetition of every benchmark of a Google Benchmark program: {id: [run]}."""
    repetitions, min_time = (1, 0.001) if smoke else (suite.repetitions, suite.min_time)
    env = {**os.environ, **({"HUNT_BENCH_SMOKE": "1"} if smoke else {})}
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        done = subprocess.run(
            [program, f"--benchmark_repetitions={repetitions}",
             f"--benchmark_min_time={min_time}", "--benchmark_enable_random_interleaving=true",
             f"--benchmark_out={out.name}", "--benchmark_out_format=json"],
            env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{program} failed with {done.returncode}:\n{done.stderr[-2000:]}")
        report = json.loads(Path(out.name).read_text())
    runs = {}
    for run in report["benchmarks"]:
        if run.get("run_type") != "iteration":
            continue
        id = run["run_name"].removesuffix("/real_time").removesuffix("/iterations:1")
        if run.get("error_occurred"):
            raise SystemExit(f"{program}: {id}: {run['error_message']}")
        runs.setdefault(id, []).append(run)
    return runs


def unit_of(group, runs):
    """The group's unit, or what its first row's counters suggest."""
    if group.unit:
        return group.unit
    first = runs[group.rows[0].id][0]
    return "ns per item" if "items_per_second" in first else "ns"


def measure_program(build, name, smoke):
    """(groups, {(group title, row id): values}) of one *_bench.cc."""
    program = str(build / "bench" / f"{name}_bench")
    known = suites.SUITES.get(name, suites.Suite([]))
    runs = run_program(program, known, smoke)
    suite = suites.suite_of(name, runs)
    values = {}
    for group in suite.groups:
        group.unit = unit_of(group, runs)
        read = suites.UNITS[group.unit][0]
        for row in group.rows:
            if row.id not in runs:
                raise SystemExit(f"{name}_bench has no {row.id}, which bench/suites.py names")
            values[group.title, row.id] = [read(run) for run in runs[row.id]]
    return suite.groups, values


def measure_up(build, smoke, soak):
    figures = whole.measure(build / "hunt", smoke, soak)
    groups = UP_GROUPS[:-1] + [SOAK_GROUP] if soak else UP_GROUPS
    return groups, {(group.title, row.id): figures[row.id]
                    for group in groups for row in group.rows}


def measure_clock(build, smoke):
    figures = whole.measure_clock(build / "hunt", smoke)
    return CLOCK_GROUPS, {(group.title, row.id): figures[row.id]
                          for group in CLOCK_GROUPS for row in group.rows}


def measure(build, name, arguments):
    """(groups, {(group title, row id): values}) of one benchmark."""
    if name == "up":
        return measure_up(build, arguments.smoke, arguments.soak)
    if name == "clock":
        return measure_clock(build, arguments.smoke)
    if name == "stack":
        figures = stack.measure(arguments.smoke)
        return STACK_GROUPS, {(group.title, row.id): figures[row.id]
                              for group in STACK_GROUPS for row in group.rows}
    return measure_program(build, name, arguments.smoke)


def more_is_better(unit):
    return suites.UNITS[unit][1] if unit in suites.UNITS else False


def summarise(groups, values):
    """The rows with their medians, and ours beside each of the others."""
    told = []
    for group in groups:
        rows = []
        for row in group.rows:
            numbers = values[group.title, row.id]
            rows.append({"id": row.id, "label": row.label, "kind": row.kind, "unit": group.unit,
                         "median": statistics.median(numbers), "min": min(numbers),
                         "max": max(numbers), "values": numbers})
        ours = rows[0]["median"]
        for row in rows[1:]:
            if row["kind"] != "ours" and ours and row["median"]:
                ratio = ours / row["median"]
                row["ours_is_times_as_good"] = ratio if more_is_better(group.unit) else 1 / ratio
        told.append({"title": group.title, "unit": group.unit, "rows": rows,
                     "goals": [vars(goal) for goal in group.goals]})
    return told


def judge(groups):
    """Each goal with what was measured."""
    judged = []
    for group in groups:
        medians = {row["id"]: row["median"] for row in group["rows"]}
        for goal in group["goals"]:
            measured = medians[goal["row"]]
            words = f"measured {plot.number(measured)} {group['unit']}".strip()
            if goal["beside"]:
                measured /= medians[goal["beside"]]
                words = f"measured {measured:.2f} times"
            met = measured >= goal["least"] if goal["least"] is not None \
                else measured <= goal["most"]
            judged.append({"text": goal["text"], "measured": measured, "measured_text": words,
                           "met": met})
    return judged


def table(results):
    """The terminal's table: median, spread, and how ours compares."""
    for group in results["groups"]:
        unit = f" ({group['unit']})" if group["unit"] else ""
        print(f"\n  {group['title']}{unit}")
        for row in group["rows"]:
            ratio = row.get("ours_is_times_as_good")
            beside = f"  ours is {ratio:.3g} times as good" if ratio is not None else ""
            note = "" if row["kind"] == "ours" else f" [{row['kind']}]"
            spread = f"{plot.number(row['min'])} .. {plot.number(row['max'])}"
            print(f"    {row['label'] + note:<44}{plot.number(row['median']):>12}"
                  f"  {spread:<22}{beside}")
    for goal in results["goals"]:
        print(f"  goal: {goal['text']}: {goal['measured_text']}:"
              f" {'met' if goal['met'] else 'NOT MET'}")


def run_one(name, arguments, out):
    build = ROOT / arguments.build
    about = machine()
    begun = time.monotonic()
    print(f"\n== {name}", flush=True)
    groups, values = measure(build, name, arguments)
    told = summarise(groups, values)
    about["load_after"] = round(os.getloadavg()[0], 2)
    results = {
        "name": name, "command": " ".join(["script/bench", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"),
        "version": output_of("sed", "-n", "s/^project.*VERSION \\([0-9.]*\\).*/\\1/p", "CMakeLists.txt"), "commit": commit(),
        "machine": about, "seconds": round(time.monotonic() - begun, 1), "groups": told,
        "goals": judge(told),
    }
    file = out / ("up-soak" if arguments.soak and name == "up" else name)
    file.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    file.with_suffix(".svg").write_text(plot.draw(results))
    if not arguments.smoke:
        table(results)
        print(f"  {results['seconds']:.0f} s; {file}.json, {file}.svg")


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--build", default="build", help="the folder of the built programs")
    arguments = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as nowhere:
        out = Path(nowhere) if arguments.smoke else ROOT / "bench/results"
        out.mkdir(parents=True, exist_ok=True)
        for name in arguments.names:
            try:
                run_one(name, arguments, out)
                passed += 1
            except SystemExit as error:
                print(f"  FAILED: {name}: {error}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
