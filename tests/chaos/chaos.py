"""Real servers under faults, then the auditor: the work behind script/chaos.

A rush over hunt.pos goes on while an orchestrator (of two), the relay, a Redis primary,
nats-server and a PostgreSQL shard are killed -9 in turn and started again; then the caches are
flushed, a Redis node sleeps, another one fails over to its replica, somebody locks the loot of a
shard, ends all its connections again and again, and shuts it down at once. A probe of each shard
says how long players waited. Afterwards every position sent must be answered, nothing granted
twice, every ledger clean, and every grant told on hunt.claims. Exit 1 when any of it is not so.
"""
import argparse
import json
import random
import subprocess
import sys
import time

from parts import Failed, Stack, play, say, told_since
from prober import Prober

from hunt_process import HUNT, clean_environment

KILLED = ["orchestrator", "relay", "redis", "nats", "postgres"]
FAULTS = KILLED + ["flushall", "sleep", "failover", "lock", "terminate", "crash"]
SETTLE_SECONDS = 4  # before the first fault and after the last recovery
EVERY_SECONDS_MIN = 5
RECOVERY_SECONDS_MAX = 40
PROBE_BUDGET = 1_000_000


def tile_of(tile_id):
    """Of the table's tile_id: the Z-order code of the tile less 2^63."""
    bits = tile_id + (1 << 63)
    x = sum(((bits >> 2 * i) & 1) << i for i in range(32))
    y = sum(((bits >> 2 * i + 1) & 1) << i for i in range(32))
    return x - (1 << 31), y - (1 << 31)


