"""script/bench soak-profile: a whole stack that is profiled all the time, for minutes, under load.

An orchestrator and a relay of a given build (a sanitizer's, too) on NATS, a Redis Cluster and two
PostgreSQL shards. Both push CPU profiles to a sink without a break; meanwhile each is asked for its
heap once a second, and every half a minute for its CPU and its waiting. The load comes from another
build, since sanitizers are slow. Exit code 1 unless all of it holds: every position is answered,
nothing granted twice, all grants told, ledgers clean, profiles came, memory is flat (judged from
five minutes on, not of a sanitizer's build), both end with exit code 0, no sanitizer said a word.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOK_SECONDS = 5
FLAT_FROM_SECONDS = 300
FLAT_MIB, FLAT_SHARE = 24, 0.10  # what may be more, at the end than after a fifth of the time
SANITIZERS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
              "runtime error:")
FLOORS = ("engine", "service", "nats", "redis", "postgres")  # of which a function is named
SETTINGS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/leaks.supp:print_suppressions=0",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
}


def arguments():
    parser = argparse.ArgumentParser(prog="script/bench soak-profile", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hunt", type=Path, default=ROOT / "build/hunt", metavar="PATH",
                        help="the build under test")
    parser.add_argument("--generator", type=Path, metavar="PATH",
                        help="makes the load; the build under test without it")
    parser.add_argument("--seconds", type=int, default=600, metavar="N")
    parser.add_argument("--rate", type=int, default=10_000, help="positions a second")
    parser.add_argument("--players", type=int, default=28_000)
    return parser.parse_args()


def say(text):
    print(text, flush=True)


class Asker(threading.Thread):
    """Asks a process for profiles, until it is told to stop; counts the answers by status."""

    def __init__(self, process, kinds):
        super().__init__(daemon=True)
        self.process, self.kinds = process, kinds
        self.over = threading.Event()
        self.answers = {}  # (kind, status) -> how many; status 0: none came
        self.start()

    def ask(self, kind, path):
        try:
            status = self.process.get(path, token=TOKEN, timeout=60).status
        except OSError:
            status = 0
        self.answers[kind, status] = self.answers.get((kind, status), 0) + 1

    def run(self):
        turn = 0
        while not self.over.wait(1):
            turn += 1
            self.ask("heap", "/debug/pprof/heap")
            if turn % 30 == 0:
                for kind in self.kinds:
                    self.ask(kind, f"/debug/flame?kind={kind}&seconds=1&format=folded")

    def stop(self):
        self.over.set()
        self.join()


class Soak:
    """One run."""

    def __init__(self, flags, folder):
        self.flags = flags
        self.stack = Stack(folder)
        self.sink = Target()
        self.failures = []
        self.memory = {}  # by part, MiB every LOOK_SECONDS
        self.askers = {}

    def check(self, holds, what):
        if not holds:
            self.failures.append(what)

    def start(self):
        self.stack.bury_demo(self.flags.generator)
        push = ["--profile-push", self.sink.url]
        token = self.stack.folder / "admin-token"
        token.touch(mode=0o600)
        token.write_text(TOKEN + "\n", encoding="ascii")
        self.stack.start_hunt(1, push, relay_flags=[*push, "--admin-token-file", token])
        parts = {"orchestrator": self.stack.orchestrators[0], "relay": self.stack.relay}
        self.memory = {name: [] for name in parts}
        self.askers = {"orchestrator": Asker(parts["orchestrator"], ["cpu", "wall"]),
                       "relay": Asker(parts["relay"], ["cpu"])}
        return parts

    def rush(self, seconds):
        server = self.stack.orchestrators[0]
        return subprocess.Popen(
            [self.flags.generator, "rush", "--json", "--stored", "--target", self.stack.nats.url,
             "--url", f"http://127.0.0.1:{server.port}", "--admin-token-file",
             self.stack.folder / "admin-token", "--players", str(self.flags.players), "--rate",
             str(self.flags.rate), "--seconds", str(seconds)],
            cwd=self.stack.folder, env=clean_environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def watch(self, rush, parts):
        """Until the rush is over, or a part is: then there is nothing left to watch."""
        while True:
            try:
                return rush.communicate(timeout=LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            for name, process in parts.items():
                if process.process.poll() is not None:
                    rush.kill()
                    process.reader.join(5)
                    raise Failed(f"the {name} ended with {process.process.returncode}:\n"
                                 f"{process.output[-20_000:]}")
                self.memory[name].append(resident_mib(process.process))

    def check_report(self, out, errors):
        if not out.startswith("{"):
            raise Failed(f"hunt rush failed:\n{errors}")
        report = json.loads(out)
        say(f"{report['sent']:,} sent, {report['answered']:,} answered, {report['lost']:,} lost, "
            f"{report['grants']:,} grants, {report['duplicate_grants']} twice; p99 "
            f"{1e3 * report['latency_seconds']['p99']:.1f} ms")
        self.check(report["sent"] == report["scheduled"], "the rush could not send all it should")
        self.check(report["lost"] == 0 and report["answered"] == report["sent"],
                   f"{report['lost']} positions were never answered")
        self.check(report["duplicate_grants"] == 0, "something was granted twice")
        self.check(report["grants"] > 0, "nothing was granted")

    def check_profiles(self):
        """Answers, and what was pushed. True: this is a sanitizer's build."""
        sanitized = False
        for name, asker in self.askers.items():
            asker.stop()
            told = ", ".join(f"{count} {kind} with {status}"
                             for (kind, status), count in sorted(asker.answers.items()))
            say(f"  {name:<12} asked for profiles: {told}")
            for kind, status in asker.answers:
                none_there = kind == "heap" and status == 501  # it samples no allocations
                sanitized = sanitized or none_there
                self.check(status == 200 or none_there, f"{name}: {kind} answered {status}")
        stacks = sum(body.count("\n") for _, _, body in self.sink.posted)
        say(f"  {len(self.sink.posted)} profiles were pushed, with {stacks:,} stacks")
        # Two processes, each every 16 s and earlier where somebody asks: half of that at least.
        self.check(len(self.sink.posted) >= self.flags.seconds // 16, "too few profiles came")
        seen = "\n".join(body for _, _, body in self.sink.posted)
        for floor in FLOORS:
            self.check(f"hunt::{floor}::" in seen, f"no profile names a function of {floor}")
        return sanitized

    def check_memory(self, sanitized):
        for name, seen in self.memory.items():
            fifth = len(seen) // 5
            if fifth == 0:
                continue
            early, late = (statistics.median(some) for some in (seen[fifth:2 * fifth],
                                                                 seen[-fifth:]))
            say(f"  {name:<12} {early:.0f} MiB after a fifth, {late:.0f} MiB at the end, "
                f"{max(seen):.0f} MiB at most")
            if self.flags.seconds >= FLAT_FROM_SECONDS and not sanitized:
                self.check(late - early <= max(FLAT_MIB, FLAT_SHARE * early),
                           f"{name}: memory grew from {early:.0f} to {late:.0f} MiB")

    def check_told(self, before):
        ledger = {grant["claim"] for grant in self.stack.orchestrators[0].all_grants()} - before

        def all_told():
            return ledger <= set(self.stack.told_grants())

        try:
            eventually(all_told, "the last grant told")
        except Failed:
            self.failures.append("grants were not told")
        say(f"  {len(ledger):,} grants in the ledgers")

    def check_ends(self, parts):
        for name, process in parts.items():
            code = process.stop()
            said = [word for word in SANITIZERS if word in process.output]
            at = process.output.find(said[0]) if said else -20_000
            self.check(code == 0 and not said,
                       f"the {name} ended with {code}; {', '.join(said) or 'it said'}:\n"
                       f"{process.output[at:][:20_000]}")
            lost = process.output.count("a profile was lost")
            say(f"  {name:<12} exit code {code}, {lost} profiles lost")
        audit = self.stack.hunt("audit", *self.stack.store_words, program=self.flags.generator)
        self.check(audit.returncode == 0, f"hunt audit: {audit.stdout}{audit.stderr}")

    def run(self):
        parts = self.start()
        server = parts["orchestrator"]
        before = {grant["claim"] for grant in server.all_grants()}
        say(f"{self.flags.rate:,} positions/s for {self.flags.seconds} s on {self.flags.hunt}")
        rush = self.rush(self.flags.seconds)
        try:
            self.check_report(*self.watch(rush, parts))
        finally:
            rush.kill()
        sanitized = self.check_profiles()
        self.check_memory(sanitized)
        self.check_told(before)
        self.check_ends(parts)


def main(flags):
    folder = Path(tempfile.mkdtemp(prefix="hunt-soak-"))
    soak = None
    try:
        soak = Soak(flags, folder)
        soak.run()
    except (Failed, AssertionError, OSError) as error:
        sys.exit(f"script/bench soak-profile: {error}")
    finally:
        if soak is not None:
            for asker in soak.askers.values():
                asker.over.set()
            soak.stack.close()
            soak.sink.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for failure in soak.failures:
        say(f"FAILED: {failure}")
    say(f"{len(soak.failures)} of the checks failed" if soak.failures else "all of it holds")
    return 1 if soak.failures else 0


if __name__ == "__main__":
    FLAGS = arguments()
    FLAGS.hunt = FLAGS.hunt.resolve()
    FLAGS.generator = (FLAGS.generator or FLAGS.hunt).resolve()
    os.environ["HUNT_TEST_BINARY"] = str(FLAGS.hunt)
    for SETTING, VALUE in SETTINGS.items():
        os.environ.setdefault(SETTING, VALUE)
    sys.path[:0] = [str(ROOT / "tests/chaos"), str(ROOT / "tests/e2e")]
    from parts import Failed, Stack, eventually
    from hunt_process import TOKEN, clean_environment
    from profile_push_test import Target
    from whole import resident_mib
    sys.exit(main(FLAGS))
