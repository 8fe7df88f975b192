"""script/bench data-api: what a hunt pays for reaching its database over HTTP, and what not.

`ways`: one claim, from when it is due until its verdict, four ways over a network that adds 0, 1, 5
and 25 ms to each round trip. `sleep`: the first position on a database that sleeps, with and
without the wake-up before an event. `speed`: one statement a call on loopback, native and by the
gateway, at a steady rate and as fast as it goes; then transactions that nobody ends. `rush`: a
short form of the reference rush over the gateway and over postgres://. All loads are open loop but
"as fast as it goes". About six minutes; use a quiet machine.
"""
import argparse
import datetime
import json
import os
import sys
import tempfile
from pathlib import Path

PARTS = ("ways", "sleep", "rush", "speed")
FULL = {"delays_ms": (0, 1, 5, 25), "rate": 100, "claims": 400, "resumes_s": (0.3, 15.0),
        "positions": 1_000, "opens_in_s": 40, "calls_rate": 5_000, "seconds": 6, "links": 16,
        "abandoned": 10_000, "rush_s": 20, "rush_flags": (),
        "small_world": False}
SMOKE = {"delays_ms": (0, 5), "rate": 200, "claims": 40, "resumes_s": (0.3,), "positions": 20,
         "opens_in_s": 12, "calls_rate": 200, "seconds": 0.5, "links": 4, "abandoned": 500,
         "rush_s": 3, "rush_flags": ("--players", 500, "--rate", 1_000),
         "small_world": True}


def say(text):
    print(f"  {text}", flush=True)


def measure(parts, size):
    """{part: what was measured}."""
    out = {}
    with tempfile.TemporaryDirectory(prefix="hunt-data-api-") as folder:
        site = data_api_ways.Site(Path(folder))
        try:
            if "rush" in parts:
                out["rush"] = data_api_rush.measure(site, size["rush_s"], size["rush_flags"],
                                                    size["small_world"], say)
            if "ways" in parts:
                out["ways"] = data_api_ways.measure(site, size["delays_ms"], size["rate"],
                                                    size["claims"], say)
            if "speed" in parts:
                out["speed"] = data_api_speed.measure(site, size["calls_rate"], size["seconds"],
                                                      size["links"], say)
            if "sleep" in parts:
                out["sleep"] = data_api_sleep.measure(site, size["resumes_s"], size["rate"],
                                                      size["positions"], say, size["opens_in_s"])
            if "speed" in parts:
                out["abandoned"] = data_api_speed.abandon(site, size["abandoned"], say)
        finally:
            site.close()
    return out


def table_of_ways(rows):
    print("\n| way | added | p50 | p99 | max | round trips a claim | failed |\n"
          "|---|---:|---:|---:|---:|---:|---:|")
    for one in rows:
        print(f"| {data_api_ways.WAYS[one['way']]} | {one['added_ms']} ms |"
              f" {one['p50_ms']:.1f} ms | {one['p99_ms']:.1f} ms | {one['max_ms']:.1f} ms |"
              f" {one['round_trips_a_claim']:.2f} | {one['failed']} |")


def table_of_sleep(rows):
    print("\n| resumes in | wake-up | first | last of them | p50 | p99 |"
          " answers \"resuming\" before, behind the opening |\n|---:|---|---:|---:|---:|---:|---|")
    for one in rows:
        print(f"| {one['resume_s']:g} s | {'yes' if one['wake_up'] else 'no'} |"
              f" {one['first_ms']:.1f} ms | {one['thousandth_ms']:.1f} ms |"
              f" {one['p50_ms']:.1f} ms | {one['p99_ms']:.1f} ms |"
              f" {one['met_before']}, {one['met_asleep']} |")


def table_of_rush(rows):
    print("\n| the rush over | a load p50, p99 | a grant call p50, p99 | an answer p50, p99 |"
          " grants | shed, lost |\n|---|---:|---:|---:|---:|---:|")
    for one in rows:
        cells = (f"{one[name]['p50_ms']:.1f}, {one[name]['p99_ms']:.1f} ms"
                 for name in ("load", "grant", "answer"))
        print(f"| {one['store']} | {' | '.join(cells)} | {one['grants']:,} |"
              f" {one['busy']}, {one['lost']} |")


def table_of_speed(speed, abandoned):
    print(f"\n| | p50 at {speed['rate']:,}/s | p99 | as fast as it goes | cores of the gateway |"
          " cores of the generator |\n|---|---:|---:|---:|---:|---:|")
    for name in ("native", "gateway"):
        one = speed[name]
        print(f"| {name} | {one['p50_ms']:.2f} ms | {one['p99_ms']:.2f} ms |"
              f" {one['calls_per_second_max']:,.0f}/s | {one.get('gateway_cores', 0):.2f} |"
              f" {one['generator_cores']:.2f} |")
    before, after = abandoned["before"], abandoned["after"]
    print(f"\n{abandoned['asked']:,} transactions that nobody ends: {abandoned['begun']} begun,"
          f" {abandoned['refused']:,} refused; {before['resident_bytes'] / 2**20:.0f} MiB before,"
          f" {after['resident_bytes'] / 2**20:.0f} MiB after, {after['connections']} connections")


def main():
    parser = argparse.ArgumentParser(prog="script/bench data-api", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this; repeatable")
    parser.add_argument("--smoke", action="store_true", help="seconds: does all of it run?")
    parser.add_argument("--json", metavar="FILE", help="all figures, with machine and command")
    parser.add_argument("--hunt", metavar="PATH", help="another program than build/hunt")
    arguments = parser.parse_args()
    about = run.machine()
    out = measure(arguments.part or PARTS, SMOKE if arguments.smoke else FULL)
    about["load_after"] = round(os.getloadavg()[0], 2)
    command = " ".join(["script/bench data-api", *sys.argv[1:]])
    if "ways" in out:
        table_of_ways(out["ways"])
    if "sleep" in out:
        table_of_sleep(out["sleep"])
    if "rush" in out:
        table_of_rush(out["rush"])
    if "speed" in out:
        table_of_speed(out["speed"], out["abandoned"])
    print(f"\n{command}; {about['cores']} cores of {about['cpu']}, {about['memory_gib']} GiB,"
          f" {about['system']}; load {about['load_before']} before, {about['load_after']} after")
    if arguments.json:
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
        Path(arguments.json).write_text(json.dumps(
            {"command": command, "date": date, "commit": run.commit(), "machine": about, **out},
            indent=1) + "\n")


# Which program it is has to be known before the helpers are read.
if __name__ == "__main__" and "--hunt" in sys.argv[:-1]:
    program = Path(sys.argv[sys.argv.index("--hunt") + 1]).resolve()
    os.environ["HUNT_TEST_BINARY"] = str(program)
import data_api_rush  # pylint: disable=wrong-import-position
import data_api_sleep  # pylint: disable=wrong-import-position
import data_api_speed  # pylint: disable=wrong-import-position
import data_api_ways  # pylint: disable=wrong-import-position
import run  # pylint: disable=wrong-import-position

if __name__ == "__main__":
    main()
