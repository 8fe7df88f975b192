"""The HTTP half of docs/REFERENCE.md: its examples as written, and every kind of bad input."""
import json
import re
import socket
import time
import unittest

from hunt_process import TOKEN, HuntTest, player

STEVE = "0f8fad5b-d9cb-469f-a165-70867728950e"


def one(**fields):
    """A body with one position; fields override or, when None, leave out."""
    position = {"player": STEVE, "x": 10, "y": -3, "kind": "dig", **fields}
    return {"world": 1, "positions": [{k: v for k, v in position.items() if v is not None}]}


class Served(HuntTest):
    """A `hunt serve` with an empty demo world."""

    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def positions(self, body, **keywords):
        return self.server.post("/v1/positions", body, **keywords)


class Contract(Served):
    """What docs/REFERENCE.md says of each route."""

    def test_positions_are_answered_in_order(self):
        body = '{"world":1,"positions":[{"player":"%s","x":10,"y":-3,"kind":"dig"}]}' % STEVE
        reply = self.positions(body)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json, {"outcomes": [
            {"player": STEVE, "x": 10, "y": -3, "outcome": "nothing"}]})
        many = {"world": "demo", "positions": [
            {"player": player(i), "x": i, "y": -i, "kind": "step", "seq": i} for i in range(4096)]}
        reply = self.positions(many)
        self.assertEqual(reply.status, 413, reply)
        many["positions"] = many["positions"][:2000]
        reply = self.positions(many)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual([(o["player"], o["x"], o["y"]) for o in reply.json["outcomes"]],
                         [(player(i), i, -i) for i in range(2000)])

    def test_a_full_batch_of_4096_fits_the_body(self):
        entries = ",".join('{"player":"%s","x":1,"y":1}' % STEVE for _ in range(4096))
        reply = self.positions('{"world":1,"positions":[%s]}' % entries)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(len(reply.json["outcomes"]), 4096)

    def test_a_claim_is_granted_once_and_told_again(self):
        buried = self.server.bury([{"x": 10, "y": -3, "table": "starlight", "budget": 1}])
        self.assertEqual(buried.status, 200, buried)
        first = self.positions(one()).json["outcomes"][0]
        self.assertEqual(first["outcome"], "found", first)
        self.assertRegex(first["claim"], r"^[0-9a-f]{32}$")
        self.assertEqual({"item", "items"} & set(first), set(), "told before the ledger has it")
        granted = self.server.dig((STEVE, 10, -3)).json["outcomes"][0]
        self.assertEqual((granted["outcome"], granted["claim"]), ("granted", first["claim"]))
        self.assertTrue(granted["item"])
        self.assertEqual(granted["items"], [{"item": granted["item"], "count": 1}])
        again = self.server.dig((STEVE, 10, -3)).json["outcomes"][0]
        self.assertEqual((again["outcome"], again["item"], again["repeat"]),
                         ("granted", granted["item"], True))
        other = self.server.dig((player(2), 10, -3)).json["outcomes"][0]
        self.assertEqual(other["outcome"], "sold_out", other)
        self.assertEqual({"item", "items"} & set(other), set(), other)

        claim = self.server.get(f"/v1/claims/{first['claim']}")
        self.assertEqual(claim.status, 200, claim)
        self.assertLessEqual({"claim": first["claim"], "outcome": "granted", "x": 10, "y": -3,
                              "world": 1, "player": STEVE, "item": granted["item"],
                              "items": granted["items"]}.items(),
                             claim.json.items())
        self.assertRegex(claim.json["rules"], r"^[0-9a-f]{16}$")
        grants = self.server.all_grants()
        self.assertEqual([g["claim"] for g in grants], [first["claim"]])
        self.assert_error(self.server.get("/v1/claims/" + "0" * 32), 404, "claim")
        self.assert_error(self.server.get("/v1/claims/zz"), 400, "claim")
        self.assertEqual(self.server.stop(), 0, self.server.output)
        self.assert_audit_clean()

    def test_a_hint_says_how_near_loot_lies(self):
        self.server.bury([{"x": 100, "y": 100, "table": "starlight", "budget": 5}])
        near = self.server.dig((STEVE, 103, 100)).json["outcomes"][0]
        self.assertEqual(near["outcome"], "hint", near)
        self.assertGreaterEqual(near["distance"], 3)
        far = self.server.dig((STEVE, 200, 100)).json["outcomes"][0]
        self.assertEqual(far["outcome"], "nothing", far)

    def test_grants_are_paged_by_cursor(self):
        self.server.bury([{"x": 5, "y": 5, "table": "starlight", "budget": 30}])
        self.server.dig(*[(player(i), 5, 5) for i in range(30)])
        page = self.server.get("/v1/grants?after=0&limit=20").json
        self.assertEqual(len(page["grants"]), 20)
        rest = self.server.get(f"/v1/grants?after={page['next']}&limit=20").json
        self.assertEqual(len(rest["grants"]), 10)
        self.assertEqual(len({g["claim"] for g in page["grants"] + rest["grants"]}), 30)

    def test_tiles_are_buried_with_keys_listed_and_closed(self):
        tile = {"x": 7, "y": 8, "table": "starlight", "budget": 3, "key": "chest-1"}
        first = self.server.bury([tile])
        self.assertEqual(first.status, 200, first)
        self.assertEqual((first.json["buried"], first.json["unchanged"]), (1, 0), first)
        again = self.server.bury([tile])
        self.assertEqual((again.json["buried"], again.json["unchanged"]), (0, 1), again)
        listed = self.server.get("/v1/worlds/1/tiles?x0=0&y0=0&x1=20&y1=20", token=TOKEN)
        self.assertEqual([(t["x"], t["y"], t["budget"]) for t in listed.json["tiles"]], [(7, 8, 3)])
        closed = self.server.request("DELETE", "/v1/worlds/1/tiles",
                                     {"tiles": [{"x": 7, "y": 8}]}, token=TOKEN)
        self.assertEqual(closed.status, 200, closed)
        time.sleep(1.2)
        after = self.server.dig((STEVE, 7, 8)).json["outcomes"][0]
        self.assertIn(after["outcome"], ("closed", "nothing"), after)

    def test_worlds_are_created_and_named(self):
        made = self.server.request("PUT", "/v1/worlds/7", {"name": "nether"}, token=TOKEN)
        self.assertIn(made.status, (200, 201), made)
        body = one()
        body["world"] = "nether"
        self.assertEqual(self.positions(body).status, 200)

    def test_probes_metrics_and_stats_answer(self):
        self.assertEqual(self.server.get("/livez").status, 200)
        self.assertEqual(self.server.get("/readyz").status, 200)
        metrics = self.server.get("/metrics").body.decode()
        for name in ("hunt_positions_total", "hunt_claims_total", "hunt_build_info",
                     "hunt_rules_info"):
            self.assertIn(name, metrics)
        self.assertIsInstance(self.server.get("/v1/stats").json, dict)

    def test_keep_alive_and_pipelined_requests_are_answered_in_order(self):
        body = json.dumps(one())
        text = ("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as raw:
            raw.sendall((text * 3).encode())
            received = b""
            while received.count(b'"outcomes"') < 3:
                part = raw.recv(65536)
                self.assertTrue(part, f"closed after {received!r}")
                received += part


class BadInput(Served):
    """A clear error that names the field, and a server that goes on."""

    def test_malformed_json_names_the_place(self):
        for text in ('{"world":1,', "[]", "", "nonsense", '{"world":1,"positions":[}', "\xff\xfe",
                     '{"world":1,"positions":[]} trailing'):
            with self.subTest(text=text):
                error = self.assert_error(self.positions(text.encode("latin-1")), 400)
                self.assertGreater(len(error["message"]), 10)

    def test_unknown_fields_name_the_nearest(self):
        body = one()
        body["positions"][0]["palyer"] = STEVE
        self.assert_error(self.positions(body), 400, "positions[0].palyer", "player")
        body = one()
        body["wrold"] = 1
        self.assert_error(self.positions(body), 400, "wrold", "did you mean", "world")

    def test_duplicate_keys_are_refused(self):
        text = '{"world":1,"world":2,"positions":[]}'
        self.assert_error(self.positions(text), 400, "world")

    def test_deep_nesting_is_refused(self):
        text = '{"world":1,"positions":' + "[" * 5000 + "]" * 5000 + "}"
        self.assert_error(self.positions(text), 400)

    def test_players_that_are_no_uuids_are_refused(self):
        for wrong in ("steve", "", STEVE[:-1], 17, None, [], "{" + STEVE[1:]):
            with self.subTest(player=wrong):
                self.assert_error(self.positions(one(player=wrong)), 400, "positions[0]", "player")

    def test_coordinates_are_whole_numbers_of_32_bits(self):
        for wrong in (2**31, -2**31 - 1, 2**70, 1.5, "10", None, True, 1e300):
            with self.subTest(x=wrong):
                self.assert_error(self.positions(one(x=wrong)), 400, "positions[0]", "x")
        for fine in (2**31 - 1, -2**31):
            self.assertEqual(self.positions(one(x=fine, y=fine)).status, 200)

    def test_kinds_name_the_nearest(self):
        self.assert_error(self.positions(one(kind="digg")), 400, "kind", "dig")

    def test_unknown_worlds_are_named(self):
        body = one()
        for world in (99, "dmeo"):
            body["world"] = world
            self.assert_error(self.positions(body), 404, str(world))

    def test_oversized_bodies_are_refused(self):
        body = b'{"world":1,"positions":[' + b" " * (300 * 1024) + b"]}"
        self.assert_error(self.positions(body), 413, "262,144")
        entries = ",".join('{"player":"%s","x":1,"y":1}' % STEVE for _ in range(4097))
        self.assert_error(self.positions('{"world":1,"positions":[%s]}' % entries), 413, "4,096")

    def test_wrong_methods_and_routes_name_the_right_ones(self):
        reply = self.server.get("/v1/positions")
        self.assert_error(reply, 405, "POST")
        self.assertIn("POST", reply.headers.get("Allow", ""))
        self.assert_error(self.server.get("/v1/postions"), 404, "/v1/positions")
        self.assert_error(self.server.get("/v1/grants?aftr=1"), 400, "aftr", "after")
        self.assert_error(self.server.get("/v1/grants?limit=0"), 400, "limit")
        self.assert_error(self.server.get("/v1/grants?after=x"), 400, "after")
        self.assert_error(self.server.post("/v1/positions?wait=termnal", one()), 400, "terminal")

    def test_the_admin_half_wants_its_token(self):
        tiles = {"tiles": [{"x": 1, "y": 1, "table": "starlight", "budget": 1}]}
        for token in (None, "wrong", TOKEN[:-1]):
            with self.subTest(token=token):
                reply = self.server.request("PUT", "/v1/worlds/1/tiles", tiles, token=token)
                self.assert_error(reply, 401, "token")
                self.assertNotIn(TOKEN, reply.body.decode())

    def test_bad_burials_name_the_field_and_bury_nothing(self):
        good = {"x": 1, "y": 1, "table": "starlight", "budget": 1}
        for change, words in (({"budget": 0}, ["tiles[1]", "budget"]),
                              ({"budget": -1}, ["tiles[1]", "budget"]),
                              ({"budget": 10**9}, ["tiles[1]", "budget"]),
                              ({"table": "starlihgt"}, ["starlihgt", "starlight"]),
                              ({"opens": "yesterday"}, ["tiles[1]", "opens"]),
                              ({"key": "k" * 1000}, ["tiles[1]", "key"])):
            with self.subTest(change=change):
                reply = self.server.bury([good, {**good, "x": 2, **change}])
                self.assertIn(reply.status, (400, 413), reply)
                self.assert_error(reply, reply.status, *words)
        listed = self.server.get("/v1/worlds/1/tiles?x0=0&y0=0&x1=9&y1=9", token=TOKEN)
        self.assertEqual(listed.json["tiles"], [])

    def test_half_sent_and_slow_clients_do_not_hold_the_server(self):
        head = b"POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        slow = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(50)]
        for raw in slow:
            raw.sendall(head)
        started = time.monotonic()
        self.assertEqual(self.positions(one()).status, 200)
        self.assertLess(time.monotonic() - started, 2)
        slow[0].settimeout(40)
        try:
            ended = slow[0].recv(4096)
        except ConnectionError:
            ended = b""
        self.assertTrue(ended == b"" or b" 408 " in ended, ended)
        for raw in slow:
            raw.close()

    def test_garbage_instead_of_http_is_answered_or_cut(self):
        for garbage in (b"\x16\x03\x01\x02\x00" * 20, b"GET\r\n\r\n", b"A" * 100_000):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=40) as raw:
                try:
                    raw.sendall(garbage)
                    answer = raw.recv(4096)
                except ConnectionError:
                    answer = b""
                self.assertTrue(answer == b"" or re.match(rb"HTTP/1\.1 4\d\d", answer), answer)
        self.assertEqual(self.positions(one()).status, 200)


if __name__ == "__main__":
    unittest.main()
