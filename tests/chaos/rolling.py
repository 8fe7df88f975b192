"""A rolling restart, or an upgrade, under load: the work behind script/chaos rolling.

Three orchestrators and a relay on nats-server, a Redis Cluster and two PostgreSQL shards answer a
rush over hunt.pos. Then the relay and each orchestrator in turn is replaced as Kubernetes does it:
a new one starts and is ready for a while, the old one has its preStop time, then SIGTERM. With
--from and --to of two builds old and new ones serve side by side meanwhile, and all of it goes back
afterwards, unless --one-way says that the newer one changes the stores' tables: then an older one
that starts has to be refused with a sentence. Every position has to be answered, nothing granted
twice, every grant told, every ledger clean, every process has to end with exit code 0, and players
wait no longer than before or after: p99 at most twice. Exit code 1 when any of it is not so.
"""
import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from parts import START_SECONDS, Failed, Stack, eventually, play, say, told_since

from hunt_process import HUNT, HuntProcess, clean_environment

ORCHESTRATORS = 3
START_AND_DRAIN_SECONDS = 15  # of one process, on a busy machine: what the rush allows for it
BEGIN_SECONDS = 2             # of a rush, before something is replaced
END_SECONDS = 60


class Rolling:
    """One run: two rushes in peace, then one for each way, and one in peace again."""

    def __init__(self, flags, folder):
        self.flags = flags
        self.stack = Stack(folder)
        self.phases = []
        self.rolled = {}  # name: p99 in seconds
        self.failures = []

    def check(self, holds, what):
        if not holds:
            self.failures.append(what)

    def rush(self, seconds):
        """It knows nothing but NATS: any process may go."""
        return subprocess.Popen(
            [str(HUNT), "rush", "--json", "--stored", "--target", self.stack.nats.url, "--players",
             str(self.flags.players), "--rate", str(self.flags.rate), "--seconds", str(seconds),
             "--seed", str(self.flags.seed + len(self.phases))],
            cwd=self.stack.folder, env=clean_environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def stop(self, process, name):
        begun = time.monotonic()
        code = process.stop()
        self.check(code == 0, f"the {name} ended with {code}:\n{process.output[-2000:]}")
        say(f"  {name} replaced; SIGTERM to its end {time.monotonic() - begun:.2f} s")

    def replace_relay(self, program):
        old = self.stack.relay
        new = HuntProcess(self.stack.folder, "relay", *self.stack.words, listen=False,
                          program=program)
        self.stack.ends.append(new.kill)
        self.stack.relay = new
        self.wait_for(new, ("tells", "waits"))
        self.stop(old, "relay")
        self.wait_for(new, ("tells the changes",))

    @staticmethod
    def wait_for(relay, words):
        def said():
            if relay.process.poll() is not None:
                raise Failed(f"the new relay ended:\n{relay.output[-2000:]}")
            return any(word in relay.output for word in words)

        eventually(said, "the new relay's word")

    def replace_orchestrator(self, number, program):
        new = self.stack.start_orchestrator(program=program)
        time.sleep(self.flags.settle)
        old, self.stack.orchestrators[number] = self.stack.orchestrators[number], new
        time.sleep(self.flags.pre_stop)
        self.stop(old, f"orchestrator {number}")

    def start_older_one(self):
        """Where the newer ones have changed the tables it has to say so, and nothing else."""
        old = HuntProcess(self.stack.folder, "serve", *self.stack.words, program=self.flags.before)
        self.stack.ends.append(old.kill)
        try:
            old.wait_ready(START_SECONDS)
        except AssertionError:
            self.check(old.process.poll() == 1 and "use that version or newer" in old.output,
                       f"an older one that starts ended with {old.process.poll()}:\n"
                       f"{old.output[-2000:]}")
            say("  an older one that starts is refused, with a sentence")
        else:
            say("  an older one still starts: the tables are as it knows them")
            self.stop(old, "older one")

    def phase(self, name, seconds, meanwhile=lambda: None):
        say(f"{name}: {self.flags.rate:,} positions/s for {seconds} s")
        rush = self.rush(seconds)
        begun = time.monotonic()
        try:
            time.sleep(BEGIN_SECONDS)
            meanwhile()
            self.check(time.monotonic() - begun <= seconds,
                       f"{name}: the rush was over before all were replaced")
            out, errors = rush.communicate(timeout=seconds + END_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{name}: the rush did not end") from error
        finally:
            rush.kill()
        if not out.startswith("{"):
            raise Failed(f"{name}: hunt rush ended with {rush.returncode}:\n{errors}")
        report = json.loads(out)
        times = report["latency_seconds"]
        say(f"  {report['sent']:,} sent, {report['answered']:,} answered, {report['lost']:,} lost; "
            f"{report['grants']:,} grants, {report['duplicate_grants']} twice; p50 "
            f"{1e3 * times['p50']:.1f}, p99 {1e3 * times['p99']:.1f}, longest "
            f"{1e3 * times['max']:.0f} ms")
        self.check(report["sent"] == report["scheduled"], f"{name}: not all could be sent")
        self.check(report["lost"] == 0 and report["answered"] == report["sent"],
                   f"{name}: {report['lost']} positions were never answered")
        self.check(report["duplicate_grants"] == 0,
                   f"{name}: {report['duplicate_grants']} granted twice")
        self.check(report["grants"] > 0, f"{name}: nothing was granted")
        self.phases.append({"phase": name, "rush": report})
        return times["p99"]

    def roll(self, name, program):
        def replace_all():
            self.replace_relay(program)
            for number in range(ORCHESTRATORS):
                self.replace_orchestrator(number, program)
            if self.flags.one_way:
                self.start_older_one()

        each = START_AND_DRAIN_SECONDS + self.flags.settle + self.flags.pre_stop
        seconds = round(BEGIN_SECONDS + START_AND_DRAIN_SECONDS * (1 + self.flags.one_way)
                        + ORCHESTRATORS * each)
        self.rolled[name] = self.phase(name, seconds, replace_all)

    def check_waits(self, normal):
        times = self.flags.p99_times
        for name, p99 in self.rolled.items():
            self.check(times == 0 or p99 <= times * normal,
                       f"{name}: p99 {1e3 * p99:.1f} ms is more than {times} times the "
                       f"{1e3 * normal:.1f} ms in peace")

    def check_told(self, before):
        """Every grant of the ledgers is in HUNT_CLAIMS, and no other."""
        ledger, told = told_since(self.stack, before)
        self.check(ledger <= set(told), f"{len(ledger - set(told))} grants were not told")
        # Those of before may be told again, where a relay takes what keeps them for another one.
        unknown = set(told) - ledger - before
        self.check(not unknown, f"{len(unknown)} told, but not in a ledger")
        again = sum(count > 1 for count in told.values())
        say(f"{len(ledger):,} grants in the ledgers, {len(told):,} told, {again} more than once")

    def run(self):
        flags = self.flags
        self.stack.bury_demo(flags.before)
        self.stack.start_hunt(ORCHESTRATORS, program=flags.before)
        before = {grant["claim"] for grant in self.stack.orchestrators[0].all_grants()}
        # The first finds most of what there is; those that are compared meet a world alike. Other
        # programs come and go meanwhile: what is normal is the worse of before and after.
        self.phase("first", flags.normal_seconds)
        before_it = self.phase("in peace", flags.normal_seconds)
        if flags.before == flags.to:
            self.roll("rolling restart", flags.to)
        else:
            self.roll("upgrade", flags.to)
            if not flags.one_way:
                self.roll("way back", flags.before)
        after_it = self.phase("in peace again", flags.normal_seconds)
        self.check_waits(max(before_it, after_it))
        self.check_told(before)
        for process in self.stack.orchestrators + [self.stack.relay]:
            self.check(process.stop() == 0, f"an unclean end:\n{process.output[-2000:]}")
        audit = self.stack.hunt("audit", *self.stack.store_words)
        self.check(audit.returncode == 0, f"hunt audit: {audit.stdout}{audit.stderr}")
        return {"phases": self.phases, "failures": self.failures}


def arguments():
    parser = argparse.ArgumentParser(
        prog="script/chaos rolling", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="before", type=Path, default=HUNT, metavar="PATH",
                        help="the program that is replaced (default: the one just built)")
    parser.add_argument("--to", type=Path, default=HUNT, metavar="PATH",
                        help="the one that comes (default: the one just built)")
    parser.add_argument("--one-way", action="store_true",
                        help="not back: older releases refuse stores with newer tables")
    parser.add_argument("--rate", type=int, default=20_000, help="positions/s (default: 20,000)")
    parser.add_argument("--players", type=int, default=28_000, help="default: 28,000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--normal-seconds", type=int, default=30, help="of the rush in peace")
    parser.add_argument("--settle", type=float, default=5, metavar="SECONDS",
                        help="for which a new one is ready before an old one goes (default: 5)")
    parser.add_argument("--pre-stop", type=float, default=5, metavar="SECONDS",
                        help="before SIGTERM (default: 5)")
    parser.add_argument("--p99-times", type=float, default=2, metavar="N",
                        help="how much p99 may grow (default: 2; 0: not judged)")
    parser.add_argument("--json", metavar="FILE", help="all figures into this file")
    flags = parser.parse_args()
    flags.before, flags.to = flags.before.resolve(), flags.to.resolve()
    return flags


def main():
    flags = arguments()
    return play("script/chaos rolling", Rolling, flags)


if __name__ == "__main__":
    sys.exit(main())
