"""The page of `script/bench before-after`: tables and plots in one file that needs nothing else."""
import math
from html import escape

import before_cost
from chart import WIDTH, Chart

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;
color:#1c1e21}table{border-collapse:collapse;font-size:13px}td,th{border:1px solid #d7d9dc;
padding:3px 8px;text-align:left;vertical-align:top}th{background:#f3f4f5}svg{max-width:100%}
.met{color:#1e7d34}.not{color:#b3261e}.plots{display:flex;flex-wrap:wrap;gap:8px}
small{color:#5f6368}"""

# What docs/STORY.md tells of, beside what is measured here.
TOLD = [
    ("hunt-engine, p99 at 300 requests/s", "82 ms", "engine", "steady p99"),
    ("its CPU in the event", "100 %", "engine", "flat"),
    ("connections to PostgreSQL at the end", "28,000", "engine", "connections"),
    ("the second design: its processes at most", "48 % of CPU", "hunt-batches", "cores"),
    ("hit ratio", "99.2 %", None, "see the benchmark `stack`"),
    ("NATS p99 at 120,000 requests/s", "8 ms", "hunt-batches", "p99 at 120000"),
    ("database p99", "28 ms, before 495 ms", None, "see the benchmark `stack`"),
    ("a million requests", "$0.63, before $1.87", "hunt-batches", "cost"),
]


def table(heads, rows):
    lines = ["<table><tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"]
    for row in rows:
        lines.append("<tr>" + "".join(f"<td>{escape(str(word))}</td>" for word in row) + "</tr>")
    return "\n".join(lines) + "</table>"


def answered_plot(contenders):
    """All of them in one picture: positions a second that were answered in the rush."""
    series = [(name, [(i, one["ok"]) for i, one in enumerate(entry["rush"]["seconds"])])
              for name, entry in contenders.items()]
    longest = max((entry["rush"]["seconds"] for entry in contenders.values()), key=len)
    series.append(("due", [(i, one["due"]) for i, one in enumerate(longest)]))
    title = "positions answered a second, by seconds of the rush"
    return Chart(title, series, width=2 * WIDTH).draw()


def rush_plots(entry):
    seconds, seen = entry["rush"]["seconds"], entry["rush"]["seen"]
    charts = [
        Chart("positions a second, by seconds of the rush", [
            ("answered", [(i, one["ok"]) for i, one in enumerate(seconds)]),
            ("due", [(i, one["due"]) for i, one in enumerate(seconds)])]),
        Chart("p99, ms", [
            ("p99", [(i, one["p99_ms"]) for i, one in enumerate(seconds)])], is_log=True),
        Chart("connections to PostgreSQL", [
            ("all", [(one["second"], one["connections"]) for one in seen]),
            ("idle in transaction", [(one["second"], one["idle_in_transaction"])
                                     for one in seen])]),
        Chart("cores", [
            (part, [(one["second"], one["cores"].get(part, 0)) for one in seen])
            for part in (seen[0]["cores"] if seen else [])]),
    ]
    return f'<div class="plots">{"".join(chart.draw() for chart in charts)}</div>'


def knee(contenders, cores):
    """p99 over the machine's use, each contender's ladder a line."""
    series = [(name, sorted((100 * one["machine_cores"] / cores, one["p99_ms"])
                            for one in entry["ladder"])) for name, entry in contenders.items()]
    title = "p99 of each step of load, ms, over per cent of the machine in use, generator included"
    return Chart(title, series, is_log=True, width=2 * WIDTH).draw()


def how_it_broke(entry):
    run = entry["rush"]
    if not run["broke"]:
        return "It held to the end."
    broke = run["broke"]
    words = (f"In second {broke['second']}, at {broke['rate']:,} positions/s:"
             f" {100 * broke['good_share']:.1f} % answered, p99 {broke['p99_ms']:,.0f} ms,"
             f" {broke['service_cores']:.2f} cores in the service, {broke['machine']:.2f} in all;"
             f" at most {broke['connections']} connections of {entry['max_connections']};"
             f" {run['flat_seconds']} seconds flat at the most CPU that its processes can use.")
    if run["ended_with"] is not None:
        words += f" The process ended with {run['ended_with']}."
    return words


def told_here(contenders, name, what, machine_cores):
    entry = contenders.get(name)
    if name is None or not entry:
        return what if name is None else "not run"
    if what == "steady p99":
        return f"{entry['steady']['p99_ms']:.0f} ms"
    if what == "flat":
        return f"{entry['rush']['flat_seconds']} of {len(entry['rush']['seen'])} s at a whole core"
    if what == "connections":
        return f"{max(one['connections'] for one in entry['rush']['seen'])} of" \
               f" {entry['max_connections']}"
    if what == "cores":
        return f"{max(one['cores']['service'] for one in entry['rush']['seen']):.2f} cores"
    kept = [one for one in entry["ladder"] if one["kept_up"]]
    if what == "cost" and kept:
        step = before_cost.step_of(entry, machine_cores)
        return f"${before_cost.of_million(step)['total']:.4f}"
    near = [one for one in kept if one["rate"] >= 120_000]
    return f"{near[0]['p99_ms']:.1f} ms at {near[0]['rate']:,}/s" if near else "not reached"


def costs(contenders, cores):
    """Of this run, and in all of what was published last (src/plan/measured.json)."""
    heads = ["contender", "compute", "cache", "database", "transfer", "together",
             "published last", "with serverless", "statements by the Data API"]
    published = before_cost.measured()["contenders"]
    rows = []
    for name, entry in contenders.items():
        if step := before_cost.step_of(entry, cores):
            cost = before_cost.of_million(step)
            last = published.get(name, {}).get("step")
            cost["last"] = before_cost.of_million(last)["total"] if last else math.nan
            rows.append([entry["title"], *(f"${cost[what]:.4f}" for what in (
                "compute", "cache", "database", "transfer", "total", "last",
                "total_serverless", "data_api"))])
    return table(heads, rows)


def page(results, heads, row_of):
    """The whole page as text."""
    contenders, machine = results["contenders"], results["machine"]
    prices = [[name, f"${price['usd']}", price["of"], price["seen"] or "from memory"]
              for name, price in before_cost.PRICES["prices"].items()]
    goals = "".join(
        f'<li class="{"met" if goal["met"] else "not"}">{escape(goal["what"])}:'
        f' {escape(goal["measured"])}, {"met" if goal["met"] else "not met"}</li>'
        for goal in results["goals"])
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Before and after</title><style>{STYLE}</style>"
        "<h1>Before and after</h1><p>The systems of the incident, rebuilt, under one rush: 300"
        " requests a second, then 3,000 to 28,000 players who take a step a second each. The same"
        " generator, positions, loot and durability for all; every server on this machine.</p>"
        f"<p><small>{escape(machine['cpu'])}, {machine['cores']} cores,"
        f" {machine['memory_gib']} GiB, {escape(machine['system'])}, generator included"
        "</small></p>",
        table(heads, [row_of(entry, machine["cores"]) for entry in contenders.values()]),
        f"<h2>Goals</h2><ul>{goals}</ul>",
        "<h2>Beside the story's own numbers</h2>",
        table(["", "told", "here"],
              [[what, told, told_here(contenders, name, key, machine["cores"])]
               for what, told, name, key in TOLD]),
        "<h2>The rush</h2>", answered_plot(contenders),
        "<h2>Load and latency</h2>", knee(contenders, machine["cores"]),
    ]
    for entry in contenders.values():
        parts += [f"<h2>{escape(entry['title'])}</h2><p>{escape(how_it_broke(entry))}"
                  f" <small>{entry['date']}</small></p>", rush_plots(entry)]
    model = before_cost.MODEL
    parts += [
        "<h2>Cost of a million positions</h2><p>CPU seconds of every server at the greatest step of"
        f" load at which they used {100 * model['utilisation']:.0f} % of the machine at most ("
        f"{escape(model['utilisation_why'])}), paid for at that utilisation; memory is in the price"
        " of a server. Storage, backups and people are not counted.</p>", costs(contenders, machine["cores"]),
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in results["story"]) + "</ul>",
        f"<p><small>{escape(before_cost.PRICES['date'])}: "
        f"{escape(before_cost.PRICES['note'])}</small></p>",
        table(["price", "", "of", "seen"], prices),
    ]
    return "\n".join(parts) + "\n"
