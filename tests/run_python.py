"""Runs the *_test.py of a folder with unittest: a line for each test, then `N passed, N failed`.

Usage: run_python.py <folder> [name]...; with names only the tests whose id contains one of them. A
skipped test says why and counts as neither.

Each test runs in a process of its own, and the tests of a class with a setUpClass in one: one more
at a time than there are cores, since most of them wait. Those of large classes begin first, since
they take longest, and a test's line comes when it ends. The tests of a file with `ALONE = True`
come last, one at a time: nothing else of this run takes their cores.
"""
import io
import itertools
import multiprocessing.connection
import os
import signal
import sys
import time
import unittest
from pathlib import Path

AT_ONCE_MAX = 16  # tests/e2e/hunt_process.py has ports for so many
END_SECONDS = 10
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


def work(tests, slot, told):
    """Of a process that runs some tests; its last word is None."""
    os.setpgid(0, 0)  # before it starts anything; Worker does the same, whoever comes first
    os.environ["HUNT_TEST_SLOT"] = str(slot)
    lines = Lines(told)
    try:
        unittest.TestSuite(tests).run(lines)
        told.send(None)
    except KeyboardInterrupt:
        lines.test.doCleanups()
        type(lines.test).doClassCleanups()


class Worker:
    """A process, and a process group of that number with the servers that it starts."""

    def __init__(self, tests, slot):
        self.tests, self.slot = tests, slot
        self.is_done = False
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

    def interrupt(self):
        """As from a terminal: all of the group hear it, the tests clean up."""
        self.signal_all(signal.SIGINT)
        self.process.join(END_SECONDS)
        self.end()


class Run:
    """All tests of a run, and what they came to."""

    def __init__(self):
        self.passed = self.failed = 0

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
        if word is None:
            worker.is_done = True
        else:
            text, passed, failed = word
            print(text, end="", flush=True)
            self.passed += passed
            self.failed += failed
        return True

    def run(self, units, at_once):
        """Each unit is a list of tests."""
        waiting, workers, slots = units[::-1], {}, list(range(at_once))
        try:
            while waiting or workers:
                while waiting and slots:
                    worker = Worker(waiting.pop(), slots.pop())
                    workers[worker.told] = worker
                for told in multiprocessing.connection.wait(list(workers)):
                    if not self.hear(workers[told]):
                        slots.append(workers.pop(told).slot)
        finally:
            for worker in workers.values():
                worker.interrupt()


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


def is_alone(unit):
    return getattr(sys.modules[type(unit[0]).__module__], "ALONE", False)


def main():
    folder = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(folder.parent))
    found = unittest.defaultTestLoader.discover(str(folder), "*_test.py", str(folder))
    names = sys.argv[2:] or [""]
    wanted = [test for test in tests_in(found) if any(name in test.id() for name in names)]
    units = [list(group) for _, group in itertools.groupby(wanted, shared_by)]
    units.sort(key=len, reverse=True)
    run = Run()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        run.run([unit for unit in units if not is_alone(unit)],
                min(len(os.sched_getaffinity(0)) + 1, AT_ONCE_MAX))
        run.run([unit for unit in units if is_alone(unit)], 1)
    except KeyboardInterrupt:
        return 130
    print(f"{run.passed} passed, {run.failed} failed", flush=True)
    return 0 if run.failed == 0 and run.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
