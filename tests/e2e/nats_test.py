"""`hunt serve` and `hunt relay` over a real NATS: what its clients see, and what people read."""
import json
import signal
import time
import unittest

from hunt_process import TOKEN, HuntProcess, HuntTest, player, run_hunt
from nats_process import NatsCase, NatsServer, documented_users, users_url


class NatsSubjects(NatsCase):
    """What a client of any language sees."""

    def setUp(self):
        super().setUp()
        self.server = self.serve_nats()
        self.relay()
        reply = self.server.bury([{"x": x, "y": 5, "table": "starlight", "budget": 1}
                                  for x in range(8)])
        self.assertEqual(reply.status, 200, reply)
        time.sleep(0.3)  # until the change is everywhere
        self.nats_client = self.client()

    @staticmethod
    def dig(x, who=1, **more):
        return {"world": 1, "positions": [
            {"player": player(who), "x": x, "y": 5, "kind": "dig"}], **more}

    def outcome(self, message):
        self.assertIn("outcomes", message.json, message.body)
        return message.json["outcomes"][0]

    def test_an_ask_is_answered_and_its_claim_is_told(self):
        client = self.nats_client
        client.subscribe("hunt.claims.>")
        first = self.outcome(client.request("hunt.ask.any", self.dig(0)))
        self.assertEqual(first["outcome"], "found")
        told = client.wait(lambda message: message.subject == "hunt.claims.1")
        grant = told.json["grant"]
        self.assertEqual((grant["claim"], grant["player"], grant["x"], grant["y"]),
                         (first["claim"], player(1), 0, 5))
        self.assertEqual(told.headers["Nats-Msg-Id"], f"{first['claim']}:granted")
        again = self.outcome(client.request("hunt.ask.any", self.dig(0, wait="terminal")))
        self.assertEqual((again["outcome"], again["repeat"], again["item"]),
                         ("granted", True, grant["item"]))
        late = self.outcome(client.request("hunt.ask.any", self.dig(0, who=2, wait="terminal")))
        self.assertEqual(late["outcome"], "sold_out")
        refusal = client.wait(lambda message: "claim" in message.json).json["claim"]
        self.assertEqual((refusal["claim"], refusal["outcome"]), (late["claim"], "sold_out"))
        over_http = self.server.dig((player(1), 0, 5)).json["outcomes"][0]
        self.assertEqual((over_http["outcome"], over_http["claim"]), ("granted", first["claim"]))

    def test_worlds_have_names_and_mistakes_have_reasons(self):
        client = self.nats_client
        named = {**self.dig(1, wait="terminal"), "world": "demo"}
        self.assertEqual(self.outcome(client.request("hunt.ask.any", named))["outcome"], "granted")
        for body, code, word in (({**named, "world": "demmo"}, "not_found", "demo"),
                                 (b'{"world":1,"posi', "invalid_argument", "JSON"),
                                 ({"world": 1, "position": []}, "invalid_argument", "positions")):
            error = client.request("hunt.ask.any", body).json["error"]
            self.assertEqual(error["code"], code, error)
            self.assert_says(error["message"] + error.get("field", ""), word)
        binary = client.request("hunt.ask.any", b"\xff\xff\xff\xff")
        self.assertEqual(binary.body[4:8], b"HUNT", "not in the form of the question")

    def test_a_stored_position_is_accepted_answered_and_never_twice(self):
        client = self.nats_client
        client.subscribe("game.outcomes")
        headers = {"Nats-Msg-Id": "tick-1", "Hunt-Reply-To": "game.outcomes"}
        for duplicate in (False, True):
            accepted = client.request("hunt.pos.any", self.dig(2), headers).json
            self.assertEqual((accepted["stream"], accepted.get("duplicate", False)),
                             ("HUNT_POS", duplicate))
        outcome = self.outcome(client.wait(lambda message: message.subject == "game.outcomes"))
        self.assertEqual((outcome["outcome"], outcome["player"]), ("granted", player(1)))
        headers["Nats-Msg-Id"] = "tick-2"
        client.request("hunt.pos.0", self.dig(2), headers)
        again = self.outcome(client.wait(lambda message: message.subject == "game.outcomes"))
        self.assertEqual((again["claim"], again["repeat"]), (outcome["claim"], True))

    def test_a_message_that_can_never_succeed_is_a_dead_letter(self):
        client = self.nats_client
        client.subscribe("hunt.dlq")
        client.request("hunt.pos.any", b"{no json at all")
        letter = client.wait(lambda message: message.subject == "hunt.dlq")
        self.assertIn("no json", letter.body.decode() + str(letter.headers))

    def test_the_map_and_the_service_protocol_answer(self):
        client = self.nats_client
        shards = client.request("hunt.map").json
        self.assertEqual((shards["version"], shards["shards"]), (1, 1))
        self.assertEqual(shards["ranges"], [{"world": 0, "first_tile": "0", "shard": 0}])
        ping = client.request("$SRV.PING.hunt").json
        self.assertEqual((ping["name"], ping["type"]), ("hunt", "io.nats.micro.v1.ping_response"))
        info = client.request(f"$SRV.INFO.hunt.{ping['id']}").json
        self.assertEqual([one["subject"] for one in info["endpoints"]], ["hunt.ask.any"])
        self.assertIn("num_requests", client.request("$SRV.STATS.hunt").json["endpoints"][0])

    def test_shards_are_served_alone_when_asked_for(self):
        self.assertEqual(self.server.stop(), 0)
        self.serve_nats("--shards", "0")
        client = self.nats_client
        self.assertEqual(self.outcome(client.request("hunt.ask.0", self.dig(3)))["outcome"],
                         "found")
        nobody = client.request("hunt.ask.any", self.dig(3))
        self.assertEqual(nobody.body, b"", "no responders")


