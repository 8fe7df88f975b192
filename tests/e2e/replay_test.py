"""`hunt replay`: the traffic of a hunt on NATS and two shards, recorded, and played again."""
import json
import os
import signal
import struct
import time
import unittest

from hunt_process import REPOSITORY, HuntProcess, HuntTest, player
from nats_process import NatsCase
from postgres_process import OwnDatabase

RULES = REPOSITORY / "examples/rules/starlight.yaml"
TILES = 600


class Replay(OwnDatabase, NatsCase):
    """Two shards with as many tiles of loot each, and a small rush over them."""

    def setUp(self):
        super().setUp()
        self.other = self.postgres.make_database(self.database + "b")
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" +
                        "".join(f"{x * 4},{x % 7},starlight,{1 + x % 3}\n" for x in range(TILES)))
        self.assert_exit(self.hunt("world", "import", loot, "--world", "demo",
                                   *self.store_words()), 0)

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def record(self):
        process = HuntProcess(self.folder, "replay", "record", "--bus", self.nats.url,
                              *self.store_words(), "-o", "rush.rec", "--key-file", "replay.key",
                              listen=False)
        self.addCleanup(process.kill)
        self.wait_for(lambda: "records nats://" in process.output, process)
        return process

    def rush(self, server, seconds, seed):
        """300 players who find nearly all there is."""
        return HuntProcess(self.folder, "rush", "--json", "--target", self.nats.url, "--url",
                           f"http://127.0.0.1:{server.port}", "--players", 300, "--rate", 3000,
                           "--batch", 50, "--seconds", seconds, "--seed", seed, listen=False)

    def run_replay(self, *words):
        run = self.hunt("replay", "run", "rush.rec", "--key-file", "replay.key", "--json", *words,
                        timeout=120)
        self.assert_exit(run, 0)
        return json.loads(run.stdout)

    def size(self):
        return os.stat(self.folder / "rush.rec").st_size

    def recorded_rush(self, server):
        """With a kill -9 of the recorder in the middle."""
        recorder = self.record()
        rush = self.rush(server, 6, 1)
        self.addCleanup(rush.kill)
        self.wait_for(lambda: server.get("/v1/stats").json["batches"] > 150, server, 60)
        recorder.kill()
        recorder = self.record()
        self.assert_says(recorder.output, "goes on with rush.rec")
        self.assertEqual(rush.wait_exit(60), 0, rush.output)
        time.sleep(2)  # for the relay to tell the last grants
        self.assertEqual(recorder.stop(signal.SIGINT), 0, recorder.output)
        self.assert_says(recorder.output, "recorded", "a position")

    def assert_the_same(self, report):
        """But for what the recorder did not hear while it was dead."""
        self.assertEqual({change["why"] for change in report["changes"]} - {"recording"}, set(),
                         report["changes"])
        self.assertGreater(report["claims"]["same"], 100, report)
        self.assertGreater(report["claims"]["same"], 2 * report["claims"]["changed"], report)

    def test_a_rush_comes_again_by_the_same_rules_and_by_others_it_says_what_changes(self):
        server = self.serve_nats()
        self.relay()
        self.recorded_rush(server)

        # In this process: by the same rules, the same outcome and reward for each claim.
        here = self.run_replay(*self.store_words())
        self.assert_the_same(here)
        self.assertGreater(here["grants"]["recorded"], 100, here)

        # One changed weight: items are named, and nothing but rewards changes.
        text = RULES.read_text()
        weight = next(line for line in text.splitlines() if "weight:" in line)
        number = weight.split("weight:")[1].strip(" }").split(",")[0]
        item = weight.split("item:")[1].split(",")[0].strip()
        rules = self.folder / "changed"
        rules.mkdir()
        (rules / "starlight.yaml").write_text(
            text.replace(weight, weight.replace(f"weight: {number}", "weight: 1")))
        changed = self.run_replay(*self.store_words(), "--rules", rules)
        self.assertNotEqual(changed["rules"]["recorded"], [changed["rules"]["replayed"]])
        self.assertIn(item, {one["item"] for one in changed["items"]}, changed)
        self.assertIn("rules", {change["why"] for change in changed["changes"]})
        for one in changed["items"]:
            if one["item"] == item:
                self.assertLess(one["replayed"], one["recorded"], changed["items"])

        # Over NATS: the ledger has these claims, so each is answered as it was.
        there = self.run_replay("--target", self.nats.url, "--url",
                                f"http://127.0.0.1:{server.port}", "--speed", 2)
        self.assert_the_same(there)
        self.assertEqual(there["unanswered"], 0, there)
        self.assertEqual(there["positions"], here["positions"])
        self.assert_no_player_in_the_file(server)
        self.assertEqual(server.stop(), 0, server.output)

    def assert_no_player_in_the_file(self, server):
        """Who was told to have won is found by the key alone."""
        exported = self.hunt("replay", "export", "rush.rec")
        self.assert_exit(exported, 0)
        winners = {grant["player"] for grant in server.all_grants()}
        self.assertGreater(len(winners), 50)
        pseudonyms = {line.split(",")[1] for line in exported.stdout.splitlines()[1:]}
        self.assertEqual(winners & pseudonyms, set())

    def test_a_full_disk_ends_it_with_a_good_file(self):
        self.serve_nats()
        recorder = HuntProcess(self.folder, "replay", "record", "--bus", self.nats.url, "-o",
                               "rush.rec", "--key-file", "replay.key", listen=False,
                               wrapper=("prlimit", "--fsize=30000"))
        self.addCleanup(recorder.kill)
        self.wait_for(lambda: "records nats://" in recorder.output, recorder)
        client = self.client()
        sent = 0
        end = time.monotonic() + 60
        while recorder.process.poll() is None and time.monotonic() < end:
            # Jumps of many players, which take the most room.
            client.publish("hunt.ask.any", {"world": 1, "positions": [
                {"player": player(sent * 20 + i), "x": i * 7919 * sent % 100_003, "y": i}
                for i in range(20)]})
            sent += 1
            time.sleep(0.05)
        self.assertEqual(recorder.wait_exit(30), 1, recorder.output)
        self.assert_says(recorder.output, "cannot write to rush.rec", "is good")
        self.assertLessEqual(self.size(), 30_000)
        exported = self.hunt("replay", "export", "rush.rec")
        self.assert_exit(exported, 0)
        self.assertGreater(len(exported.stdout.splitlines()), 100)
        self.assertNotIn("left out", exported.stderr)

    def test_stored_positions_and_named_worlds_are_heard_too(self):
        server = self.serve_nats()
        self.relay()
        recorder = self.record()
        client = self.client()
        told = client.request("hunt.pos.any", {"world": "demo", "positions": [
            {"player": player(1), "x": 32, "y": 1, "kind": "dig"}]})
        self.assertIn("seq", told.json)
        self.wait_for(lambda: server.all_grants(), server)
        client.publish("hunt.pos.any", {"world": "nowhere", "positions": [
            {"player": player(1), "x": 32, "y": 1}]})
        client.flush()
        time.sleep(1)
        self.assertEqual(recorder.stop(signal.SIGINT), 0, recorder.output)
        self.assert_says(recorder.output, "1 messages were no batches")
        report = self.run_replay(*self.store_words())
        self.assertEqual(report["claims"]["same"], 1, report)
        self.assertEqual(report["positions"], 1, report)


