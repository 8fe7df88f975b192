"""The benchmarks of the whole program: `up` at the reference load, as fast as it goes, and its
memory; `clock`, what the stage clock costs.

Processes are started from the built binary in a folder of their own on free ports, and stopped by
their own id. Each figure is one run of a process; a row has one value for each run.
"""

import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

MIB = 1024.0  # VmRSS is in KiB


def environment():
    """The caller's environment without HUNT_ settings, which would change the flags."""
    return {k: v for k, v in os.environ.items() if not k.startswith("HUNT_")}


def run_up(hunt, folder, *flags):
    """One `hunt up` to its end; its report."""
    done = subprocess.run(
        [hunt, "up", "--store", f"sqlite:{folder}/up.db", "--listen", "127.0.0.1:0", "--json",
         *map(str, flags)], cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"hunt up {' '.join(map(str, flags))} failed with {done.returncode}:\n"
                         + done.stderr[-2000:])
    return json.loads(done.stdout)


def resident_mib(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / MIB


class Serve:
    """A running `hunt serve` over a store."""

    def __init__(self, hunt, folder):
        self.log = open(folder / "serve.log", "w+")
        self.process = subprocess.Popen(
            [hunt, "serve", "--store", f"sqlite:{folder}/up.db", "--listen", "127.0.0.1:0"],
            cwd=folder, env=environment(), stdout=self.log, stderr=subprocess.STDOUT)
        self.port = self._port()

    def _port(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            match = re.search(r"http://127\.0\.0\.1:(\d+)", Path(self.log.name).read_text())
            if match:
                return int(match.group(1))
            time.sleep(0.05)
        raise SystemExit("hunt serve did not start:\n" + Path(self.log.name).read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Load:
    """Batches of 100 positions anywhere in the demo world, so that every chunk comes to memory.

    Sent over HTTP by one thread, one after the other: enough to fill the memory, no measurement of
    speed. Players come and go, and half of the steps stand on loot.
    """

    def __init__(self, port, loot):
        self.port = port
        self.loot = loot
        self.sent = 0
        self.failed = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._send)
        self.thread.start()

    def _body(self, random_source):
        positions = []
        for _ in range(100):
            if random_source.random() < 0.5:
                x, y = random_source.choice(self.loot)
            else:
                x, y = (random_source.randint(-2048, 2047) for _ in "xy")
            player = uuid.UUID(int=random_source.getrandbits(128))
            kind = "dig" if random_source.random() < 0.05 else "step"
            positions.append({"player": str(player), "x": x, "y": y, "kind": kind})
        return json.dumps({"world": 1, "positions": positions})

    def _send(self):
        random_source = random.Random(1)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while not self.over.is_set():
                connection.request("POST", "/v1/positions", self._body(random_source))
                reply = connection.getresponse()
                words = reply.read()
                if reply.status != 200:
                    raise RuntimeError(f"{reply.status} {words[:300]!r}")
                self.sent += 100
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            self.failed = error
        finally:
            connection.close()

    def stop(self):
        self.over.set()
        self.thread.join()
        if self.failed:
            raise SystemExit(f"the load on hunt serve failed: {self.failed}")


def loot_tiles(hunt, folder):
    """Where loot lies, from the store's export."""
    file = folder / "tiles.csv"
    with open(file, "w") as out:
        subprocess.run([hunt, "world", "export", "--store", f"sqlite:{folder}/up.db",
                        "--world", "demo"],
                       check=True, stdout=out, cwd=folder, env=environment())
    with open(file) as lines:
        head = next(lines).strip().split(",")
        x, y = head.index("x"), head.index("y")
        return [(int(c[x]), int(c[y])) for c in (line.split(",") for line in lines)]


def measure_memory(hunt, folder, moments):
    """Resident MiB of `hunt serve` under load after each of `moments` (seconds)."""
    loot = loot_tiles(hunt, folder)
    serve = Serve(hunt, folder)
    load = None
    try:
        load = Load(serve.port, loot)
        begun = time.monotonic()
        figures = []
        for moment in moments:
            time.sleep(max(0, begun + moment - time.monotonic()))
            figures.append(resident_mib(serve.process))
        load.stop()
        return figures, load.sent, len(loot)
    finally:
        if load is not None:
            load.over.set()
        serve.stop()


def rows_of_reports(group_id, reports, wanted):
    """{row id: one value for each report}."""
    return {f"{group_id}/{name}": [read(report) for report in reports]
            for name, read in wanted.items()}


def milliseconds(quantile):
    return lambda report: report["latency_seconds"][quantile] * 1e3


REFERENCE = {
    "p50": milliseconds("p50"), "p99": milliseconds("p99"), "p999": milliseconds("p999"),
    "max": milliseconds("max"),
    "busy": lambda report: report["outcomes"]["busy"],
    "lost": lambda report: report["lost"],
    "rate": lambda report: report["positions_per_second"],
    "serve_cores": lambda report: report["cpu_seconds"]["serve"] / report["seconds"],
    "store_cores": lambda report: report["cpu_seconds"]["store_and_rest"] / report["seconds"],
    "generator_cores": lambda report: report["cpu_seconds"]["generator"] / report["seconds"],
}


def measure(hunt, smoke=False, soak=False, say=print):
    """All values of the `up` benchmark, by row id."""
    hunt = str(hunt)
    runs, seconds, max_seconds = (1, 1, 1) if smoke else (5, 20, 5)
    small = ("--players", 500, "--rate", 5_000) if smoke else ()
    values = {}
    with tempfile.TemporaryDirectory(prefix="hunt-bench-") as name:
        folder = Path(name)
        reference, fastest = [], []
        for run in range(runs):  # interleaved, so that both meet the same machine
            say(f"  up: run {run + 1} of {runs}")
            reference.append(run_up(hunt, folder, "--seconds", seconds, "--fresh", *small))
            fastest.append(run_up(hunt, folder, "--seconds", max_seconds, "--rate", "max"))
        values.update(rows_of_reports("reference", reference, REFERENCE))
        values.update(rows_of_reports("max", fastest, {
            "rate": lambda report: report["positions_per_second"] / 1e6}))
        moments = [2] if smoke else [120, 600] if soak else [60]
        say(f"  serve: memory after {', '.join(map(str, moments))} s of load")
        run_up(hunt, folder, "--seconds", 1, "--fresh", *small)
        memory, sent, loot = measure_memory(hunt, folder, moments)
        say(f"  serve: {sent:,} positions over HTTP, {loot:,} loot tiles")
        values["serve/resident"] = memory[:1]
        if soak:
            values["serve/resident_late"] = memory[1:]
            values["serve/growth"] = [memory[1] - memory[0]]
    return values


def interval_of_median(values, rounds=2_000):
    """The 95 % interval of the median, by resampling."""
    source = random.Random(1)
    medians = sorted(statistics.median(source.choices(values, k=len(values)))
                     for _ in range(rounds))
    return medians[rounds * 25 // 1000], medians[rounds * 975 // 1000]


def measure_clock(hunt, smoke=False, say=print):
    """CPU of the lane with the stage clock and without it, in pairs that take turns.

    At 300,000 positions/s, so that the lane is at work; seconds of CPU per million positions.
    """
    hunt = str(hunt)
    pairs, seconds = (1, 1) if smoke else (24, 4)
    flags = ("--seconds", seconds, "--fresh", "--rate", 5_000 if smoke else 300_000)
    values = {"on": [], "off": []}
    with tempfile.TemporaryDirectory(prefix="hunt-bench-") as name:
        for pair in range(pairs):
            if pair % 6 == 0:
                say(f"  clock: pair {pair + 1} of {pairs}")
            for which in ("on", "off") if pair % 2 == 0 else ("off", "on"):
                off = ("--no-stage-clock",) if which == "off" else ()
                report = run_up(hunt, Path(name), *flags, *off)
                values[which].append(report["cpu_seconds"]["serve"] / report["answered"] * 1e6)
    ratios = [on / off for on, off in zip(values["on"], values["off"])]
    low, high = interval_of_median(ratios)
    say(f"  clock: with it {statistics.median(ratios):.3f} times the CPU of without; "
        f"95 % interval of the median {low:.3f} to {high:.3f}")
    return {"clock/on": values["on"], "clock/off": values["off"], "clock/ratio": ratios}
