"""The reference load of a whole stack, or a part of it: `hunt rush` over NATS, with tile changes.

Reads where the binary is when it is loaded: HUNT_TEST_BINARY has to be set before.
"""
import json
import os
import subprocess
import threading
import time

import stack  # pylint: disable=unused-import  # tells where parts and hunt_process are
from hunt_process import HUNT, clean_environment
from parts import Failed
from why_machine import cpu_seconds_of_machine

FULL = {"players": 28_000, "rate": 120_000, "changes": 500}
SMALL = {"players": 500, "rate": 4_000, "changes": 100}


class Machine(threading.Thread):
    """Looks twice a second how much CPU the machine has used."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.seen = [(time.monotonic(), cpu_seconds_of_machine())]
        self.start()

    def run(self):
        while not self.over.wait(0.5):
            self.seen.append((time.monotonic(), cpu_seconds_of_machine()))

    def percent(self, seconds, tail_s):
        """Of all cores, in the last so many seconds but the very last."""
        self.over.set()
        self.join()
        last = self.seen[-1][0]
        kept = [one for one in self.seen if last - seconds <= one[0] <= last - tail_s]
        if len(kept) < 2:
            kept = self.seen
        (begun, cpu), (ended, more) = kept[0], kept[-1]
        return 100 * (more - cpu) / max(0.01, ended - begun) / os.cpu_count()


def bury(site, size):
    """The demo world; a small one for a small load."""
    if size is SMALL:
        site.bury_small()
    else:
        site.bury_demo()


def play(site, size, share, seconds):
    """The report of `hunt rush` at a share of the load."""
    scenario = site.folder / "load.yaml"
    players = max(1, round(size["players"] * share))
    scenario.write_text(
        f"scenario: load\nphases:\n  - {{seconds: {seconds}, players: [{players}, {players}]}}\n"
        f"rate: {max(1, round(size['rate'] * share))}\nwarmup_seconds: {min(60, seconds / 4)}\n"
        f"changes_per_second: {max(1, round(size['changes'] * share))}\n")
    rush = subprocess.Popen(
        [str(HUNT), "rush", "--json", "--target", site.nats.url, "--url",
         f"http://127.0.0.1:{site.orchestrators[0].port}", "--admin-token-file",
         str(site.folder / "admin-token"), "--scenario", str(scenario)],
        cwd=site.folder, env=clean_environment(), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        out, trouble = rush.communicate(timeout=seconds + 120)
    finally:
        rush.kill()
    # 1: something was lost, which the report tells.
    if rush.returncode not in (0, 1) or not out.startswith("{"):
        raise Failed(f"hunt rush ended with {rush.returncode}: {trouble[-2000:]}")
    return json.loads(out)
