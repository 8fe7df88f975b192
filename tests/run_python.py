"""Runs the *_test.py of a folder with unittest: one line a test, then `N passed, N failed`.

Usage: run_python.py <folder> [name]; with a name only the tests whose id contains it. A skipped
test says why and counts as neither.
"""
import sys
import time
import unittest
from pathlib import Path


class Lines(unittest.TextTestResult):
    """A line for each test with its time, failures in full where they happen."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.passed = 0
        self.broken = 0
        self.started = time.monotonic()

    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def say(self, verdict, test, more=""):
        seconds = time.monotonic() - self.started
        print(f"{verdict:6} {test.id()} ({seconds:.1f} s){more}", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.say("ok", test)

    def addSkip(self, test, reason):
        self.say("skip", test, f": {reason}")

    def broke(self, test, error):
        self.broken += 1
        self.say("FAILED", test)
        print(self._exc_info_to_string(error, test), flush=True)

    addFailure = broke
    addError = broke

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.broke(subtest, error)


def tests_in(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


def main():
    folder = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(folder.parent))
    found = unittest.defaultTestLoader.discover(str(folder), "*_test.py", str(folder))
    name = sys.argv[2] if len(sys.argv) > 2 else ""
    suite = unittest.TestSuite(test for test in tests_in(found) if name in test.id())
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        runner = unittest.TextTestRunner(stream=nowhere, resultclass=Lines, verbosity=0)
        result = runner.run(suite)
    print(f"{result.passed} passed, {result.broken} failed", flush=True)
    return 0 if result.broken == 0 and result.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
