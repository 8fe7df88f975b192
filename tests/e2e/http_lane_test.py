"""Connections that ask for positions over and over: answered by lanes, with nothing lost."""
import http.client
import json
import socket
import unittest

from hunt_process import player
from lane_case import BUDGET_TILES, CHUNK_TILES, LaneCase, switches


class Client:
    """One connection, kept; with answers as they come."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, path, body=None, method="POST"):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text)
        response = self.connection.getresponse()
        return response.status, response.read()

    def outcome(self, number, x, y, wait=""):
        body = {"world": "demo", "positions": [
            {"player": player(number), "x": x, "y": y, "kind": "dig"}]}
        status, text = self.ask("/v1/positions" + wait, body)
        assert status == 200, text
        answer = json.loads(text)["outcomes"][0]
        assert (answer["player"], answer["x"], answer["y"]) == (player(number), x, y), answer
        return answer

    def close(self):
        self.connection.close()


class Lanes(LaneCase):
    def client(self, server):
        return self.closed_after(Client(server.port))

    def test_a_kept_connection_is_answered_as_others_are(self):
        server = self.serve("--lanes", 1)
        tiles = [{"x": x, "y": 5, "table": "starlight", "budget": 1} for x in range(0, 400, 4)]
        self.assertEqual(server.bury(tiles).status, 200)
        client = self.client(server)
        outcomes = [client.outcome(x, x, 5)["outcome"] for x in range(400)]
        found = [x for x in range(400) if outcomes[x] in ("found", "granted")]
        self.assertEqual(found, list(range(0, 400, 4)))
        for x in found:
            told = client.outcome(x, x, 5, "?wait=terminal")
            self.assertEqual(told["outcome"], "granted", told)
            self.assertEqual(client.outcome(1_000 + x, x, 5, "?wait=terminal")["outcome"],
                             "sold_out")
        self.assertEqual(len(server.all_grants()), 100)
        status, text = client.ask("/v1/positions", {"world": "demo", "positions": [{"x": 1}]})
        self.assertEqual(status, 400, text)
        self.assertEqual(client.ask("/readyz", method="GET")[0], 200)
        status, text = client.ask("/v1/positions", {"world": "nowhere", "positions": []})
        self.assertEqual(status, 404, text)
        self.assertEqual(client.outcome(0, 0, 5)["outcome"], "granted")
        figures = server.get("/metrics").body.decode()
        self.assertIn('hunt_http_responses_total{routes="positions",code="2xx"} 601', figures)
        self.assertIn('hunt_http_responses_total{routes="positions",code="4xx"} 2', figures)
        self.assertEqual(server.stop(), 0)
        self.assert_audit_clean()

    def test_a_request_wakes_no_other_thread(self):
        server = self.serve("--lanes", 1)
        self.assert_wakes_no_other_thread(server, self.client(server))

    def test_nor_does_one_that_memory_cannot_answer(self):
        server = self.serve("--lanes", 1)
        self.assert_wakes_no_other_thread(server, self.client(server), 3_000, 2 * CHUNK_TILES)

    def test_each_lane_gets_some(self):
        server = self.serve("--lanes", 3)
        clients = [self.client(server) for _ in range(3)]
        before = switches(server)
        for _ in range(1_000):
            for client in clients:
                client.outcome(1, 1, 1)
        after = switches(server)
        for lane in ("lane-0", "lane-1", "lane-2"):
            self.assertGreater(after[lane] - before[lane], 500, lane)

    def test_pipelined_requests_are_answered_in_order(self):
        server = self.serve("--lanes", 2)
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            text = b""
            for x in range(500):
                body = json.dumps({"world": 1, "positions": [
                    {"player": player(1), "x": x, "y": 0}]}).encode()
                text += (b"POST /v1/positions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                         + str(len(body)).encode() + b"\r\n\r\n" + body)
            connection.sendall(text)
            answers = connection.makefile("rb")
            for x in range(500):
                self.assertEqual(answers.readline(), b"HTTP/1.1 200 OK\r\n")
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.startswith(b"Content-Length: "):
                        length = int(line.split()[1])
                outcome = json.loads(answers.read(length))["outcomes"][0]
                self.assertEqual(outcome["x"], x)

    def test_when_it_ends_each_request_is_answered_or_its_connection_closed(self):
        server = self.serve_with_loot_for_all()
        told = []

        def play(number):
            client = Client(server.port)
            try:
                for x in range(1_000_000):
                    tile = x % BUDGET_TILES
                    answer = client.outcome(number, tile, 5, "?wait=terminal")
                    told.append((answer["outcome"], answer.get("claim")))
            except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
                return  # between two answers
            finally:
                client.close()

        self.end_while_asked(server, play, told, 600)
        self.assertEqual({outcome for outcome, _ in told}, {"granted"})
        self.assert_kept({claim for _, claim in told})


if __name__ == "__main__":
    unittest.main()