class BadRecordings(HuntTest):
    """Without a hunt: files, keys and flags."""

    def setUp(self):
        super().setUp()
        rows = "".join(f"{i * 1000},p{i % 5},1,{i // 5},{i % 5}\n" for i in range(20_000))
        (self.folder / "walks.csv").write_text("t_ms,player,world,x,y\n" + rows)
        self.file = self.folder / "walks.rec"
        made = self.hunt("replay", "import", "walks.csv", "--key-file", "replay.key", "-o",
                         self.file)
        self.assert_exit(made, 0)
        self.assert_says(made.stderr, "made a key in replay.key", "20,000 positions")
        self.bytes = self.file.read_bytes()

    def refused(self, *words):
        run = self.hunt(*words)
        self.assert_exit(run, 1)
        return run.stderr

    def test_what_was_imported_comes_out_again(self):
        run = self.hunt("replay", "export", self.file)
        self.assert_exit(run, 0)
        self.assertEqual(len(run.stdout.splitlines()), 20_001)
        lines = self.hunt("replay", "export", self.file, "-o", "walks.jsonl.gz")
        self.assert_exit(lines, 0)
        again = self.hunt("replay", "import", "walks.jsonl.gz", "--key-file", "replay.key", "-o",
                          "again.rec")
        self.assert_exit(again, 0)
        self.assertEqual(os.stat(self.folder / "replay.key").st_mode & 0o777, 0o600)

    def test_a_moment_of_thousands_is_played_over_http_and_what_stays_unanswered_says_why(self):
        crowd = self.folder / "crowd.csv"
        crowd.write_text("t_ms,player,world,x,y\n" + "".join(
            f"0,{player(i)},1,{i % 100},{i // 100}\n" for i in range(4_000)))
        words = ["--key-file", "replay.key"]
        self.assert_exit(self.hunt("replay", "import", crowd, *words, "-o", "crowd.rec"), 0)
        server = self.serve()
        played = ["replay", "run", "crowd.rec", *words, "--target",
                  f"http://127.0.0.1:{server.port}"]
        run = self.hunt(*played, "--json")
        self.assert_exit(run, 0)
        report = json.loads(run.stdout)
        self.assertEqual((report["positions"], report["unanswered"], report["last_error"]),
                         (4_000, 0, ""), report)
        token = self.folder / "token"
        token.write_text("a-token-of-game-servers-0123456789\n")
        token.chmod(0o600)
        closed = self.serve("--server-token-file", token)
        refused = self.hunt(*played[:-1], f"http://127.0.0.1:{closed.port}")
        self.assert_says(refused.stdout + refused.stderr, "token")

    def test_up_plays_the_walks_of_a_recording(self):
        run = self.hunt("up", "--seconds", 1, "--players", 50, "--rate", 500, "--trace", self.file,
                        "--fresh", "--json", "--listen", "127.0.0.1:0")
        self.assert_exit(run, 0)

    def test_a_torn_file_is_good_up_to_there_and_a_damaged_one_is_refused(self):
        self.file.write_bytes(self.bytes[:-10])
        torn = self.hunt("replay", "export", self.file)
        self.assert_exit(torn, 0)
        self.assert_says(torn.stderr, "no whole block and were left out")
        self.file.write_bytes(self.bytes[:20])
        self.assert_says(self.refused("replay", "export", self.file), "ends within its first")
        self.file.write_bytes(self.bytes[:8] + struct.pack("<H", 9) + self.bytes[10:])
        self.assert_says(self.refused("replay", "export", self.file), "of version 9",
                         "reads version 1")

    def test_foreign_files_keys_and_flags_are_named(self):
        run = ["replay", "run", self.file, "--event-seed-file", "replay.key", "--key-file"]
        self.assert_says(self.refused("replay", "run", "walks.csv", "--event-seed-file",
                                      "replay.key", "--key-file", "replay.key"), "is no recording")
        (self.folder / "other.key").write_text("5" * 64)
        self.assert_says(self.refused(*run, "other.key"), "under another key")
        (self.folder / "short.key").write_text("5" * 63)
        self.assert_says(self.refused(*run, "short.key"), "64 hexadecimal digits")
        self.assert_says(self.refused(*run, "replay.key"), "tells no loot")
        self.assert_says(self.refused("replay", "import", "walks.csv", "--key-file", "replay.key",
                                      "-o", self.file), "is there already")
        for words, says in ((("--speed", 2), "as fast as it can"),
                            (("--target", "http://127.0.0.1:1", "--rules", "x"), "of its own")):
            wrong = self.hunt(*run, "replay.key", *words)
            self.assert_exit(wrong, 2)
            self.assert_says(wrong.stderr, says)
        inproc = self.hunt("replay", "record", "--bus", "inproc:", "--key-file", "replay.key",
                           "-o", "x.rec")
        self.assert_exit(inproc, 2)

    def test_traces_that_go_back_or_name_worlds_leave_no_file(self):
        for rows, says in (("2,a,1,0,0\n1,a,1,0,0\n", "t_ms goes back"),
                           ("1,a,nether,0,0\n", "worlds by their ids"),
                           ("", "has no rows")):
            (self.folder / "bad.csv").write_text("t_ms,player,world,x,y\n" + rows)
            self.assert_says(self.refused("replay", "import", "bad.csv", "--key-file",
                                          "replay.key", "-o", "bad.rec"), says)
            self.assertFalse((self.folder / "bad.rec").exists())


if __name__ == "__main__":
    unittest.main()
