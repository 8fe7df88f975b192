"""The heap of a running hunt: a planted leak is named, with what it holds; what is freed is not."""
import gzip
import subprocess
import time
import unittest

from hunt_process import TOKEN, HuntTest, clean_environment

# A thread that keeps 13 MB a second, and one that takes and gives back as much. The allocations are
# the program's: C++ code in a library calls its operator new.
HOARD = r"""
#include <pthread.h>
#include <string.h>
#include <unistd.h>
extern "C" {
__attribute__((noinline)) char* planted_leak() {
  char* block = new char[1 << 16];
  memset(block, 1, 1 << 16);
  return block;
}
__attribute__((noinline)) void planted_churn() {
  char* block = new char[1 << 16];
  memset(block, 1, 1 << 16);
  asm volatile("" : : "r"(block) : "memory");
  delete[] block;
}
}
static void* hoard(void*) {
  for (;;) {
    char* volatile kept = planted_leak();
    (void)kept;
    planted_churn();
    usleep(5000);
  }
}
__attribute__((constructor)) static void begin() {
  pthread_t thread;
  pthread_create(&thread, nullptr, hoard, nullptr);
}
"""
MIB = 1 << 20


class HeapProfile(HuntTest):
    """Who holds the memory."""

    def setUp(self):
        super().setUp()
        (self.folder / "hoard.cc").write_text(HOARD)
        subprocess.run(["g++", "-shared", "-fPIC", "-O1", "-o", "hoard.so", "hoard.cc"],
                       cwd=self.folder, check=True, timeout=60)
        self.token = self.folder / "admin-token"

    def leaking(self, *words):
        return self.serve(*words, "--lanes", 1,
                          env=clean_environment(LD_PRELOAD=str(self.folder / "hoard.so")))

    def heap(self, server, name="heap.folded"):
        """Bytes in use by folded stack."""
        self.assert_exit(self.hunt("flame", "--kind", "heap", "--admin-token-file", self.token,
                                   "--url", f"http://127.0.0.1:{server.port}", "-o", name), 0)
        lines = (self.folder / name).read_text().splitlines()
        self.assertTrue(lines[0].startswith("# memory in use, in bytes"), lines[0])
        return {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in lines[1:]}

    @staticmethod
    def held(stacks, name):
        return sum(size for stack, size in stacks.items() if name in stack)

    def test_a_planted_leak_is_named_and_what_is_freed_is_not(self):
        server = self.leaking()
        deadline = time.monotonic() + 60
        while self.held(self.heap(server), "planted_leak") < 40 * MIB:
            self.assertLess(time.monotonic(), deadline, self.heap(server))
            time.sleep(0.5)
        stacks = self.heap(server)
        leak = self.held(stacks, "planted_leak")
        self.assertGreater(leak, sum(stacks.values()) / 2, stacks)
        self.assertLess(self.held(stacks, "planted_churn"), 4 * MIB, stacks)
        # Its callers are there, too: from the thread's first function on.
        self.assertTrue(any(";hoard(void*);planted_leak" in stack for stack in stacks), stacks)
        # Where what is in use is more than what the kernel gave, it is no estimate.
        status = open(f"/proc/{server.process.pid}/status", encoding="ascii").read()
        resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
        self.assertLess(leak, resident * 1.5)

        picture = self.hunt("flame", "--kind", "heap", "--admin-token-file", self.token, "--url",
                            f"http://127.0.0.1:{server.port}")
        self.assert_exit(picture, 0)
        self.assertIn("planted_leak (", (self.folder / "flame.svg").read_text())
        reply = server.get("/debug/pprof/heap", token=TOKEN)
        self.assertEqual(200, reply.status)
        profile = gzip.decompress(reply.body)
        for word in (b"planted_leak", b"alloc_space", b"inuse_space", b"inuse_objects"):
            self.assertIn(word, profile)
        self.assertEqual(0, server.stop(), server.output)

    def test_without_the_sample_it_says_so(self):
        server = self.leaking("--no-heap-profile")
        refused = server.get("/debug/pprof/heap", token=TOKEN)
        self.assert_error(refused, 501, "--no-heap-profile")
        self.assertEqual(401, server.get("/debug/pprof/heap").status)
        self.assertEqual(200, server.get("/debug/pprof/profile?seconds=1", token=TOKEN).status)
        seconds = self.hunt("flame", "--kind", "heap", "--seconds", 3)
        self.assert_exit(seconds, 2)


if __name__ == "__main__":
    unittest.main()
