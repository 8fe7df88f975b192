"""Incidents that other hunts had with their bus, cluster, rules and machines; docs/INCIDENTS.md has
the numbers.
"""
import json
import resource
import socket
import subprocess
import sys
import time
import unittest

import small_world
from hunt_process import HUNT, REPOSITORY, HuntTest, clean_environment, player
from nats_process import NatsLoadCase
from tcp_gate import TcpGate
from web_socket import WebSocket

sys.path.insert(0, str(REPOSITORY / "tests/chaos"))
from parts import make_cluster, redis_cli  # pylint: disable=wrong-import-position

CLIENTS = 250  # at once, four times
BODY_BYTES_MAX = 262_144
POSITIONS_MAX = 4096
STREAMS = 100


class Bus(NatsLoadCase):
    """One SQLite file, NATS and a relay."""

    def consumer(self, name="hunt-any"):
        info = self.client().request(f"$JS.API.CONSUMER.INFO.HUNT_POS.{name}").json
        self.assertNotIn("error", info)
        return info

    def storm(self):
        """Clients of NATS and of HTTP come all at once, and are gone without a word."""
        gone = []
        hello = b'CONNECT {"verbose":false}\r\nSUB hunt.claims.* 1\r\nPING\r\n'
        for _ in range(CLIENTS):
            one = socket.create_connection(("127.0.0.1", self.nats.port), timeout=10)
            one.sendall(hello)
            gone.append(one)
        streams = [WebSocket(self.steady.port, "/v1/stream") for _ in range(CLIENTS // 5)]
        for one in gone + streams:
            one.close()

    def test_who_comes_and_goes_changes_nothing(self):
        """Incidents 8 and 27: a rebalance gave the same work to two; connections were recycled, the
        group was lost with them, and all was read again from the beginning."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
        gate = TcpGate(self.nats.port)
        self.addCleanup(gate.stop)
        self.steady = self.serve_nats()
        cut = self.start("serve", "--bus", f"nats://127.0.0.1:{gate.port}", *self.store_words())
        self.relay()
        small_world.bury(self.steady)
        before, made = self.ledger(), self.consumer()
        rush = self.rush_meanwhile(self.steady, "--stored", "--seconds", 6)
        for _ in range(4):
            if rush.poll() is not None:
                break  # a machine on which one round takes as long as the load
            comes = self.serve_nats("--no-prewarm")
            gate.cut()
            self.storm()
            gate.cut()
            self.assertEqual(comes.stop(), 0, comes.output)
        self.assert_says(cut.output, f"connected to NATS at 127.0.0.1:{gate.port} again")
        report = self.report_of(rush)
        self.assert_balanced(report)
        self.assertEqual(self.ledger() - before, report["grants"])
        self.assert_all_told(self.steady)
        now = self.consumer()
        self.assertEqual(now["created"], made["created"])
        self.assertEqual((now["num_pending"], now["num_ack_pending"]), (0, 0))
        stored = now["delivered"]["stream_seq"] - made["delivered"]["stream_seq"]
        given = now["delivered"]["consumer_seq"] - made["delivered"]["consumer_seq"]
        self.assertGreater(stored, 100)
        self.assertLess(given, 2 * stored, "deliveries began again from the first message")

    def test_a_consumer_is_verified_and_never_made_anew(self):
        """Incidents 38 and 39: work took longer than the acknowledgement wait, so all was done
        again, for ever; a deploy changed the consumer, and what it had stayed where it was."""
        name = "HUNT_POS.hunt-any"
        server = self.serve_nats()
        made = self.consumer()
        self.assertEqual(server.stop(), 0, server.output)
        client = self.client()
        client.subscribe("game.a")

        def store(number):
            ack = client.request("hunt.pos.any", {"world": 1, "positions": [
                {"player": player(number), "x": 5, "y": 5}]}, {"Hunt-Reply-To": "game.a"})
            self.assertIn("seq", ack.json)

        store(1)
        server = self.serve_nats()
        client.wait(lambda message: message.subject == "game.a", 20)
        self.assertEqual(self.consumer()["created"], made["created"])
        self.assertEqual(server.stop(), 0, server.output)
        client.request(f"$JS.API.CONSUMER.DELETE.{name}")
        other = {**made["config"], "ack_wait": 30_000_000_000}
        changed = client.request(f"$JS.API.CONSUMER.DURABLE.CREATE.{name}",
                                 {"stream_name": "HUNT_POS", "config": other}).json
        self.assertNotIn("error", changed)
        store(2)
        run = self.hunt("serve", "--bus", self.nats.url, *self.store_words())
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "hunt-any", "ack_wait", "30000000000", "expected 5000000000")
        kept = self.consumer()
        self.assertEqual((kept["created"], kept["num_pending"]), (changed["created"], 1))

    def test_the_largest_batch_and_one_byte_more(self):
        """Incident 36: payloads were larger than those of the demo."""
        server = self.serve_nats()
        client = self.client()
        client.subscribe("game.a")
        positions = [{"player": player(i), "x": i % 64, "y": 7} for i in range(POSITIONS_MAX)]
        body = json.dumps({"world": 1, "positions": positions}, separators=(",", ":")).encode()
        largest = body + b" " * (BODY_BYTES_MAX - len(body))
        self.assertEqual(len(largest), BODY_BYTES_MAX)
        for reply in (server.post("/v1/positions", largest),
                      client.request("hunt.ask.any", largest)):
            self.assertEqual(len(reply.json["outcomes"]), POSITIONS_MAX)
        client.request("hunt.pos.any", largest, {"Hunt-Reply-To": "game.a"})
        told = client.wait(lambda message: message.subject == "game.a", 20).json
        self.assertEqual(len(told["outcomes"]), POSITIONS_MAX)
        self.assert_error(server.post("/v1/positions", largest + b" "), 413, "262,144")
        refused = client.request("hunt.ask.any", largest + b" ").json
        self.assertEqual(refused["error"]["code"], "too_large", refused)
        client.request("hunt.pos.any", largest + b" ", {"Hunt-Reply-To": "game.a"})
        self.wait_for(lambda: client.request("$JS.API.STREAM.INFO.HUNT_DLQ").json["state"][
            "messages"] == 1, server)
        self.assertEqual(self.consumer()["num_pending"], 0)

    def test_a_find_is_one_message_however_many_listen(self):
        """Incident 40: each find was sent to every client, and the bus was full of it."""
        server = self.serve_nats()
        self.relay()
        self.assertEqual(server.bury([{"x": 5, "y": 5, "table": "starlight", "budget": 9}]).status,
                         200)
        bus = self.client()
        bus.subscribe("hunt.claims.*")
        bus.flush()

        def told(number):
            """The messages about one find, once a later one is there, too."""
            for who in (number, number + 1):
                reply = server.dig((player(who), 5, 5))
                self.assertEqual(reply.json["outcomes"][0]["outcome"], "granted", reply)
                bus.wait(lambda message, who=who: player(who) in message.body.decode())
            bus.read(0.2)
            self.assertEqual(bus.messages, [])

        told(1)
        streams = [WebSocket(server.port, "/v1/stream") for _ in range(STREAMS)]
        self.addCleanup(lambda: [one.close() for one in streams])
        told(3)
        for one in streams:
            heard = [json.loads(one.receive())["grant"]["player"] for _ in range(2)]
            self.assertEqual(heard, [player(3), player(4)])


class Cluster(HuntTest):
    """A Redis Cluster of three."""

    def test_slots_that_move_under_load_change_nothing(self):
        """Incidents 13 and 14: keys of one script in several slots; slots that moved during a drop
        left loot given twice, or never, and chests that were "found" for ever."""
        nodes = make_cluster(self.folder, 3)
        for node in nodes:
            self.addCleanup(node.kill)
        cache = f"redis-cluster://127.0.0.1:{nodes[0].port}"
        server = self.start("serve", "--store", self.store, "--cache", cache)
        rush = subprocess.Popen(
            [str(HUNT), "rush", "--json", "--target", f"http://127.0.0.1:{server.port}", "--demo",
             "--admin-token-file", str(self.folder / "admin-token"), "--players", "2000", "--rate",
             "4000", "--seconds", "5"], cwd=self.folder, env=clean_environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(rush.kill)
        end = time.monotonic() + 60
        while server.get("/v1/stats").json["batches"] < 20:
            self.assertLess(time.monotonic(), end, server.output)
            time.sleep(0.02)
        ids = [node.command("CLUSTER", "MYID").strip() for node in nodes]
        moved = 0
        while rush.poll() is None:
            redis_cli("--cluster", "reshard", f"127.0.0.1:{nodes[0].port}", "--cluster-from",
                      ids[moved % 3], "--cluster-to", ids[(moved + 1) % 3], "--cluster-slots",
                      "300", "--cluster-yes")
            moved += 1
        self.assertGreater(moved, 0)
        out, errors = rush.communicate()
        self.assertEqual(rush.returncode, 0, out + errors)
        report = json.loads(out)
        self.assert_balanced(report)
        self.assertGreater(server.get("/v1/stats").json["l2"]["hits"], 0)
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_audit_clean()
        audit = json.loads(self.hunt("audit", "--store", self.store, "--json").stdout)
        self.assertEqual(audit["stores"][0]["grants"], report["grants"])


class RulesUnderLoad(HuntTest):
    """Rules that change while players play."""

    def test_a_swap_of_rules_is_seen_by_nobody(self):
        """Incidents 22 and 24: a pushed configuration stalled the search; each change of a value
        needed a restart."""
        good = (REPOSITORY / "examples/rules/starlight.yaml").read_text()
        path = self.folder / "event.yaml"
        path.write_text(good)
        server = self.serve("--rules", path, "--lanes", 1)
        self.assertEqual(server.bury([{"x": 40 * i, "y": 0, "table": "starlight", "budget": 1000}
                                      for i in range(20)]).status, 200)
        looks = [(player(i), i % 800, 1 + i // 800) for i in range(2400)]
        first = server.dig(*looks, wait=False).json["outcomes"]
        time.sleep(0.5)  # figures are brought together every now and then
        before = server.get("/v1/stats").json
        version = before["rules"]
        for number in range(1, 4):
            path.write_text(good.replace("weight: ", f"weight: {number}", 1))
            end = time.monotonic() + 20
            while server.get("/v1/stats").json["rules"] == version:
                self.assertLess(time.monotonic(), end, server.output)
                self.assertEqual(server.dig(*looks, wait=False).json["outcomes"], first)
            version = server.get("/v1/stats").json["rules"]
            self.assertEqual(server.dig(*looks, wait=False).json["outcomes"], first)
        time.sleep(0.5)
        after = server.get("/v1/stats").json
        self.assertEqual(after["rules_rejected"], 0)
        self.assertEqual(after["l1"]["misses"], before["l1"]["misses"], "nobody waits for a load")
        self.assertEqual(after["shed"], 0)


class Machine(HuntTest):
    """What the machine allows."""

    def test_the_doctor_sees_that_few_files_are_allowed(self):
        """Incident 33: the limit of 1,024 descriptors that nobody had looked at."""
        run = subprocess.run(
            ["bash", "-c", 'ulimit -n 1024; exec "$@"', "few", HUNT, "doctor", "--json"],
            cwd=self.folder, env=clean_environment(), capture_output=True, text=True, check=False)
        findings = json.loads(run.stdout)["findings"]
        said = [one for one in findings if "open files" in json.dumps(one)]
        self.assertEqual([one["severity"] for one in said], ["warning"], run.stdout)
        self.assert_says(json.dumps(said), "1,024", "ulimit -n")


if __name__ == "__main__":
    unittest.main()
