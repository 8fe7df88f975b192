"""`hunt flame` and the profiles of a running server: functions by name, and what is refused."""
import gzip
import re
import resource
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from hunt_process import HUNT, TOKEN, HuntTest, clean_environment

LOAD = ["--players", "2000", "--rate", "20000"]


class Flame(HuntTest):
    """Profiles of a hunt that is busy with a function that is known."""

    def setUp(self):
        super().setUp()
        self.token = self.folder / "flame-token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)

    def busy(self, *words, **keywords):
        server = self.start("up", "--store", self.store, *LOAD, "--busy-cpu", "2ms",
                            "--admin-token-file", self.token, *words, **keywords)
        return server, f"http://127.0.0.1:{server.port}"

    def flame(self, *words):
        return self.hunt("flame", "--admin-token-file", self.token, *words, timeout=60)

    def test_a_hot_function_is_named_with_who_called_it(self):
        _, url = self.busy()
        self.assert_exit(self.flame("--url", url, "--seconds", 3, "-o", "hot.folded"), 0)
        stacks = [line.rpartition(" ") for line in
                  (self.folder / "hot.folded").read_text().splitlines() if line[0] != "#"]
        total = sum(int(count) for *_, count in stacks)
        lane = [(stack.split(";"), int(count)) for stack, _, count in stacks
                if stack.startswith("lane-0;")]
        hot = sum(count for frames, count in lane
                  if any("BusyHandler::handle" in frame for frame in frames))
        self.assertGreater(total, 20)
        # Beside it the lane reads its first chunks, longer where others have the cores.
        self.assertGreater(hot, sum(count for _, count in lane) / 3, stacks)
        # From the thread's first function on.
        self.assertTrue(any("io_context::run" in frame for frame in lane[0][0]), lane[0])

    def test_a_picture_a_profile_and_what_changed(self):
        server, url = self.busy()
        self.assert_exit(self.flame("--url", url, "--url", url.replace("127.0.0.1", "localhost"),
                                    "--seconds", 1), 1)  # the same process twice: one at a time
        self.assert_exit(self.flame("--url", url, "--seconds", 2, "-o", "before.folded"), 0)
        done = self.flame("--url", url, "--seconds", 2, "--diff", "before.folded")
        self.assert_exit(done, 0)
        self.assertEqual("flame.svg", done.stdout.strip())
        picture = (self.folder / "flame.svg").read_text()
        self.assertTrue(picture.startswith("<?xml"))
        self.assertIn("BusyHandler::handle", picture)
        self.assertIn(" points)</title>", picture)
        self.assert_exit(self.flame("--url", url, "--seconds", 1, "-o", "hunt.pb.gz"), 0)
        profile = gzip.decompress((self.folder / "hunt.pb.gz").read_bytes())
        self.assertIn(b"BusyHandler::handle", profile)
        reply = server.get("/debug/pprof/profile?seconds=1", token=TOKEN)
        self.assertEqual(200, reply.status)
        self.assertIn(b"nanoseconds", gzip.decompress(reply.body))

    def test_what_is_wrong_is_told(self):
        server, url = self.busy()
        for query in ("seconds=0", "seconds=10000", "seconds=x", "seconds=1&format=png"):
            reply = server.get(f"/debug/flame?{query}", token=TOKEN)
            self.assertEqual(400, reply.status, query)
            self.assertIn(reply.json["error"]["field"], ("seconds", "format"))
        self.assertEqual(401, server.get("/debug/flame?seconds=1").status)
        self.assertIn("admin token", self.hunt("flame", "--url", url).stderr)
        (self.folder / "bad.folded").write_text("main;leaf x\n")
        bad = self.flame("--url", url, "--diff", "bad.folded")
        self.assert_exit(bad, 1)
        self.assertIn("bad.folded: line 1 is no folded stack", bad.stderr)
        self.assertIn("is the server running", self.flame("--url", "http://127.0.0.1:1").stderr)

    def stacks(self, name):
        """Of a folded file: stacks with their amount, and its first line."""
        head, *lines = (self.folder / name).read_text().splitlines()
        return [(line.rpartition(" ")[0], int(line.rpartition(" ")[2])) for line in lines], head

    def test_where_requests_wait_is_told_by_stages(self):
        _, url = self.busy("--slow-store", "40ms")
        self.assert_exit(self.flame("--url", url, "--kind", "wall", "--seconds", 2, "-o",
                                    "wall.folded"), 0)
        stacks, head = self.stacks("wall.folded")
        self.assertTrue(head.startswith("# time of requests, in microseconds; 2"), head)
        self.assertTrue(all(stack.count(";") == 2 for stack, _ in stacks), stacks)
        self.assertEqual({"answer", "claim"}, {stack.split(";")[0] for stack, _ in stacks})
        # A claim waits 40 ms for the store; nothing that a batch does takes so long.
        granted = sum(amount for stack, amount in stacks
                      if stack == "claim;store_grant;wait for shard 0")
        self.assertGreater(granted, 40_000, stacks)
        other = self.flame("--url", url, "--seconds", 1, "--diff", "wall.folded")
        self.assert_exit(other, 1)
        self.assertIn("they cannot be compared", other.stderr)

    def test_a_program_that_was_replaced_since_it_was_started_keeps_its_names(self):
        mine = self.folder / "hunt-of-before"
        shutil.copy(HUNT, mine)
        _, url = self.busy(wrapper=["sh", "-c", f'shift; exec {mine} "$@"', "sh"])
        mine.unlink()
        shutil.copy("/bin/true", mine)
        self.assert_exit(self.flame("--url", url, "--seconds", 2, "-o", "hot.folded"), 0)
        stacks, head = self.stacks("hot.folded")
        self.assertTrue(any("BusyHandler::handle" in stack for stack, _ in stacks), stacks)
        # Of which build it is stands in the file, and what is compared with another says so.
        version = self.hunt("--version").stdout
        build = re.fullmatch(r"hunt \S+\nbuild ([0-9a-f]{16,})\n", version).group(1)
        self.assertIn(f"; build {build}", head)
        other = (self.folder / "hot.folded").read_text().replace(build, "0" * len(build))
        (self.folder / "other.folded").write_text(other)
        done = self.flame("--url", url, "--seconds", 1, "--diff", "other.folded")
        self.assert_exit(done, 0)
        self.assertIn(f"is of build {'0' * len(build)}, this is build {build}", done.stderr)
        self.assertNotIn("build", self.flame("--url", url, "--seconds", 1, "--diff",
                                             "hot.folded").stderr)

    def test_a_stripped_program_is_named_by_its_debug_file(self):
        mine = self.folder / "hunt-stripped"
        debug = self.folder / "hunt-stripped.debug"
        for words in (["--only-keep-debug", HUNT, debug],
                      ["--strip-all", f"--add-gnu-debuglink={debug}", HUNT, mine]):
            subprocess.run(["objcopy", *words], check=True, timeout=120)
        _, url = self.busy(wrapper=["sh", "-c", f'shift; exec {mine} "$@"', "sh"])
        self.assert_exit(self.flame("--url", url, "--seconds", 2, "-o", "hot.folded"), 0)
        stacks, _ = self.stacks("hot.folded")
        self.assertTrue(any("BusyHandler::handle" in stack for stack, _ in stacks), stacks)
        debug.unlink()
        self.assert_exit(self.flame("--url", url, "--seconds", 2, "-o", "hot.folded"), 0)
        stacks, _ = self.stacks("hot.folded")
        self.assertFalse(any("BusyHandler::handle" in stack for stack, _ in stacks), stacks)
        self.assertTrue(any("[hunt-stripped]" in stack for stack, _ in stacks), stacks)

    def test_go_reads_both_profiles(self):
        if not shutil.which("go"):
            self.skipTest("go is not installed: its pprof did not read the profiles")
        server, _ = self.busy()
        for path, name, function in (("profile?seconds=2", "samples", "BusyHandler::handle"),
                                     ("profile?seconds=2", "cpu", "BusyHandler::handle"),
                                     ("heap", "alloc_space", "hunt::"),
                                     ("heap", "inuse_space", "hunt::")):
            file = self.folder / "profile.pb.gz"
            file.write_bytes(server.get(f"/debug/pprof/{path}", token=TOKEN).body)
            read = subprocess.run(
                ["go", "tool", "pprof", "-top", f"-sample_index={name}", file], text=True,
                capture_output=True, check=False, timeout=60, cwd=self.folder,
                env=clean_environment(HOME=str(self.folder), PPROF_TMPDIR=str(self.folder)))
            self.assertEqual(0, read.returncode, read.stderr)
            self.assertIn(f"Type: {name}", read.stdout)
            self.assertIn(function, read.stdout)

    def test_the_handler_of_the_signal_calls_nothing_that_is_not_safe_there(self):
        names = subprocess.run(["nm", "-S", HUNT], capture_output=True, text=True, check=True)
        found = re.findall(r"^(\w+) (\w+) \w \w*StackSampler9on_signal\S*(?:tPv|cold)$",
                           names.stdout, re.M)
        self.assertTrue(found, "the handler has another name now")
        called = set()
        for start, size in found:
            stop = int(start, 16) + int(size, 16)
            code = subprocess.run(
                ["objdump", "-d", "--no-show-raw-insn", f"--start-address=0x{start}",
                 f"--stop-address={stop}", HUNT], capture_output=True, text=True, check=True)
            for line in code.stdout.splitlines():
                words = line.split()
                if "call" not in words[1:2]:
                    continue
                target = re.search(r"<([\w.]+)", line)
                self.assertIsNotNone(target, f"it calls what cannot be known: {line}")
                called.add(target.group(1))
        # The last two end the process where the stack is broken, or an index is wrong.
        safe = {"syscall", "getpid", "__errno_location", "memcpy", "__stack_chk_fail"}
        self.assertIn("syscall", called)
        self.assertEqual(set(), called - safe)

    def idle(self, name):
        return self.start("serve", "--store", f"sqlite:{self.folder}/{name}.db", "--lanes", 1)

    def test_several_by_url_are_one_picture(self):
        mine = self.folder / "hunt-stripped"
        subprocess.run(["objcopy", "--strip-all", HUNT, mine], check=True, timeout=120)
        named = self.busy()[1]
        server = self.start("up", "--store", f"sqlite:{self.folder}/other.db", *LOAD,
                            "--admin-token-file", self.token, program=mine)
        done = self.flame("--url", named, "--url", f"http://127.0.0.1:{server.port}", "--seconds",
                          2, "-o", "both.folded")
        self.assert_exit(done, 0)
        self.assertIn("watching 2 processes", done.stderr)
        stacks, _ = self.stacks("both.folded")
        for name in ("BusyHandler::handle", "[hunt-stripped]"):
            self.assertTrue(any(name in stack for stack, _ in stacks), name)

    def test_with_no_memory_left_it_goes_on_and_says_what_it_can(self):
        server = self.idle("small")
        pid = server.process.pid
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        used = int(status.split("VmSize:")[1].split()[0]) * 1024
        free = resource.prlimit(pid, resource.RLIMIT_AS)
        for left in (1 << 20, 12 << 20, 64 << 20):  # no stack, no slots, no file of symbols
            resource.prlimit(pid, resource.RLIMIT_AS, (used + left, free[1]))
            for path in ("/debug/flame?seconds=1", "/debug/pprof/heap"):
                reply = server.get(path, token=TOKEN, timeout=30)
                self.assertIn(reply.status, (200, 429, 501), reply)
            self.assertEqual(200, server.get("/readyz").status)
        resource.prlimit(pid, resource.RLIMIT_AS, free)
        self.assertEqual(200, server.get("/debug/flame?seconds=1", token=TOKEN).status)
        self.assertEqual(0, server.stop(), server.output)

    def test_an_ending_process_gives_what_there_is(self):
        server, url = self.busy()
        watching = self.start("flame", "--url", url, "--admin-token-file", self.token, "--seconds",
                              60, "-o", "cut.folded", listen=False, ready=False)
        deadline = time.monotonic() + 20
        while "watching" not in watching.output and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(1)  # the question has come by now
        server.process.terminate()
        self.assertEqual(0, watching.process.wait(timeout=30), watching.output)
        self.assertTrue((self.folder / "cut.folded").read_text().startswith("# CPU time"))


if __name__ == "__main__":
    unittest.main()
