"""kill -9 at random moments on one file: nothing that was answered is ever lost or given twice.

HUNT_TEST_KILLS sets how often (50), HUNT_TEST_SEED which moments (printed when it fails).
"""
import http.client
import os
import random
import threading
import time
import unittest

from hunt_process import HuntTest, player

KILLS = int(os.environ.get("HUNT_TEST_KILLS", "50"))
SEED = int(os.environ.get("HUNT_TEST_SEED", str(time.time_ns() % 1_000_000)))
SIDE = 40  # loot on SIDE x SIDE tiles
BUDGET = 40
SENDERS = 4
BATCH = 16


class Told:
    """What the game was told: claim -> (player, x, y, item), from every sender."""

    def __init__(self):
        self.lock = threading.Lock()
        self.grants = {}
        self.contradictions = []

    def note(self, outcomes):
        with self.lock:
            for o in outcomes:
                if o["outcome"] != "granted":
                    continue
                fact = (o["player"], o["x"], o["y"], o["item"])
                if self.grants.setdefault(o["claim"], fact) != fact:
                    self.contradictions.append((o["claim"], self.grants[o["claim"]], fact))


class Kill(HuntTest):
    """One store file through many lives of the server."""

    def send_until_dead(self, server, told, seed):
        """A game server: claims with ?wait=terminal until the connection breaks."""
        prng = random.Random(seed)
        while True:
            batch = [(player(prng.randrange(2000)), prng.randrange(SIDE), prng.randrange(SIDE))
                     for _ in range(BATCH)]
            try:
                reply = server.dig(*batch)
                if reply.status == 200:
                    told.note(reply.json["outcomes"])
            except (OSError, http.client.HTTPException, ValueError):
                return

    def live_and_die(self, prng, told, life):
        """Starts, lets senders claim, kills: up to 0.4 s after ready, at times before it."""
        if prng.random() < 0.2 and life > 0:
            server = self.serve(ready=False)
            time.sleep(prng.random() * 0.06)
            server.kill()
            return
        server = self.serve()
        if life == 0:
            for y in range(0, SIDE, 20):
                reply = server.bury([
                    {"x": x, "y": y + dy, "table": "starlight", "budget": BUDGET}
                    for x in range(SIDE) for dy in range(20)])
                self.assertEqual(reply.status, 200, reply)
        senders = [threading.Thread(target=self.send_until_dead,
                                    args=(server, told, prng.random())) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(prng.random() * 0.4)
        server.kill()
        for sender in senders:
            sender.join()

    def check_ledger(self, server, told):
        """Each told grant is in the ledger as told; asked again it gives the same item."""
        rows = server.all_grants()
        ledger = {g["claim"]: (g["player"], g["x"], g["y"], g["item"]) for g in rows}
        self.assertEqual(len(rows), len(ledger), "a claim stands in the ledger twice")
        for claim, fact in told.grants.items():
            self.assertEqual(ledger.get(claim), fact, f"claim {claim} as told and in the ledger")
        some = sorted(told.grants.items())[:: max(1, len(told.grants) // 200)]
        reply = server.dig(*[(who, x, y) for _, (who, x, y, _) in some])
        self.assertEqual(reply.status, 200, reply)
        for (claim, fact), outcome in zip(some, reply.json["outcomes"]):
            self.assertEqual((outcome["outcome"], outcome["claim"], outcome["item"],
                              outcome["repeat"]), ("granted", claim, fact[3], True))

    def test_answered_grants_survive_kill_9(self):
        prng = random.Random(SEED)
        told = Told()
        again = f"HUNT_TEST_SEED={SEED}"
        for life in range(KILLS):
            self.live_and_die(prng, told, life)
            audit = self.hunt("audit", "--store", self.store)
            self.assertEqual(audit.returncode, 0, f"{again} life {life}\n{audit.stdout}"
                                                  f"{audit.stderr}")
            self.assertEqual(told.contradictions, [], f"{again} life {life}")
            if life % 10 == 9 or life == KILLS - 1:
                server = self.serve()
                self.check_ledger(server, told)
                self.assertEqual(server.stop(), 0, server.output)
        self.assertGreater(len(told.grants), 10 * KILLS, f"too few grants to mean much; {again}")

    def test_up_survives_kill_9_too(self):
        prng = random.Random(SEED)
        for life in range(5):
            process = self.start("up", "--store", self.store, "--players", "2000", "--rate",
                                 "20000")
            time.sleep(prng.random())
            process.kill()
            with self.subTest(life=life, seed=SEED):
                self.assert_audit_clean()


if __name__ == "__main__":
    unittest.main()
