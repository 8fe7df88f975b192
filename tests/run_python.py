"""Runs the *_test.py of a folder with unittest: a line for each test, then `N passed, N failed`.

Usage: run_python.py <folder> [name]...; with names only the tests whose id contains one of them. A
skipped test says why and counts as neither.

Each test runs in a process of its own, and the tests of a class with a setUpClass in one: one more
at a time than there are cores, since most of them wait. Those of large classes begin first, since
they take longest, and a test's line comes when it ends. Beside them runs one at a time of those of
the files with `WAITS = True`, which only wait for a moment to come. The tests of a file with
`ALONE = True` come last, one at a time: nothing else of this run takes their cores. A run of all
tells at its end which processes took longest, and how much CPU they and their servers did.
"""
import io
import itertools
import multiprocessing.connection
import os
import resource
import signal
import sys
import time
import unittest
from pathlib import Path

AT_ONCE_MAX = 16  # tests/e2e/hunt_process.py has ports for so many
END_SECONDS = 10
LONGEST_COUNT = 10
FORK = multiprocessing.get_context("fork")


class Lines(unittest.TestResult):
    """Tells of each test with its time, failures in full; what it printed stands before that."""

    def __init__(self, told):
        super().__init__()
        self.told = told
        self.test = None
        self.started = time.monotonic()
        self.printed = sys.stdout = io.StringIO()

    def startTest(self, test):
        self.test = test
        self.started = time.monotonic()
        super().startTest(test)

    def say(self, verdict, test, more="", passed=0, failed=0):
        seconds = time.monotonic() - self.started
        text = f"{self.printed.getvalue()}{verdict:6} {test.id()} ({seconds:.1f} s){more}\n"
        self.printed = sys.stdout = io.StringIO()
        self.told.send((text, passed, failed))

    def addSuccess(self, test):
        self.say("ok", test, passed=1)

    def addSkip(self, test, reason):
        self.say("skip", test, f": {reason}")

    def broke(self, test, error):
        self.say("FAILED", test, "\n" + self._exc_info_to_string(error, test), failed=1)

    addFailure = broke
    addError = broke

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.broke(subtest, error)


def cpu_seconds():
    """Of this process and of those that it started and that ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def work(tests, slot, told):
    """Of a process that runs some tests; its last word is the CPU that it took."""
    os.setpgid(0, 0)  # before it starts anything; Worker does the same, whoever comes first
    os.environ["HUNT_TEST_SLOT"] = str(slot)
    lines = Lines(told)
    try:
        unittest.TestSuite(tests).run(lines)
        told.send(cpu_seconds())
    except KeyboardInterrupt:
        lines.test.doCleanups()
        type(lines.test).doClassCleanups()


class Worker:
    """A process, and a process group of that number with the servers that it starts."""

    def __init__(self, tests, slot):
        self.tests, self.slot = tests, slot
        self.is_done = False
        self.started = time.monotonic()
        self.told, writes = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=work, args=(tests, slot, writes))
        self.process.start()
        os.setpgid(self.process.pid, self.process.pid)
        writes.close()

    def signal_all(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def end(self):
        """It has ended; what it left behind does now."""
        self.signal_all(signal.SIGKILL)
        self.process.join()
        self.told.close()

    def name(self):
        """Of its test, or of their class."""
        name, _, test = self.tests[0].id().rpartition(".")
        return f"{name}.{test}" if len(self.tests) == 1 else f"{name}, {len(self.tests)} tests"

    def interrupt(self):
        """As from a terminal: all of the group hear it, the tests clean up."""
        self.signal_all(signal.SIGINT)
        self.process.join(END_SECONDS)
        self.end()


class Run:
    """All tests of a run, and what they came to."""

    def __init__(self):
        self.passed = self.failed = 0
        self.took = []  # (seconds, CPU seconds, name) of each process

    def hear(self, worker):
        """Prints what a worker tells; False when there will be no more of it."""
        try:
            word = worker.told.recv()
        except EOFError:
            worker.end()
            if not worker.is_done:
                self.failed += 1
                print(f"FAILED {worker.tests[0].id()}: the process of {len(worker.tests)} tests "
                      f"ended too early, with {worker.process.exitcode}", flush=True)
            return False
        if isinstance(word, float):
            worker.is_done = True
            self.took.append((time.monotonic() - worker.started, word, worker.name()))
        else:
            text, passed, failed = word
            print(text, end="", flush=True)
            self.passed += passed
            self.failed += failed
        return True

    def run(self, *lines):
        """Each line is units, and how many of them at a time; each unit is a list of tests."""
        numbers, workers = itertools.count(), {}
        lines = [(units[::-1], list(itertools.islice(numbers, at_once)))
                 for units, at_once in lines]
        try:
            while workers or any(units for units, _ in lines):
                for units, slots in lines:
                    while units and slots:
                        worker = Worker(units.pop(), slots.pop())
                        workers[worker.told] = worker, slots
                for told in multiprocessing.connection.wait(list(workers)):
                    worker, slots = workers[told]
                    if not self.hear(worker):
                        slots.append(worker.slot)
                        del workers[told]
        finally:
            for worker, _ in workers.values():
                worker.interrupt()

    def tell_longest(self, seconds):
        """And whether the cores were at work meanwhile."""
        cpu_s = sum(cpu for _, cpu, _ in self.took)
        print(f"{seconds:.0f} s, {cpu_s:.0f} s of CPU; the longest:")
        for took_s, took_cpu_s, name in sorted(self.took, reverse=True)[:LONGEST_COUNT]:
            print(f"  {took_s:6.1f} s, {took_cpu_s:6.1f} s of CPU  {name}")


def tests_in(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


def shared_by(test):
    """The class where its tests share what they find, else the test."""
    made = type(test).setUpClass.__func__ is not unittest.TestCase.setUpClass.__func__
    return type(test) if made else test


def parted(units, word):
    """Those whose file says so, and the others."""
    def says(unit):
        return getattr(sys.modules[type(unit[0]).__module__], word, False)

    return [one for one in units if says(one)], [one for one in units if not says(one)]


def main():
    folder = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(folder.parent))
    found = unittest.defaultTestLoader.discover(str(folder), "*_test.py", str(folder))
    names = sys.argv[2:] or [""]
    wanted = [test for test in tests_in(found) if any(name in test.id() for name in names)]
    units = [list(group) for _, group in itertools.groupby(wanted, shared_by)]
    units.sort(key=len, reverse=True)
    alone, units = parted(units, "ALONE")
    waits, units = parted(units, "WAITS")
    run, started = Run(), time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        run.run((waits, 1), (units, min(len(os.sched_getaffinity(0)) + 1, AT_ONCE_MAX - 1)))
        run.run((alone, 1))
    except KeyboardInterrupt:
        return 130
    if not sys.argv[2:]:
        run.tell_longest(time.monotonic() - started)
    print(f"{run.passed} passed, {run.failed} failed", flush=True)
    return 0 if run.failed == 0 and run.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
