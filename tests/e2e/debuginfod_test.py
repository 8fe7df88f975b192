"""Names of a stripped program from Debian's debuginfod, and what one costs that hangs."""
import shutil
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from hunt_process import HUNT, TOKEN, HuntTest, clean_environment, free_port

HOST = "127.0.0.2"  # HuntProcess takes the first address of 127.0.0.1 in a log for the server's
HOT = "BusyHandler::handle"
WAIT_SECONDS_MAX = 8  # of DebugServers


class Debuginfod(HuntTest):
    """A program that has no names of its own."""

    def setUp(self):
        super().setUp()
        self.stripped = self.folder / "hunt-stripped"
        self.debug = self.folder / "served/hunt.debug"
        self.debug.parent.mkdir()
        for words in (["--only-keep-debug", HUNT, self.debug],
                      ["--strip-all", HUNT, self.stripped]):
            subprocess.run(["objcopy", *words], check=True, timeout=120)
        self.token = self.folder / "flame-token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)
        self.cache = self.folder / "cache"

    def busy(self, url=None):
        env = clean_environment(DEBUGINFOD_CACHE_PATH=str(self.cache))
        env.pop("DEBUGINFOD_URLS", None)
        if url:
            env["DEBUGINFOD_URLS"] = url
        return self.start("up", "--players", 2000, "--rate", 20000, "--busy-cpu", "2ms", "--store",
                          self.store, "--admin-token-file", self.token, program=self.stripped,
                          env=env)

    def names(self, server, kind="cpu"):
        """The folded stacks of one second, with the seconds that it took."""
        begun = time.monotonic()
        reply = server.get(f"/debug/flame?kind={kind}&format=folded"
                           + ("" if kind == "heap" else "&seconds=1"), token=TOKEN, timeout=60)
        self.assertEqual(200, reply.status, reply)
        return reply.body.decode(), time.monotonic() - begun

    def build_id(self):
        return self.hunt("--version").stdout.split()[-1]

    def debuginfod(self):
        """Debian's server, once it has found the file."""
        if not shutil.which("debuginfod"):
            self.skipTest("debuginfod is not installed: no names were fetched")
        port = free_port()
        server = subprocess.Popen(
            ["debuginfod", "-d", ":memory:", "-p", str(port), "-F", self.debug.parent],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=clean_environment(DEBUGINFOD_URLS=""))
        self.addCleanup(lambda: (server.kill(), server.wait()))
        asked = f"http://{HOST}:{port}/buildid/{self.build_id()}/debuginfo"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(asked, timeout=10):
                    return f"http://{HOST}:{port}", server
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        raise AssertionError("debuginfod does not find the file")

    def test_a_stripped_program_is_named_by_debuginfod_and_then_by_what_was_kept(self):
        plain = self.busy()
        self.assertNotIn(HOT, self.names(plain)[0])
        self.assertEqual(0, plain.stop(), plain.output)
        self.assertFalse(self.cache.exists(), "nothing is fetched unless it is asked for")
        url, debuginfod = self.debuginfod()
        server = self.busy(url)
        text, _ = self.names(server)
        self.assertIn(HOT, text)
        self.assertIn("io_context::run", text)
        kept = self.cache / self.build_id() / "debuginfo"
        self.assertEqual(self.debug.read_bytes(), kept.read_bytes())
        self.assertIn("hunt::", self.names(server, "heap")[0])
        self.assertEqual(0, server.stop(), server.output)
        debuginfod.kill()
        debuginfod.wait()
        self.assertIn(HOT, self.names(self.busy(url))[0])

    def test_a_server_that_hangs_holds_up_no_lane_and_the_profile_for_seconds(self):
        hangs = socket.socket()
        self.addCleanup(hangs.close)
        hangs.bind((HOST, 0))
        hangs.listen()
        server = self.busy(f"http://{HOST}:{hangs.getsockname()[1]}")
        text, took = self.names(server)
        self.assertIn("[hunt-stripped]", text)
        self.assertNotIn(HOT, text)
        self.assertGreater(took, WAIT_SECONDS_MAX)
        self.assertIn("in time; it is asked again after 10 minutes", server.output)
        # Left alone from then on, with many files without names.
        self.assertLess(self.names(server)[1], WAIT_SECONDS_MAX)
        self.assertEqual(200, server.get("/readyz").status)
        self.assertEqual(0, server.stop(), server.output)


if __name__ == "__main__":
    unittest.main()