class NatsUsers(NatsCase):
    """The users of docs/OPERATIONS.md, with the rights that stand there."""

    def setUp(self):
        super().setUp()
        self.nats.kill()
        self.nats = NatsServer(self.folder, config=documented_users())

    def test_may_do_all_they_need(self):
        server = self.start("serve", "--bus", users_url(self.nats, "serve"), "--store", self.store)
        relay = self.start("relay", "--bus", users_url(self.nats, "relay"), "--store", self.store,
                           listen=False, ready=False)
        self.wait_for(lambda: "tells the changes" in relay.output, relay)
        for user, path in (("game", ()), ("game-b", ("--stored",))):
            run = self.hunt("rush", "--json", "--target", users_url(self.nats, user), "--url",
                            f"http://127.0.0.1:{server.port}", "--admin-token-file",
                            self.folder / "admin-token", "--demo", "--players", 500, "--rate",
                            2000, "--seconds", 1, *path)
            self.assert_exit(run, 0)
            report = json.loads(run.stdout)
            self.assertGreater(report["grants"], 0)
            self.assertNotIn("change-", run.stdout + run.stderr)
        client = self.nats.client(user="game", password="change-3")
        self.addCleanup(client.close)
        client.request("hunt.map")
        client.request("hunt.pos.any", b"{no json at all")  # a dead letter
        looks = self.nats.client(user="ops", password="change-5")
        self.addCleanup(looks.close)
        self.wait_for(lambda: looks.request("$JS.API.STREAM.INFO.HUNT_DLQ").json["state"]
                      ["messages"] == 1)
        self.assertEqual(looks.request("$SRV.PING").json["name"], "hunt")
        why = json.loads(self.hunt("why", "--json", "--bus", users_url(self.nats, "ops")).stdout)
        self.assertEqual((why["answered"]["orchestrators"], why["answered"]["relays"]), (1, 1), why)
        checked = self.hunt("doctor", "--bus", users_url(self.nats, "serve"), "--store", self.store)
        self.assertNotIn("failure ", checked.stdout, checked.stdout)
        self.assertNotIn("ended", server.output + relay.output)
        self.assertNotIn("Violation", server.output + relay.output)


