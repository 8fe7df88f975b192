"""`hunt why --evidence` hands out what a sentence was said of, and `--judge` says it again.

The files of tests/corpus/evidence are of real fleets in which `script/bench why` had planted one
cause or two; each was unclear or wrong by the rules of the time, or is easily taken for another.
"""
import gzip
import json
import time
import unittest
from pathlib import Path

from hunt_process import HuntTest

CORPUS = Path(__file__).resolve().parent.parent / "corpus/evidence"

# File: cause, resource, and what else the sentence lists.
PLANTED = {
    "two_shards": ("round_trip", "shard 0", "the round trip to shard 1"),
    "shard_and_redis": ("round_trip", "shard 0", "is the way to the cache and back"),
    "shard_bandwidth": ("round_trip", "shard 0", ""),
    "shard_resets": ("round_trip", "shard 0", "24 calls failed"),
    "slow_reads": ("server", "shard 0", "they wait for one of 8 reads at a time"),
    "convoy": ("lock", "shard 1", "waiting for locks of shard 1"),
    "tenant": ("cpu", "lanes", ""),
    "redis_flush": ("cache_miss", "cache", "looks into the cache found nothing"),
    "convoy_in_line": ("lock", "shard 0", "waiting for locks of shard 0"),
    "slow_flush": ("commit", "shard 0", "making commits durable"),
    "slow_standby": ("commit", "shard 0", "making commits durable"),
    "table_lock": ("lock", "shard 1", "waiting to ask shard 1 again"),
    "slow_reads_open": ("server", "shard 1", "they wait for one of 8 reads at a time"),
    "bandwidth_stored": ("round_trip", "shard 1", "they wait for one of 8 reads at a time"),
    "shard_near": ("round_trip", "shard 0", "21.9 ms is the round trip to shard 0"),
    "convoy_deep_line": ("lock", "shard 1", "waiting for locks of shard 1"),
    "locks_of_broken_calls": ("round_trip", "shard 0", "waiting to ask shard 0 again: 5 calls"),
    "resets_on_full_machine": ("round_trip", "shard 0", "36 calls to shard 0 failed"),
    "slow_reads_stored": ("server", "shard 0", "they wait for one of 8 reads at a time"),
    "own_locks_without_core": ("cpu", "lanes", "a machine without a free core"),
    "quota_cold_cache": ("cpu", "lanes", "a machine without a free core"),
    "backlog_meets_all": ("bus", "bus", "is stored on the bus and waits"),
    "flush_own_line": ("cache_miss", "cache", "looks into the cache found nothing"),
    "fills_of_struck": ("cache_miss", "cache", "somebody else has filled the cache"),
    "backlog_takes_cores": ("bus", "bus", "is stored on the bus and waits"),
    "far_on_full_machine": ("round_trip", "shard 1", "207 ms is the round trip to shard 1"),
    "shard_and_redis_crowded": ("round_trip", "shard 1", "of each look into the cache"),
}


class WhyEvidence(HuntTest):
    """Evidence that was kept, and evidence of now."""

    def judged(self, path):
        run = self.hunt("why", "--judge", path, "--json")
        self.assert_exit(run, 0)
        return json.loads(run.stdout)

    def of_corpus(self, name):
        path = self.folder / f"{name}.txt"
        path.write_bytes(gzip.decompress((CORPUS / f"{name}.txt.gz").read_bytes()))
        return path

    def judged_of_corpus(self, name):
        return self.judged(self.of_corpus(name))

    def test_what_was_planted_is_named(self):
        for name, (cause, resource, lists) in PLANTED.items():
            with self.subTest(name):
                why = self.judged_of_corpus(name)
                self.assertTrue(why["confident"], why["verdict"])
                self.assertEqual((cause, resource), (why["cause"], why["resource"]),
                                 why["verdict"])
                self.assertIn(lists, why["verdict"])

    def test_where_another_process_was_struck_nothing_is_sure(self):
        for name in ("quiet_beside_stopped", "quiet_beside_catching_up", "quiet_beside_starving"):
            with self.subTest(name):
                why = self.judged_of_corpus(name)
                self.assertFalse(why["confident"] and why["cause"] != "none", why["verdict"])

    def test_of_several_processes_it_says_one_sentence(self):
        struck = self.of_corpus("shard_near")
        words = ["--judge", self.of_corpus("quiet_beside_stopped"), "--judge", struck]
        run = self.hunt("why", *words, "--json")
        self.assert_exit(run, 0)
        why = json.loads(run.stdout)
        self.assertEqual(("round_trip", "shard 0", True),
                         (why["cause"], why["resource"], why["confident"]), why)
        self.assertEqual([str(struck)], why["places"][0]["hurt"])
        self.assertEqual(2, why["answered"]["orchestrators"])
        text = self.hunt("why", *words)
        self.assert_exit(text, 0)
        self.assertIn(why["verdict"], text.stdout)

    def test_a_running_process_hands_out_its_own(self):
        server = self.start("up", "--store", self.store, "--players", "2000", "--rate", "20000",
                            "--slow-store", "300ms")
        url = f"http://127.0.0.1:{server.port}"
        path = self.folder / "kept.txt"
        deadline = time.monotonic() + 20
        why = {"cause": "none"}
        while why["cause"] != "round_trip" and time.monotonic() < deadline:
            time.sleep(1)
            run = self.hunt("why", "--evidence", "--url", url)
            self.assert_exit(run, 0)
            self.assertTrue(run.stdout.startswith("hunt evidence 1\n"), run.stdout[:100])
            path.write_text(run.stdout, encoding="utf-8")
            why = self.judged(path)
        self.assertEqual(("round_trip", "shard 0"), (why["cause"], why["resource"]), why)
        text = self.hunt("why", "--judge", path)
        self.assert_exit(text, 0)
        self.assertIn(why["verdict"], text.stdout)

    def test_what_is_no_evidence_is_told(self):
        path = self.folder / "none.txt"
        path.write_text("{}", encoding="utf-8")
        for name, says in ((path, "this is no evidence"), (self.folder / "gone", "cannot read")):
            run = self.hunt("why", "--judge", name)
            self.assert_exit(run, 1)
            self.assertIn(says, run.stderr)


if __name__ == "__main__":
    unittest.main()
