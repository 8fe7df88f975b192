"""`hunt rush`: the load test's own figures hold, against a server and in its own process."""
import html.parser
import json
import signal
import socket
import subprocess
import threading
import time
import unittest

from hunt_process import HUNT, REPOSITORY, TOKEN, HuntTest, clean_environment, free_port

REPORT = {
    "positions_per_second", "latency_seconds", "claim_seconds", "sent", "answered", "redelivered",
    "lost", "outcomes", "hit_ratio", "store_seconds", "invalidation_seconds", "cpu_seconds",
    "grants", "duplicate_grants", "bottleneck", "scheduled", "warmup_seconds", "limited_by",
}
SCENARIOS = REPOSITORY / "examples/scenarios"


class Rush(HuntTest):
    """Small crowds for a few seconds; nothing here depends on how fast the machine is."""

    def served(self):
        """A server, and the flags that let rush bury loot in it."""
        process = self.serve()
        flags = ["--target", f"http://127.0.0.1:{process.port}", "--demo",
                 "--admin-token-file", self.folder / "admin-token"]
        return process, flags

    def rush(self, *arguments, code=0, timeout=120):
        run = self.hunt("rush", "--json", *arguments, timeout=timeout)
        self.assert_exit(run, code)
        return json.loads(run.stdout)

    def assert_balanced(self, report):
        self.assertLessEqual(REPORT, set(report), "keys are missing")
        super().assert_balanced(report)
        self.assertGreater(report["outcomes"]["hint"], 0, report)
        self.assertGreater(report["claim_seconds"]["count"], 0, report)
        for latency in (report["latency_seconds"], report["claim_seconds"]):
            self.assertLessEqual(latency["p99"], latency["tail"], report)
            self.assertLessEqual(latency["tail"], latency["max"], report)

    def assert_ledger_has(self, grants):
        audit = json.loads(self.hunt("audit", "--store", self.store, "--json").stdout)
        self.assertEqual(audit["stores"][0]["grants"], grants)
        self.assert_audit_clean()

    def test_over_http_every_position_and_claim_is_accounted_for(self):
        process, flags = self.served()
        small = ["--players", 2000, "--rate", 4000, "--seconds", 4]
        first = self.rush(*flags, *small)
        self.assert_balanced(first)
        self.assertGreater(first["redelivered"], 0, "no claim was asked again")
        self.assertNotIn("serve", first["cpu_seconds"], "the CPU of another process is unknown")
        self.assertNotIn("cost_per_million_usd", first)
        second = self.rush(*flags, *small, "--batch", 50)  # other players, the same world
        self.assert_balanced(second)
        self.assertEqual(process.stop(), 0, process.output)
        self.assert_ledger_has(first["grants"] + second["grants"])

    def test_over_websocket_every_position_and_claim_is_accounted_for(self):
        process, flags = self.served()
        flags[1] = f"ws://127.0.0.1:{process.port}/v1/stream"
        report = self.rush(*flags, "--players", 2000, "--rate", 4000, "--seconds", 4)
        self.assert_balanced(report)
        self.assertEqual(process.stop(), 0, process.output)
        self.assert_ledger_has(report["grants"])

    def test_in_process_needs_nothing_else(self):
        report = self.rush("--target", "inproc:", "--players", 2000, "--rate", 20000,
                           "--seconds", 3)
        self.assert_balanced(report)
        self.assertGreater(report["cpu_seconds"]["serve"], 0)
        self.assertEqual(list(self.folder.iterdir()), [], "it left something behind")

    def test_the_variable_of_other_commands_is_no_flag_of_this_one(self):
        run = self.hunt("rush", "--target", "inproc:", "--players", 100, "--rate", 1000,
                        "--seconds", 1, "--json",
                        env=clean_environment(HUNT_URL="http://127.0.0.1:1"))
        self.assert_exit(run, 0)
        typed = self.hunt("rush", "--target", "inproc:", "--url", "http://127.0.0.1:1")
        self.assert_exit(typed, 2)
        self.assert_says(typed.stderr, "nats://")

    def test_a_changing_world_keeps_its_books(self):
        process, flags = self.served()
        report = self.rush(*flags, "--scenario", SCENARIOS / "evolving.yaml", "--players", 2000,
                           "--rate", 4000, "--seconds", 4)
        self.assert_balanced(report)
        self.assertGreater(report["tile_changes"], 500)
        self.assertEqual(process.stop(), 0, process.output)
        self.assert_ledger_has(report["grants"])

    def test_every_example_scenario_runs(self):
        for path in sorted(SCENARIOS.glob("*.yaml")):
            with self.subTest(scenario=path.stem):
                report = self.rush("--target", "inproc:", "--scenario", path, "--players", 500,
                                   "--seconds", 3)
                self.assertEqual(report["scenario"], path.stem)
                self.assertEqual(report["lost"], 0, report)
                self.assertEqual(sum(report["outcomes"].values()), report["sent"], report)
                self.assertAlmostEqual(report["sent"], report["scheduled"], delta=100)

    def test_a_stalled_server_shows_as_what_players_felt(self):
        process, flags = self.served()
        rush = subprocess.Popen(
            [HUNT, "rush", "--json", *map(str, flags), "--players", "2000", "--rate", "4000",
             "--seconds", "8"],
            cwd=self.folder, env=clean_environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.addCleanup(rush.kill)
        self.addCleanup(rush.stdout.close)
        for _ in range(600):
            if process.get("/v1/stats").json["batches"] > 0:
                break
            time.sleep(0.05)
        time.sleep(3)
        process.process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        process.process.send_signal(signal.SIGCONT)
        report = json.loads(rush.communicate(timeout=60)[0])
        # An eighth of all positions was due while nobody answered: as many as ever were sent, and
        # each of them waited from its own moment on.
        self.assertEqual(report["sent"], 32_000, report)
        self.assert_balanced(report)
        self.assertGreaterEqual(report["latency_seconds"]["max"], 0.9, report)
        self.assertGreaterEqual(report["latency_seconds"]["p999"], 0.9, report)
        self.assertGreaterEqual(report["latency_seconds"]["p99"], 0.8, report)
        self.assertGreaterEqual(report["latency_seconds"]["tail"], 0.8, report)

    def test_a_rate_out_of_reach_is_said_with_what_was_the_limit(self):
        report = self.rush("--target", "inproc:", "--rate", 100_000_000, "--seconds", 1)
        self.assertIn(report["limited_by"], ("generator", "target"))
        self.assertLess(report["positions_per_second"], report["offered_per_second"])
        self.assertLess(report["sent"], report["scheduled"])
        self.assertEqual(report["sent"], report["answered"] + report["lost"], report)
        run = self.hunt("rush", "--target", "inproc:", "--rate", 100_000_000, "--seconds", 1)
        self.assert_says(run.stdout, "was the limit", "never sent")

    def test_the_page_is_whole_and_needs_nothing_from_elsewhere(self):
        self.rush("--target", "inproc:", "--players", 500, "--seconds", 3, "--html", "report.html")
        text = (self.folder / "report.html").read_text()
        page = Page()
        page.feed(text)
        page.close()
        self.assertEqual(page.open, [], "elements are not closed")
        self.assertEqual(page.counts.get("svg"), 5)
        self.assertNotIn("script", page.counts)
        self.assertEqual(page.links, [])
        self.assertNotIn("nan", text.replace("nanosecond", ""))
        self.assert_says(text, "hunt rush: flat", "--players 500", "intended moment")


class Page(html.parser.HTMLParser):
    """Which elements a page has, which stay open, and what it would load."""
    ALONE = {"meta", "br", "!doctype"}

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.links = [], {}, []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")


class BadTarget(HuntTest):
    """What a person reads when the target is not what they think."""

    def refused(self, *arguments, code=1):
        run = self.hunt("rush", "--seconds", 1, *arguments)
        self.assert_exit(run, code)
        self.assertEqual(run.stdout.count("\n{"), 0, "a report although nothing was measured")
        return run.stderr

    def answering(self, answer):
        """A server that sends the same bytes to everybody; none: it never answers."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        kept = []

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                kept.append(client)
                if answer is not None:
                    client.recv(65536)
                    client.sendall(answer)
                    client.close()

        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(lambda: [client.close() for client in kept])
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def test_a_target_that_is_down(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        for scheme in ("http", "ws"):
            text = self.refused("--target", f"{scheme}://127.0.0.1:{port}")
            self.assert_says(text, str(port), "is the server running")

    def test_a_target_that_hangs(self):
        self.assert_says(self.refused("--target", self.answering(None)), "did not answer", "ms")

    def test_a_target_that_is_something_else(self):
        garbage = self.answering(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.assert_says(self.refused("--target", garbage), "did not answer")
        other = self.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        self.assert_says(self.refused("--target", other), "is it a hunt server")

    def test_a_world_without_loot(self):
        process = self.serve()
        target = ["--target", f"http://127.0.0.1:{process.port}"]
        self.assert_says(self.refused(*target), "no loot", "--demo", "hunt world import")
        self.assert_says(self.refused(*target, "--demo"), "--admin-token-file")
        (self.folder / "wrong").write_text("not-the-token-of-this-server\n")
        self.assert_says(self.refused(*target, "--demo", "--admin-token-file", "wrong"),
                         "refuses the token", "--admin-token-file")

    def test_a_token_that_is_missing_or_wrong(self):
        # Loopback needs no token of the game servers; any other address does.
        (self.folder / "game").write_text(TOKEN + "-of-the-game\n")
        (self.folder / "wrong").write_text("not-the-token-of-this-server\n")
        port = free_port()
        process = self.start("serve", "--store", self.store, "--listen", f"0.0.0.0:{port}",
                             "--server-token-file", "game", listen=False, ready=False)
        process.port = port
        for _ in range(400):
            try:
                if process.get("/readyz").status == 200:
                    break
            except OSError:
                time.sleep(0.05)
        for scheme in ("http", "ws"):
            target = ["--target", f"{scheme}://127.0.0.1:{port}"]
            self.assert_says(self.refused(*target), "token", "--server-token-file")
            self.assert_says(self.refused(*target, "--server-token-file", "wrong"), "token",
                             "--server-token-file")
            self.assert_says(self.refused(*target, "--server-token-file", "game"), "no loot")

    def test_a_target_that_is_no_address(self):
        for target in ("127.0.0.1:8080", "https://x:1", "natz://x:1", "nats://", "http://", "inproc"):
            text = self.refused("--target", target, code=2)
            self.assert_says(text, "target")

    def test_a_scenario_that_is_wrong_is_told_by_line_and_nearest_word(self):
        (self.folder / "s.yaml").write_text(
            "scenario: x\nphases:\n  - {seconds: 5, playes: 3}\n")
        self.assert_says(self.refused("--scenario", "s.yaml"), "s.yaml:3:18", "playes",
                         "did you mean \"players\"")
        self.assert_says(self.refused("--scenario", "none.yaml"), "none.yaml", "No such file")


if __name__ == "__main__":
    unittest.main()
