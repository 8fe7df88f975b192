"""What is done to a contender of `script/bench peers`: how much it takes, how soon it answers at
70 % of that, how soon after a restart; then its ledger is held against all that it told.

The client is bench/peers/client.c for all of them. CPU is that of all servers of the contender
while the seconds that count went by.
"""
import dataclasses
import json
import statistics
import struct
import subprocess
from collections import Counter

import before_sites
from before_runs import Look

LOAD_SHARE = 0.7  # of its own maximum, at which latency is measured
GOOD_SHARE_LEAST = 0.99
CLIENT_FULL = 0.9  # of a core, which is all that it can use
LATE_S = 5  # after the end: without an answer by then it is lost
SEEDS_APART = 64  # a run begins its walks anew less often
LEAST_RATE = 1


@dataclasses.dataclass(frozen=True)
class Scene:
    """A kind of load: which walks, and who plays."""
    name: str
    title: str
    walk: str
    batches: tuple  # positions in a request
    players: int
    same_players: bool = False  # in all runs, again and again


SCENES = {one.name: one for one in (
    Scene("base", "Walks: six positions in a thousand are claims", "walk", (1, 100), 28_000),
    Scene("claims", "Claims dominate: half of the positions are", "claims", (100,), 28_000),
    Scene("sold-out", "A hot set that is sold out: 300 players on 60 tiles", "hot", (1, 100), 300,
          True))}
RESTART = "restart"


class Runs:
    """The runs of one contender; all that was told to be granted is kept for the audit."""

    def __init__(self, site, client, walks, flags):
        self.site, self.client, self.walks, self.flags = site, client, walks, flags
        self.seed = 0
        self.told = set()

    def run(self, scene, batch, rate, see=lambda told: None):
        """The client, once. Its report, with CPU seconds by part and cores of the machine."""
        self.seed += SEEDS_APART
        acks = self.site.folder / "acks"
        words = {"port": self.site.port, "walks": self.walks[scene.walk], "batch": batch,
                 "rate": rate, "warm": self.flags.warm, "seconds": self.flags.seconds,
                 "connections": self.flags.connections, "pipeline": self.flags.pipeline,
                 "seed": 0 if scene.same_players else self.seed,
                 "new_players": int(not scene.same_players), "late": LATE_S, "acks": acks}
        process = subprocess.Popen([self.client, *(f"{k}={v}" for k, v in words.items())],
                                   stdout=subprocess.PIPE, text=True)
        looks = []
        try:
            for line in process.stdout:
                told = json.loads(line)
                if "report" in told:
                    report = told["report"]
                elif "second" in told:
                    see(told)
                else:
                    looks.append(Look(self.site))
            if process.wait() != 0:
                raise before_sites.Failed(f"{self.site.contender.name}: the client ended with"
                                          f" {process.returncode}")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        for seed, player, x, y in struct.iter_unpack("<IIhh", acks.read_bytes()):
            self.told.add((f"00000000-0000-4000-8000-{seed:04x}{player:08x}", x, y))
        began, ended = looks
        cores = ended.since(began)
        seconds = ended.at - began.at
        return {**report, "seconds": seconds, "machine_cores": cores["machine"],
                "client_cores": report["client_cpu_s"] / seconds,
                "cpu_s": {part: cpu - began.cpu[part] for part, cpu in ended.cpu.items()}}

    def measure(self, scene, batch, say):
        """As fast as it goes, then at a share of that."""
        fast = self.run(scene, batch, 0, lambda told: say(
            f"as fast as it goes: {told['ok'] / told['second']:>9,.0f}/s"))
        most = fast["ok"] / self.flags.seconds
        rate = max(LEAST_RATE, LOAD_SHARE * most)
        calm = self.run(scene, batch, rate, lambda told: say(
            f"at {LOAD_SHARE:.0%}, {rate:,.0f}/s: {told['ok']:>9,} answered"))
        cpu_s = sum(fast["cpu_s"].values())
        good = calm["ok"] / max(1, calm["due"])
        return {"per_second": most, "cpu_s_per_million": 1e6 * cpu_s / max(1, fast["ok"]),
                "p99_ms": calm["p99_ms"] if good >= GOOD_SHARE_LEAST else None,
                "p50_ms": calm["p50_ms"] if good >= GOOD_SHARE_LEAST else None,
                "good_share": good,
                "granted_share": fast["granted"] / max(1, fast["ok"]),
                "sold_out_share": fast["sold_out"] / max(1, fast["ok"]),
                "client_cores": fast["client_cores"], "machine_cores": fast["machine_cores"],
                "client_was_full": fast["client_cores"] >= CLIENT_FULL,
                "fast": fast, "calm": calm}

    def restarts(self, count, say):
        """Ends the service and starts it again; who had won has to be told the same at first."""
        player, x, y = min(self.told)
        item = None
        seconds = []
        for _ in range(count):
            took, outcome = self.site.restart(player, x, y)
            if outcome["outcome"] != "granted" or item not in (None, outcome["item"]):
                raise before_sites.Failed(f"{self.site.contender.name}: after a restart a winner"
                                          f" is told {outcome}")
            item = outcome["item"]
            seconds.append(took)
            say(f"first answer after {took:.3f} s")
        return {"first_answer_s": statistics.median(seconds), "all_s": seconds}

    def audit(self, budgets):
        """{granted, lost, twice, too_many}: the ledger against the stock and all that was told."""
        self.site.audit()
        rows = self.site.ledger()
        ledger = set(rows)
        on_tile = Counter((x, y) for _, x, y in ledger)
        return {"granted": len(ledger), "told": len(self.told),
                "lost": len(self.told - ledger), "twice": len(rows) - len(ledger),
                "too_many": sum(max(0, count - budgets.get(tile, 0))
                                for tile, count in on_tile.items())}


def budgets_of(loot):
    rows = (line.split(",") for line in loot.read_text().splitlines()[1:])
    return {(int(x), int(y)): int(budget) for x, y, _, budget in rows}
