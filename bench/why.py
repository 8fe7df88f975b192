"""script/bench why: plants causes of slowness in a real fleet, and judges what `hunt why` says.

Real servers are started once. Of each trial the cause, its size and its place come from the seed:
load goes on, the cause is planted, `hunt why --json` of each orchestrator is asked when it has had
ten seconds of evidence, which is kept (why_again.py judges it by other rules), the cause is mended,
and the next trial begins when all say `none` again. Beside each verdict stands the tail that an
open-loop client measured in the same seconds. Writes
<out>/why-<seed>.json with everything and prints the tables for docs/ATTRIBUTION.md. Trials in which
other programs had the cores are repeated, and not judged.
"""
import argparse
import gc
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARM_SECONDS = 6
EVIDENCE_SECONDS = 11
SETTLE_SECONDS_MAX = 20
OTHERS_CORES_MAX = 0.35
SMOKE = ("none", "shard_delay", "row_lock")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Load:
    """The measuring client, which is all of the load, by one way, until it is ended."""

    def __init__(self, fleet, path, rate, seed):
        self.fleet, self.path, self.starts = fleet, path, fleet.starts
        fleet.bury_again()
        self.client = fleet.client = why_client.Client(
            fleet.nats, fleet.fronts, path, rate, seed, fleet.loot, fleet.takers)
        self.client.start()

    def fits(self, path):
        """It goes that way already, to the orchestrators that are there now."""
        return self.path == path and self.starts == self.fleet.starts and not self.client.trouble

    def end(self):
        self.client.stop()
        self.fleet.client = None