class Chaos:
    """One run."""

    def __init__(self, flags, folder):
        self.flags = flags
        self.random = random.Random(flags.seed)
        self.stack = Stack(folder)
        self.faults = []
        self.failures = []

    def bury(self):
        """The reference world, and a tile for the probes in each shard."""
        self.stack.bury_demo()
        self.stack.start_hunt()
        server = self.stack.orchestrators[0]
        ranges = server.get("/v1/map").json["ranges"]
        if len({entry["shard"] for entry in ranges}) != len(self.stack.stores):
            raise Failed(f"the shards have no part each: {ranges}")
        # Where there is loot already: the crowd walks within the bounds of the loot.
        tiles = []
        for postgres in self.stack.postgres:
            tile_id = int(postgres.psql("SELECT min(tile_id) FROM loot_tiles").stdout)
            tiles.append(tile_of(tile_id))
        reply = server.bury([{"x": x, "y": y, "table": "starlight", "budget": PROBE_BUDGET}
                             for x, y in tiles])
        if reply.status != 200:
            raise Failed(f"burying for the probes: {reply}")
        for postgres in self.stack.postgres:
            found = postgres.psql(f"SELECT count(*) FROM loot_tiles WHERE budget = {PROBE_BUDGET}")
            if found.stdout.strip() != "1":
                raise Failed("the probes' tiles do not lie in a shard each")
        return tiles

    def rush(self, seconds):
        server = self.stack.orchestrators[0]
        return subprocess.Popen(
            [str(HUNT), "rush", "--json", "--stored", "--target", self.stack.nats.url, "--url",
             f"http://127.0.0.1:{server.port}", "--admin-token-file",
             str(self.stack.folder / "admin-token"), "--players", str(self.flags.players),
             "--rate", str(self.flags.rate), "--seconds", str(seconds), "--seed",
             str(self.flags.seed)],
            cwd=self.stack.folder, env=clean_environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def fault(self, name, prober):
        down = self.random.uniform(0.5, 2.5)
        hurt, mend = (getattr(self.stack, f"{verb}_{name}") for verb in ("break", "mend"))
        begin = time.monotonic()
        hurt()
        time.sleep(down)
        mend()
        back = time.monotonic()
        recovered = None
        while recovered is None and time.monotonic() < begin + RECOVERY_SECONDS_MAX:
            time.sleep(0.1)
            recovered = prober.quiet_since(begin)
        end = time.monotonic()
        probes, unanswered, slowest = prober.between(begin, end)
        row = {"fault": name, "down_seconds": round(back - begin, 2),
               "recovery_seconds": None if recovered is None else round(recovered - begin, 2),
               "probes": probes, "unanswered": unanswered, "slowest_seconds": round(slowest, 3)}
        self.faults.append(row)
        if recovered is None:
            self.failures.append(f"{name}: no quick answers {RECOVERY_SECONDS_MAX} s after its end")
            say(f"  {name:<13} down {row['down_seconds']:5.2f} s, NOT RECOVERED")
        else:
            say(f"  {name:<13} down {row['down_seconds']:5.2f} s, quick answers again after "
                f"{row['recovery_seconds']:5.2f} s; slowest {row['slowest_seconds']:6.3f} s, "
                f"{unanswered} of {probes} probes unanswered")

    def faults_in_turn(self, prober, seconds):
        """Each fault once in order, then in an order of the seed, until the time is over."""
        begun = time.monotonic()
        names = list(self.flags.faults)
        every = max(EVERY_SECONDS_MIN, (seconds - 2 * SETTLE_SECONDS) / len(names))
        time.sleep(SETTLE_SECONDS)
        for turn in range(10_000):
            if turn > 0:
                self.random.shuffle(names)
            for i, name in enumerate(names):
                due = begun + SETTLE_SECONDS + (turn * len(names) + i) * every
                if turn > 0 and due + every > begun + seconds:
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                self.fault(name, prober)
            if time.monotonic() + every > begun + seconds - SETTLE_SECONDS:
                return

    def check(self, holds, what):
        if not holds:
            self.failures.append(what)

    def check_books(self, report):
        self.check(report["sent"] == report["scheduled"], "rush could not send all it should")
        self.check(report["lost"] == 0, f"{report['lost']} positions were never answered")
        self.check(report["answered"] == report["sent"], "answered is not what was sent")
        self.check(report["duplicate_grants"] == 0, f"{report['duplicate_grants']} granted twice")
        self.check(report["grants"] > 0, "nothing was granted")

    def check_ledgers(self):
        audit = self.stack.hunt("audit", *self.stack.store_words)
        self.check(audit.returncode == 0, f"hunt audit: {audit.stdout}{audit.stderr}")
        say("  " + audit.stdout.strip().replace("\n", "\n  "))

    def check_told(self, before):
        """Every grant of the ledgers is in HUNT_CLAIMS, and no other."""
        ledger, told = told_since(self.stack, before)
        self.check(ledger <= set(told), f"{len(ledger - set(told))} grants were not told")
        self.check(set(told) <= ledger, f"{len(set(told) - ledger)} told, but not in a ledger")
        again = sum(count > 1 for count in told.values())
        say(f"  {len(ledger):,} grants in the ledgers, {len(told):,} told, {again} more than once")

    def run(self):
        say(f"seed {self.flags.seed}: nats-server, 3 Redis primaries, 2 PostgreSQL shards, "
            "2 orchestrators, a relay")
        tiles = self.bury()
        before = {grant["claim"] for grant in self.stack.orchestrators[0].all_grants()}
        prober = Prober(self.stack.nats, tiles)
        prober.start()
        rush = self.rush(self.flags.seconds)
        say(f"{self.flags.rate:,} positions/s for {self.flags.seconds} s; meanwhile")
        try:
            self.faults_in_turn(prober, self.flags.seconds)
            out, errors = rush.communicate(timeout=self.flags.seconds + 120)
        except subprocess.TimeoutExpired as error:
            raise Failed("the rush did not end") from error
        finally:
            rush.kill()
            prober.stop()
        if not out.startswith("{"):
            raise Failed(f"hunt rush ended with {rush.returncode}:\n{errors}")
        report = json.loads(out)
        say(f"{report['sent']:,} sent, {report['answered']:,} answered, {report['lost']:,} lost; "
            f"{report['redelivered']:,} sent again for claims; {report['grants']:,} grants, "
            f"{report['duplicate_grants']} twice")
        self.check_books(report)
        self.check_told(before)
        for process in self.stack.orchestrators + [self.stack.relay]:
            self.check(process.stop() == 0, f"an unclean end:\n{process.output[-2000:]}")
        self.check_ledgers()
        return {"seed": self.flags.seed, "seconds": self.flags.seconds, "faults": self.faults,
                "rush": report, "failures": self.failures}


def main():
    parser = argparse.ArgumentParser(
        prog="script/chaos", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the order and length of the faults")
    parser.add_argument("--seconds", type=int, default=120, help="of the rush (default: 120)")
    parser.add_argument("--players", type=int, default=28_000, help="default: 28,000")
    parser.add_argument("--rate", type=int, default=10_000, help="positions/s (default: 10,000)")
    parser.add_argument("--json", metavar="FILE", help="all figures into this file")
    parser.add_argument("--faults", default=",".join(FAULTS),
                        help=f"those to come, in this order (default: {','.join(FAULTS)})")
    flags = parser.parse_args()
    flags.faults = flags.faults.split(",")
    for name in flags.faults:
        if name not in FAULTS:
            parser.error(f"--faults: there is no \"{name}\"; there are {', '.join(FAULTS)}")
    least = 2 * SETTLE_SECONDS + EVERY_SECONDS_MIN * len(flags.faults)
    if flags.seconds < least:
        parser.error(f"--seconds: {len(flags.faults)} faults and recoveries take {least} at least")
    return play("script/chaos", Chaos, flags)


if __name__ == "__main__":
    sys.exit(main())
