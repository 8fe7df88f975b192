"""The bpftrace recipes are read by bpftrace, as far as this machine's kernel lets it."""
import shutil
import subprocess
import unittest

from hunt_process import REPOSITORY

RECIPES = sorted((REPOSITORY / "examples/profiling").glob("*.bt"))


class ProfilingExamples(unittest.TestCase):
    """Nothing is attached: bpftrace compiles the recipe and ends."""

    def check(self, recipe):
        """None, or why no more than the grammar could be checked."""
        done = subprocess.run(["bpftrace", "-d", recipe, "1"], capture_output=True, text=True,
                              timeout=60, check=False)
        told = done.stdout + done.stderr
        self.assertNotIn("syntax error", told)
        if done.returncode == 0:
            return None
        for limit in ("tracepoint not found", "only supports running as the root user"):
            if limit in told:
                return f"{recipe.name}: {limit}"
        raise AssertionError(told)

    def test_recipes(self):
        self.assertGreaterEqual(len(RECIPES), 3)
        if not shutil.which("bpftrace"):
            self.skipTest("bpftrace is not installed: the recipes were not read")
        limits = [limit for limit in map(self.check, RECIPES) if limit]
        if limits:
            self.skipTest("only the grammar was checked: " + "; ".join(limits))


if __name__ == "__main__":
    unittest.main()