class Bench:
    """One run over a fleet."""

    def __init__(self, fleet, flags):
        self.fleet, self.flags = fleet, flags
        self.evidence_s = 4 if flags.smoke else EVIDENCE_SECONDS
        self.load = None
        self.mended_at = -math.inf

    def wait_until_quiet(self):
        """Others at work would be a cause of their own."""
        end = time.monotonic() + self.flags.patience
        told = False
        while time.monotonic() < end:
            others = why_machine.Others()
            time.sleep(1)
            if others.cores() < OTHERS_CORES_MAX:
                return
            if not told:
                say(f"waiting: others have {others.cores():.1f} cores")
            told = True

    def settle(self):
        """Seconds until all say `none`; None: not within the time, with what they say."""
        begun = time.monotonic()
        while True:
            whys = self.fleet.whys()
            if all(why and why["cause"] == "none" for why in whys):
                return time.monotonic() - begun, whys
            if time.monotonic() - begun > SETTLE_SECONDS_MAX or self.flags.smoke:
                return None, whys
            time.sleep(1)

    def load_by(self, path, seed):
        """The load by this way: the one of before goes on where it fits."""
        if self.load is not None and self.load.fits(path):
            return self.load.client
        self.end_load()
        self.load = Load(self.fleet, path, self.flags.rate, seed)
        time.sleep(2 if self.flags.smoke else WARM_SECONDS)
        return self.load.client

    def end_load(self):
        load, self.load = self.load, None
        if load is not None:
            load.end()

    def trial(self, number, cause, path):
        source = random.Random(f"{self.flags.seed} {number} {cause}")
        client = self.load_by(path, source.getrandbits(32))
        calm_s, before = self.settle()
        if not self.flags.smoke:  # nothing of the last cause is left in what the client knows
            time.sleep(max(0.0, self.mended_at + EVIDENCE_SECONDS - time.monotonic()))
        client_before = client.tails([time.monotonic()] * why_fleet.ORCHESTRATORS)
        try:
            with why_causes.CAUSES[cause](self.fleet, source) as plant:
                found = self.evidence(cause, client, plant)
        finally:
            self.mended_at = time.monotonic()
        settled_s, after = self.settle()
        if client.trouble:
            raise Failed(f"the measuring client: {client.trouble}")
        result = {
            "seed": self.flags.seed, "number": number, "cause": cause, "path": path,
            "size": plant.size, "where": plant.where, "at": plant.at,
            "accepted": why_causes.accepted(cause, plant, plant.at[0]),
            "calm_seconds": calm_s, "before": [brief(why) for why in before],
            "client_before": client_before, **found,
            "settled_seconds": settled_s, "after": [brief(why) for why in after],
            "client_send_late_seconds": client.send_late_s, "client_errors": client.errors,
            "client_refused": client.refused,
        }
        client.send_late_s, client.errors, client.refused = 0.0, 0, 0
        return self.judged(result, plant)

    def evidence(self, cause, client, plant):
        """What is seen while the cause is there."""
        others = why_machine.Others()
        pids = [self.fleet.pid(at) for at in range(why_fleet.ORCHESTRATORS)]
        starved = [why_machine.starved_seconds(pid) for pid in pids]
        gates_cpu, begun = self.fleet.gates.cpu_seconds(), time.monotonic()
        time.sleep(min(self.evidence_s, why_causes.EVIDENCE_SECONDS.get(cause, EVIDENCE_SECONDS)))
        verdicts = self.fleet.whys()
        tails = client.tails([why["gathered_at"] if why else time.monotonic() for why in verdicts])
        whole = self.fleet.whole()
        kept = self.fleet.evidence()
        seconds = time.monotonic() - begun
        if plant.flood:  # nearly all that its orchestrator was asked
            for name, tail_s in plant.flood.tails().items():
                tails[name]["by_server"][plant.at[0]] = tail_s
        return {
            "client": tails, "verdicts": verdicts, "whole": whole, "evidence": kept,
            "others_cores": others.cores(),
            "starved": [(why_machine.starved_seconds(pid) - was) / seconds
                        for pid, was in zip(pids, starved)],
            "gates_cores": (self.fleet.gates.cpu_seconds() - gates_cpu) / seconds,
        }

    def judged(self, result, plant):
        felt = why_table.was_felt(result["client_before"], result["client"])
        verdicts = []
        for at, why in enumerate(result["verdicts"]):
            patterns = why_causes.accepted(result["cause"], plant, at)
            planted = at in plant.at and result["cause"] != "none"
            fits = why is not None and why_table.fits(why, patterns)
            verdicts.append({
                "orchestrator": at, "planted": planted, "accepted": patterns,
                "judged": why_table.judge(why, fits, felt, planted),
                **(why or {"cause": "silent", "resource": "", "confident": False, "verdict": "",
                           "next": "", "timeline": "answers", "samples": 0, "stages": [],
                           "tail_seconds": None})})
        result["verdicts"] = verdicts
        result["felt"] = felt
        why_table.sum_up(result)
        result["disturbed"] = self.flags.patience > 0 and \
            result["others_cores"] > OTHERS_CORES_MAX
        return result

    def until_undisturbed(self, number, cause, path):
        """All attempts at a trial; the last one counts unless it was disturbed, too."""
        results = []
        for _ in range(self.flags.attempts):
            gc.collect()
            self.wait_until_quiet()
            results.append(self.trial(number, cause, path))
            self.tell(results[-1])
            if not results[-1]["disturbed"]:
                break
        return results

    @staticmethod
    def tell(result):
        size = " ".join(f"{name}={value}" for name, value in
                        {**result["size"], **result["where"]}.items())
        said = ", ".join(f"{one['judged']} ({one['cause']} {one['resource']})"
                         for one in result["verdicts"])
        ratio = result["tail_ratio"]
        say(f"{result['number']:>3} {result['cause']:<16} {size:<28} {result['path']:<6} {said};"
            f" of all {result['whole_judged']};"
            f" tail {'-' if ratio is None else f'{ratio:.2f}'} of the client's"
            f"{'' if result['settled_seconds'] is not None else '; NOT SETTLED'}"
            f"{' DISTURBED' if result['disturbed'] else ''}")


def brief(why):
    return why and {name: why[name] for name in ("cause", "resource", "confident", "verdict")}


