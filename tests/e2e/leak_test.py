"""An orchestrator that leaks leaves before it is killed, and nothing of what it took is lost."""
import os
import subprocess
import time
import unittest
from pathlib import Path

import small_world
from hunt_process import clean_environment
from nats_process import NatsLoadCase

LIMIT_MIB = 400
# A thread that takes 2 GB in 90 s and never gives them back.
HOARD = r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void* hoard(void* unused) {
  for (;;) {
    char* block = malloc(1 << 20);
    if (block != NULL) memset(block, 1, 1 << 20);
    usleep(45000);
  }
  return unused;
}
__attribute__((constructor)) static void begin(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, hoard, NULL);
}
"""


class ControlGroup:
    """A memory limit of version 1 for the processes in it. OSError where that cannot be made."""

    def __init__(self, limit_bytes):
        self.folder = Path(f"/sys/fs/cgroup/memory/hunt-test-{os.getpid()}")
        self.folder.mkdir()
        (self.folder / "memory.limit_in_bytes").write_text(str(limit_bytes))
        self.wrapper = ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]

    def killed(self):
        """How often the kernel ended one of them."""
        text = (self.folder / "memory.oom_control").read_text()
        return int(text.rpartition("oom_kill ")[2])

    def remove(self):
        self.folder.rmdir()


class Leak(NatsLoadCase):
    """Two orchestrators on NATS."""

    def hoard(self):
        source, library = self.folder / "hoard.c", self.folder / "hoard.so"
        source.write_text(HOARD)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-lpthread"],
                       check=True)
        return str(library)

    def test_it_drains_and_leaves_and_another_one_goes_on(self):
        try:
            group = ControlGroup(LIMIT_MIB << 20)
            self.addCleanup(group.remove)
            wrapper, words = group.wrapper, []
        except OSError:  # not root, or version 2: the flag then
            group, wrapper, words = None, (), ["--memory-limit", f"{LIMIT_MIB}MiB"]
        server = self.serve_nats()
        self.relay()
        small_world.bury(server)
        before = self.ledger()
        leaking = self.serve_nats(*words, wrapper=wrapper,
                                  env=clean_environment(LD_PRELOAD=self.hoard()))
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 20)
        begun = time.monotonic()
        self.assertEqual(leaking.wait_exit(40), 1, leaking.output)
        self.assertIn("MiB of memory are in use: this process drains and ends", leaking.output)
        print(f"       left after {time.monotonic() - begun:.1f} s under load")
        report = self.report_of(rush)
        self.assert_balanced(report)
        self.assertEqual(self.ledger() - before, report["grants"])
        self.assert_all_told(server)
        if group is not None:
            self.assertEqual(group.killed(), 0)


if __name__ == "__main__":
    unittest.main()
