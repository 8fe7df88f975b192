"""WebSockets that ask for positions over and over: answered by lanes, told as ever, none lost."""
import json
import time
import unittest

from hunt_process import player
from lane_case import BUDGET_TILES, CHUNK_TILES, LaneCase
from web_socket import WebSocket


class Client:
    """One stream; what is told in between is kept."""

    def __init__(self, port, path="/v1/stream"):
        self.stream = WebSocket(port, path, timeout=30)
        self.last_id = 0
        self.grants, self.refusals = [], []

    def send(self, number, x, y, wait=False):
        self.last_id += 1
        body = {"id": self.last_id, "world": "demo", "positions": [
            {"player": player(number), "x": x, "y": y, "kind": "dig"}]}
        if wait:
            body["wait"] = "terminal"
        self.stream.send(json.dumps(body))
        return self.last_id

    def receive(self):
        """The next answer."""
        while True:
            told = json.loads(self.stream.receive())
            if "grant" in told:
                self.grants.append(told["grant"])
            elif "claim" in told:
                self.refusals.append(told["claim"])
            else:
                return told

    def outcome(self, number, x, y, wait=False):
        asked = self.send(number, x, y, wait)
        answer = self.receive()
        assert answer["id"] == asked, answer
        outcome = answer["outcomes"][0]
        assert (outcome["player"], outcome["x"], outcome["y"]) == (player(number), x, y), outcome
        return outcome

    def close(self):
        self.stream.close()


class StreamsOnLanes(LaneCase):
    def client(self, server, path="/v1/stream"):
        return self.closed_after(Client(server.port, path))

    def test_a_stream_is_answered_and_told_as_ever(self):
        server = self.serve("--lanes", 1)
        tiles = [{"x": x, "y": 5, "table": "starlight", "budget": 1} for x in range(0, 400, 4)]
        self.assertEqual(server.bury(tiles).status, 200)
        client = self.client(server, "/v1/stream?after=0")
        other = self.client(server)
        outcomes = [client.outcome(x, x, 5)["outcome"] for x in range(400)]
        found = [x for x in range(400) if outcomes[x] in ("found", "granted")]
        self.assertEqual(found, list(range(0, 400, 4)))
        for x in found:
            self.assertEqual(client.outcome(x, x, 5, wait=True)["outcome"], "granted")
            late = other.outcome(1_000 + x, x, 5)
            self.assertIn(late["outcome"], ("found", "sold_out"))
        self.assertEqual(len(server.all_grants()), 100)
        deadline = time.monotonic() + 30
        while len(client.grants) < 100 and time.monotonic() < deadline:
            client.outcome(1, 1, 1)
        cursors = [int(grant["cursor"]) for grant in client.grants]
        self.assertEqual(len(cursors), 100)
        self.assertEqual(cursors, sorted(set(cursors)))
        self.assertEqual(client.outcome(0, 0, 5)["outcome"], "granted")
        self.assertEqual(client.refusals, [])
        self.assertEqual(server.stop(), 0)
        self.assert_audit_clean()

    def test_who_was_answered_found_hears_that_it_was_too_late(self):
        server = self.serve("--lanes", 1)
        tiles = [{"x": 8 * x, "y": 5, "table": "starlight", "budget": 1} for x in range(50)]
        self.assertEqual(server.bury(tiles).status, 200)
        streams = [self.client(server, "/v1/stream?after=0") for _ in range(2)]
        expected = [set(), set()]
        for client in streams:
            for _ in range(100):
                client.outcome(9, 9, 9)
        for tile in range(50):  # both dig before either is decided
            for number, client in enumerate(streams):
                client.send(10 * tile + number, 8 * tile, 5)
            for number, client in enumerate(streams):
                outcome = client.receive()["outcomes"][0]
                if outcome["outcome"] == "found":
                    expected[number].add(outcome["claim"])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            heard = []
            for client in streams:
                client.outcome(9, 9, 9)
                heard.append({event["claim"] for event in client.refusals}
                             | {event["claim"] for event in client.grants})
            if all(expected[i] <= heard[i] for i in range(2)):
                break
        for number in range(2):
            self.assertLessEqual(expected[number], heard[number])
        self.assertEqual(server.stop(), 0)
        self.assert_audit_clean()

    def test_a_message_wakes_no_other_thread(self):
        server = self.serve("--lanes", 1)
        self.assert_wakes_no_other_thread(server, self.client(server))

    def test_nor_does_one_that_memory_cannot_answer(self):
        server = self.serve("--lanes", 1)
        self.assert_wakes_no_other_thread(server, self.client(server), 3_000, 2 * CHUNK_TILES)

    def test_messages_sent_together_with_pings_among_them_are_all_answered(self):
        server = self.serve("--lanes", 2)
        client = self.client(server)
        for _ in range(100):
            client.outcome(1, 1, 1)
        frames = b""
        for x in range(500):
            body = {"id": x, "world": 1, "positions": [{"player": player(1), "x": x % 30, "y": 0}]}
            frames += WebSocket.frame(json.dumps(body).encode())
            if x % 100 == 50:
                frames += WebSocket.frame(b"there?", 9)
        client.stream.socket.sendall(frames)
        ids = set()
        for _ in range(500):
            answer = client.receive()
            self.assertEqual(answer["outcomes"][0]["x"], answer["id"] % 30)
            ids.add(answer["id"])
        self.assertEqual(len(ids), 500)

    def test_when_it_ends_each_message_is_answered_or_its_stream_said_goodbye_to(self):
        server = self.serve_with_loot_for_all()
        told, goodbyes = [], []

        def play(number):
            client = Client(server.port)
            try:
                for x in range(1_000_000):
                    answer = client.outcome(number, x % BUDGET_TILES, 5, wait=x % 10 == 0)
                    told.append((answer["outcome"], answer.get("claim")))
            except ConnectionError as error:
                goodbyes.append(str(error))
            finally:
                client.close()

        self.end_while_asked(server, play, told, 2_000)
        for goodbye in goodbyes:
            self.assertIn("the server is shutting down", goodbye)
        self.assertLessEqual({outcome for outcome, _ in told}, {"granted", "found"})
        self.assert_kept({claim for outcome, claim in told if outcome == "granted"})


if __name__ == "__main__":
    unittest.main()