def plan(flags, skipped):
    """(cause, path) of each trial: all causes in turn, in an order of the seed; of a round those by
    one way come together, so that the load need not begin anew."""
    names = [name for name in flags.only or why_causes.CAUSES if name not in skipped]
    source = random.Random(f"{flags.seed} plan")
    trials = []
    while names and len(trials) < flags.trials:
        source.shuffle(names)
        turn = [(name, why_causes.PATHS.get(name) or
                 source.choice(["ask", "ask", "ask", "http", "ws", "stored"])) for name in names]
        ways = list(dict.fromkeys(path for _, path in turn))
        # Begins with the way that the last round ended with.
        ways.sort(key=lambda path: bool(trials) and path != trials[-1][1])
        trials += sorted(turn, key=lambda trial: ways.index(trial[1]))
    return trials[:flags.trials]


def about(flags):
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                         capture_output=True, check=False).stdout.strip()
    return {"command": " ".join(["script/bench why", *sys.argv[1:]]), "commit": git,
            "cores": os.cpu_count(), "rate": flags.rate, "seed": flags.seed,
            "began": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())}


def run(flags, folder):
    trials = []
    say("starting the servers")
    fleet = why_fleet.Fleet(folder, flags.seed, say)
    out = flags.out / f"why-{flags.seed}.json"
    try:
        skipped = why_causes.skipped(fleet)
        for name, reason in skipped.items():
            say(f"left out: {name}: {reason}")
        bench = Bench(fleet, flags)
        facts = {**about(flags), "left_out": skipped}
        for number, (cause, path) in enumerate(plan(flags, skipped), 1):
            trials += bench.until_undisturbed(number, cause, path)
            if not flags.smoke:
                out.write_text(json.dumps({**facts, "trials": trials}, indent=1) + "\n")
        bench.end_load()
    except KeyboardInterrupt:
        say("stopped")
    finally:
        say("ending the servers")
        fleet.close()
    if flags.smoke:
        return trials
    print("\n" + why_table.confusion(trials) + "\n\n" + why_table.said_table(trials))
    print(f"\n{out}")
    return trials


def read_flags():
    parser = argparse.ArgumentParser(prog="script/bench why", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=22)
    parser.add_argument("--only", action="append", metavar="CAUSE", help="may be repeated")
    parser.add_argument("--rate", type=int, default=3_000, help="positions a second")
    parser.add_argument("--patience", type=int, default=900, metavar="SECONDS",
                        help="how long to wait for a quiet machine; 0: judge whatever others do")
    parser.add_argument("--attempts", type=int, default=3, metavar="N",
                        help="at a trial in which other programs have the cores")
    parser.add_argument("--hunt", type=Path, default=ROOT / "build/hunt", metavar="PATH")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results", metavar="DIR")
    parser.add_argument("--smoke", action="store_true",
                        help="a few short trials: does the harness work? Judges and writes nothing")
    flags = parser.parse_args()
    if flags.smoke:
        flags.only, flags.trials, flags.patience = list(SMOKE), len(SMOKE), 0
    return flags


def main(flags):
    unknown = [name for name in flags.only or [] if name not in why_causes.CAUSES]
    if unknown:
        print(f"script/bench why: no cause {unknown[0]}; there are: "
              f"{' '.join(why_causes.CAUSES)}", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    gc.disable()  # it would stop the client for tens of milliseconds; between trials it is done
    flags.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hunt-why-") as name:
        try:
            trials = run(flags, Path(name))
        except Failed as error:
            print(f"script/bench why: {error}", file=sys.stderr)
            return 1
    return 0 if trials else 1


if __name__ == "__main__":
    FLAGS = read_flags()
    os.environ["HUNT_TEST_BINARY"] = str(FLAGS.hunt.resolve())
    # These read where the binary is when they are loaded.
    import why_causes
    import why_client
    import why_fleet
    import why_machine
    import why_table
    from why_fleet import Failed
    sys.exit(main(FLAGS))
