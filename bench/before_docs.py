"""Puts what `script/bench before-after` measured where it is told, each figure from one file.

src/plan/measured.json has each contender with the step of load that is paid for (before_cost.py),
and how it fared in the rush: `hunt plan` and the tables of README.md and docs/BENCHMARKS.md come
from it. The tables stand between two comments in those files.
"""
import json

import before_cost
import before_page
import before_sites
from before_ladder import best, sustained, sustained_text
from before_sites import ROOT
from told import markdown, of_machine, put

PICTURE = ROOT / "docs/before-after.svg"
KEPT_OF_STEP = ("rate", "seconds", "ok", "granted", "p50_ms", "p99_ms", "cpu_s", "bytes",
                "statements", "redis_calls", "sessions", "memory_mib", "machine_cores")


def rounded(value):
    """Without the digits that nobody measured."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value


def measured_of(results, note):
    """What src/plan/measured.json has of the results of a run."""
    programs = {one.name: one.program for one in before_sites.CONTENDERS}
    contenders = {}
    for name, entry in results["contenders"].items():
        rate, more = sustained(entry)
        one, run = best(entry), entry["rush"]
        step = before_cost.step_of(entry, results["machine"]["cores"])
        contenders[name] = {
            "title": entry["title"], "program": programs[name], "batch": entry["batch"],
            "date": entry["date"], "sustained": rate, "sustained_or_more": more,
            "steady_p99_ms": entry["steady"] and entry["steady"]["p99_ms"],
            "best_cpu_s_per_million": one and one["cpu_s_per_million"],
            "step": step and {key: step[key] for key in KEPT_OF_STEP},
            "rush": {"answered_percent": 100 * run["ok"] / max(1, run["due"]),
                     "p99_ms": run["p99_ms"], "broke_at": (run["broke"] or {}).get("rate"),
                     "connections": max((one["connections"] for one in run["seen"]), default=0)},
            "max_connections": entry["max_connections"], "wounds": entry["wounds"],
        }
    return rounded({
        "command": "script/bench before-after",
        "machine": of_machine(results["machine"]), "note": note, "goals": results["goals"],
        "contenders": contenders,
    })


def sustained_of(entry):
    return sustained_text(entry["sustained"], entry["sustained_or_more"])


def rush_cell(entry):
    run = entry["rush"]
    if run["broke_at"] is None:
        return "held"
    return f"broke at {run['broke_at']:,}/s, {run['answered_percent']:.1f} % answered"


def step_cells(entry):
    """For a million, CPU seconds at its best and as it would be run, and dollars; empty where no
    load was kept up with."""
    step = entry["step"]
    if not step:
        return ["", "", ""]
    cpu_s = [entry["best_cpu_s_per_million"], sum(step["cpu_s"].values()) / step["ok"] * 1e6]
    return [*(f"{one:,.3g}" if one < 1000 else f"{one:,.0f}" for one in cpu_s),
            f"{before_cost.of_million(step)['total']:.4f}"]


def readme_table(measured):
    """The small table: what it can take, what that costs, and what the rush did to it."""
    return markdown(
        ["", "takes, positions/s", "CPU-s a million, at best", "as it would be run", "$ a million",
         "the rush"],
        [[entry["title"], sustained_of(entry), *step_cells(entry), rush_cell(entry)]
         for entry in measured["contenders"].values()])


def benchmarks_table(measured):
    """The same with what the servers said of it."""
    rows = []
    for name, entry in measured["contenders"].items():
        wounds = ", ".join(f"{what} {count:,}" for what, count in entry["wounds"].items())
        connections = f"{entry['rush']['connections']} of {entry['max_connections']}"
        rows.append([f"`{name}`", sustained_of(entry), *step_cells(entry), rush_cell(entry),
                     connections, wounds or "none", entry["date"]])
    return markdown(["contender", "sustained, positions/s", "CPU-s a million, at best",
                     "as it would be run", "$ a million", "the rush", "connections at most",
                     "lines in the logs", "run"], rows)


def goals_table(measured):
    return markdown(["goal", "measured", ""],
                    [[goal["what"], goal["measured"], "met" if goal["met"] else "**not met**"]
                     for goal in measured["goals"]])


def conditions(measured):
    return (f"`{measured['command']}`, each contender once; {measured['machine']};"
            f" {measured['note']}.")


def story_list():
    return "\n".join(f"- {line}" for line in before_cost.of_story())


def told():
    """{file: its text as it ought to be}, of the files kept."""
    measured = before_cost.measured()
    readme, benchmarks = ROOT / "README.md", ROOT / "docs/BENCHMARKS.md"
    page = put(benchmarks.read_text(), "before-after",
               "\n\n".join((benchmarks_table(measured), conditions(measured),
                            goals_table(measured))))
    page = put(page, "story-bills", story_list())
    table = f"{readme_table(measured)}\n\n{conditions(measured)}"
    return {readme: put(readme.read_text(), "before-after", table), benchmarks: page}


def publish(results, note):
    """Writes all of it."""
    (before_cost.PLAN / "measured.json").write_text(
        json.dumps(measured_of(results, note), indent=1) + "\n")
    PICTURE.write_text(before_page.answered_plot(results["contenders"]) + "\n")
    for file, text in told().items():
        file.write_text(text)
