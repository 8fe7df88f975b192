"""`hunt flame` and the profiles of a running server: functions by name, and what is refused."""
import gzip
import time
import unittest

from hunt_process import TOKEN, HuntTest

LOAD = ["--players", "2000", "--rate", "20000"]


class Flame(HuntTest):
    """Profiles of a hunt that is busy with a function that is known."""

    def setUp(self):
        super().setUp()
        self.token = self.folder / "flame-token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)

    def busy(self):
        server = self.start("up", "--store", self.store, *LOAD, "--busy-cpu", "2ms",
                            "--admin-token-file", self.token)
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
        self.assertGreater(hot, sum(count for _, count in lane) / 2, stacks)
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