class NatsTroubles(HuntTest):
    """What people read when something is not as it should be."""

    def nats_server(self, **keywords):
        server = NatsServer(self.folder, **keywords)
        self.addCleanup(server.kill)
        return server

    def refused(self, *arguments, code=1):
        """Both commands say the same."""
        for command in ("serve", "relay"):
            run = run_hunt(command, "--store", self.store, *arguments, cwd=self.folder, timeout=30)
            self.assert_exit(run, code)
        return run.stderr

    def test_a_server_that_is_not_there_is_named(self):
        self.assert_says(self.refused("--bus", "nats://127.0.0.1:1"), "127.0.0.1:1",
                         "is nats-server running there?")

    def test_jetstream_is_asked_for(self):
        nats = self.nats_server(jetstream=False)
        self.assert_says(self.refused("--bus", nats.url), nats.address, "-js")

    def test_too_little_room_is_said_with_how_much_is_needed(self):
        nats = self.nats_server(room="1GB")
        self.assert_says(self.refused("--bus", nats.url), "max_file_store", "2.1 GiB")

    def test_a_wrong_password_is_refused_and_not_shown(self):
        nats = self.nats_server(config='authorization { user: "hunt", password: "right" }')
        said = self.refused("--bus", f"nats://hunt:wr0ng@{nats.address}")
        self.assert_says(said, nats.address, "password")
        self.assertNotIn("wr0ng", said)

    def test_a_stream_with_other_settings_is_named_with_the_field(self):
        nats = self.nats_server()
        client = nats.client()
        self.addCleanup(client.close)
        made = client.request("$JS.API.STREAM.CREATE.HUNT_POS", {
            "name": "HUNT_POS", "subjects": ["hunt.pos.*"], "retention": "limits",
            "storage": "file", "max_consumers": -1, "num_replicas": 1}).json
        self.assertNotIn("error", made)
        self.assert_says(self.refused("--bus", nats.url), "HUNT_POS", "retention", "workqueue")

    def test_flags_that_cannot_be_meant_are_usage_errors(self):
        said = self.refused("--bus", "kafka://127.0.0.1", code=2)
        self.assert_says(said, "bus", "nats://")
        run = self.hunt("serve", "--bus", "nats://127.0.0.1:1", "--shards", "0,7")
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "shards", "7")
        self.assert_exit(self.hunt("relay", "--store", self.store), 2)

    def test_silence_of_the_relay_is_said_everywhere_until_it_is_heard(self):
        nats = self.nats_server()
        server = self.start("serve", "--bus", nats.url, "--store", self.store)
        self.assert_says(server.output, "hunt relay")
        end = time.monotonic() + 20
        while "warning" not in server.get("/readyz").json:
            self.assertLess(time.monotonic(), end, "no warning came")
            time.sleep(0.1)
        self.assert_says(server.get("/readyz").json["warning"], "no relay of shard 0", "hunt relay")
        self.assert_says(server.get("/v1/why").json["warning"], "no relay")
        self.assertIn("no relay", self.hunt("why", "--url",
                                            f"http://127.0.0.1:{server.port}").stdout)
        self.assertRegex(server.get("/metrics").body.decode(),
                         r'hunt_relay_silence_seconds\{shard="0"\} [3-9]\.')
        relay = HuntProcess(self.folder, "relay", "--bus", nats.url, "--store", self.store,
                            listen=False)
        self.addCleanup(relay.kill)
        while "warning" in server.get("/readyz").json:
            self.assertLess(time.monotonic(), end, "the warning stays")
            time.sleep(0.1)
        time.sleep(1.2)
        self.assert_says(server.output, "no relay of shard 0", "as it should be again")

    def test_one_file_has_a_relay_or_processes_for_themselves(self):
        nats = self.nats_server()
        relay = HuntProcess(self.folder, "relay", "--bus", nats.url, "--store", self.store,
                            listen=False)
        self.addCleanup(relay.kill)
        end = time.monotonic() + 20
        while "tells the changes" not in relay.output:
            self.assertLess(time.monotonic(), end, relay.output)
            time.sleep(0.05)
        run = self.hunt("serve", "--store", self.store, "--listen", "127.0.0.1:0")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "hunt relay", "--bus")
        self.assertEqual(relay.stop(signal.SIGINT), 0, relay.output)
        alone = self.serve()
        self.assertEqual(alone.request("PUT", "/v1/worlds/1/tiles", {"tiles": [
            {"x": 1, "y": 1, "table": "starlight"}]}, token=TOKEN).status, 200)


if __name__ == "__main__":
    unittest.main()
