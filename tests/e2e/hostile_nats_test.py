"""What strangers on the same NATS can do to a hunt: with the documented users nothing, and without
any users no more than delay it."""
import base64
import json
import shutil
import tempfile
import time
import unittest
from pathlib import Path

from hunt_process import HuntProcess, HuntTest, player
from nats_process import NatsServer, documented_users, users_url


def step(x, who=1):
    return {"player": player(who), "x": x, "y": 7}


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Shared(HuntTest):
    """One nats-server, one `hunt serve` and one relay for all tests of a class."""

    CONFIG = ""
    USERS = False
    TILES = [{"x": x, "y": 7, "table": "starlight", "budget": 5} for x in range(8)]

    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="hunt-hostile-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.nats = NatsServer(cls.shared,
                              config=documented_users() if cls.USERS else cls.CONFIG)
        cls.addClassCleanup(lambda: cls.nats.kill())
        cls.shared_store = f"sqlite:{cls.shared / 'hunt.db'}"
        cls.server = HuntProcess(cls.shared, "serve", "--bus", cls.url("serve"), "--store",
                                 cls.shared_store)
        cls.addClassCleanup(cls.server.kill)
        cls.server.wait_ready()
        cls.start_relay()
        reply = cls.server.bury(cls.TILES)
        assert reply.status == 200, reply
        time.sleep(0.3)  # until the change is everywhere

    @classmethod
    def start_relay(cls):
        cls.relay = HuntProcess(cls.shared, "relay", "--bus", cls.url("relay"), "--store",
                                cls.shared_store, listen=False)
        cls.addClassCleanup(cls.relay.kill)
        end = time.monotonic() + 20
        while "tells the changes" not in cls.relay.output:
            assert time.monotonic() < end, cls.relay.output
            time.sleep(0.02)

    @classmethod
    def url(cls, user):
        return users_url(cls.nats, user) if cls.USERS else cls.nats.url

    def client(self, **who):
        client = self.nats.client(**who)
        self.addCleanup(client.close)
        return client

    def until(self, holds, seconds=30):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end,
                            self.server.output + "\n--- relay\n" + self.relay.output)
            time.sleep(0.05)

    def metric(self, name):
        for line in self.server.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        self.fail(f"no metric {name}")

    def at_work(self):
        """What everybody says, for whoever asks why nothing came."""
        said = f"{self.server.output}\n--- relay\n{self.relay.output}"
        if self.USERS:
            return said
        consumers = self.client().request("$JS.API.CONSUMER.LIST.HUNT_POS")
        return f"{consumers.body.decode()}\n{said}"

    def stored(self, client, positions, reply_to, seconds=45):
        """Stores a batch until NATS has it; returns the messages with its outcomes, in order.

        A delivery that is lost comes again after 30 s.
        """
        body = compact({"world": 1, "positions": positions})
        end = time.monotonic() + seconds
        while True:
            ack = client.request("hunt.pos.any", body, {"Hunt-Reply-To": reply_to})
            if ack.body and "seq" in ack.json:
                break
            self.assertLess(time.monotonic(), end, "not stored")
            time.sleep(0.2)
        told = []
        try:
            told.append(client.wait(lambda m: m.subject == reply_to, seconds))
            for _ in range(told[0].json.get("parts", 1) - 1):
                told.append(client.wait(lambda m: m.subject == reply_to, seconds))
        except AssertionError as silence:
            raise AssertionError(f"{silence}\n{ack.json}\n{self.at_work()}") from None
        return sorted((message.json for message in told), key=lambda one: one.get("part", 1))


class NatsUsersAreApart(Shared):
    """The server has the users of docs/OPERATIONS.md, in those very words."""

    USERS = True

    def assert_refused(self, client, user, publish=(), subscribe=()):
        for subject in publish:
            before = len(client.errors)
            client.publish(subject, b"x")
            client.flush()
            self.assertIn(f'Publish to "{subject}"', " ".join(client.errors[before:]),
                          f"{user} may publish to {subject}")
        for subject in subscribe:
            before = len(client.errors)
            client.subscribe(subject)
            client.flush()
            self.assertIn(f'Subscription to "{subject}"', " ".join(client.errors[before:]),
                          f"{user} may subscribe to {subject}")

    def test_a_game_can_neither_hear_nor_forge_what_is_others(self):
        for user, password, other in (("game", "change-3", "game-b"),
                                      ("game-b", "change-4", "game")):
            client = self.client(user=user, password=password)
            self.assert_refused(
                client, user,
                publish=[f"_INBOX_{other}.x", "_INBOX_serve.x", "_INBOX_relay.x", "_INBOX.x",
                         "$JS.ACK.HUNT_POS.hunt-any.1.1.1.1700000000000000000.0",
                         "$JS.API.CONSUMER.MSG.NEXT.HUNT_POS.hunt-any",
                         "$JS.API.CONSUMER.DELETE.HUNT_POS.hunt-any",
                         "$JS.API.STREAM.INFO.HUNT_POS", "$JS.API.STREAM.MSG.GET.HUNT_POS",
                         "$JS.API.STREAM.PURGE.HUNT_CLAIMS", "$JS.API.STREAM.DELETE.HUNT_POS",
                         "hunt.inval.0", "hunt.claims.1", "hunt.dlq", "hunt.here", "$SRV.PING",
                         "$SRV.WHY.hunt", "$SRV.FLAME.hunt"],
                subscribe=[">", "_INBOX.>", "_INBOX_serve.>", f"_INBOX_{other}.>", "hunt.>",
                           "hunt.ask.*", "hunt.pos.*", "hunt.inval.*", "hunt.dlq", "$JS.>"])

    def test_each_process_may_do_its_work_alone(self):
        self.assert_refused(
            self.client(user="serve", password="change-1"), "serve",
            publish=["hunt.inval.0", "hunt.ask.any", "_INBOX_relay.x",
                     "$JS.API.STREAM.DELETE.HUNT_POS", "$JS.API.STREAM.PURGE.HUNT_CLAIMS",
                     "$JS.ACK.OTHER.x.1.1.1.1.0", "$JS.API.STREAM.CREATE.OTHER"],
            subscribe=["_INBOX_game.>", "_INBOX_relay.>", "hunt.ask.*", ">"])
        self.assert_refused(
            self.client(user="relay", password="change-2"), "relay",
            publish=["hunt.pos.any", "hunt.ask.any", "_INBOX_game.x", "hunt.dlq",
                     "$JS.ACK.HUNT_POS.hunt-any.1.1.1.1700000000000000000.0"],
            subscribe=["_INBOX_serve.>", "hunt.claims.*", "hunt.ask.*", ">"])
        self.assert_refused(
            self.client(user="ops", password="change-5"), "ops",
            publish=["hunt.ask.any", "hunt.pos.any", "$JS.API.STREAM.DELETE.HUNT_POS"],
            subscribe=["_INBOX_game.>", ">"])

    def test_an_orchestrator_writes_into_no_inbox_of_its_own_kind(self):
        """Who asks names the place of the answer: not one where it would be taken for another's."""
        client = self.client(user="game", password="change-3")
        refused = self.metric("hunt_bus_refused_total")
        ignored = self.metric("hunt_bus_ignored_total")
        ask = {"world": 1, "positions": [step(400)]}
        client.publish("hunt.ask.any", ask, "_INBOX_serve.forged")
        client.publish("hunt.ask.any", ask, "$JS.API.STREAM.DELETE.HUNT_POS")
        client.publish("hunt.ask.any", ask, "_INBOX_relay.forged")  # the server does not let it
        client.request("hunt.pos.any", ask, {"Hunt-Reply-To": "_INBOX_serve.forged"})
        self.until(lambda: self.metric("hunt_bus_refused_total") == refused + 1)
        self.until(lambda: self.metric("hunt_bus_ignored_total") == ignored + 2)
        self.assertIn("outcomes are not told", self.server.output)
        told = self.stored(client, [step(401)], "_INBOX_game.test.mine")
        self.assertEqual(told[0]["outcomes"][0]["x"], 401)
        self.assertIn("outcomes", client.request("hunt.ask.any", ask).json)

    def test_a_subject_that_serve_may_not_answer_is_said(self):
        client = self.client(user="game", password="change-3")
        refused = self.metric("hunt_bus_refused_total")
        client.request("hunt.pos.any", {"world": 1, "positions": [step(402)]},
                       {"Hunt-Reply-To": "elsewhere.outcomes"})
        self.until(lambda: self.metric("hunt_bus_refused_total") > refused)


class NatsWithoutUsers(Shared):
    """Everybody hears everything here. It costs time, and no position and no grant."""

    def test_forged_statuses_and_deliveries_stop_nothing(self):
        ear = self.client()
        ear.subscribe("$JS.API.CONSUMER.MSG.NEXT.HUNT_POS.*")  # their reply: the inbox of a pull
        game = self.client()
        self.listen(game)
        ignored = self.metric("hunt_bus_ignored_total")
        forged = 0
        end = time.monotonic() + 60
        for x in range(500, 1000):
            pulls = {m.reply for m in ear.messages if m.reply}
            ear.messages.clear()
            for inbox in pulls:
                self.forge_all(ear, inbox)
            forged += len(pulls)
            self.stored(game, [step(x)], "game.out")
            if forged >= 4 and self.metric("hunt_bus_ignored_total") > ignored:
                break
            self.assertLess(time.monotonic(), end, f"{forged} pulls seen")
            ear.read(0.3)
        self.stored(game, [step(499)], "game.out")
        self.assertIsNone(self.server.process.poll())

    def forge_all(self, client, inbox):
        """Every status, more than once, a delivery, and a guess of the next pull's inbox."""
        for status in ("404", "408", "409 Consumer Deleted", "503", "100", "999"):
            for _ in range(3):
                self.forge(client, inbox, status)
        client.publish(inbox, {"world": 1, "positions": [step(1)]},
                       "$JS.ACK.HUNT_POS.hunt-any.1.1.1.1700000000000000000.0")
        self.forge(client, inbox.rsplit(".", 1)[0] + ".guess", "409 Consumer Deleted")

    @staticmethod
    def listen(client):
        client.subscribe("game.out")
        return "game.out"

    @staticmethod
    def forge(client, subject, status):
        head = f"NATS/1.0 {status}\r\n\r\n".encode()
        client._send(f"HPUB {subject} {len(head)} {len(head)}\r\n", head + b"\r\n")

    def test_stored_messages_that_look_like_statuses_are_dead_letters(self):
        client = self.client()
        client.subscribe("hunt.dlq")
        statuses = ("404", "408", "409", "503", "100")
        for status in statuses:
            client.publish("hunt.pos.any", b"", headers={"Status": status, "Description": "x"})
        letters = [client.wait(lambda m: m.subject == "hunt.dlq", 20) for _ in statuses]
        self.assertEqual({letter.headers["Hunt-Subject"] for letter in letters}, {"hunt.pos.any"})
        self.stored(client, [step(520)], self.listen(client))

    def test_a_dead_letter_says_why_and_where_it_was(self):
        client = self.client()
        client.subscribe("hunt.dlq")
        sequence = client.request("hunt.pos.any", b"{broken").json["seq"]
        letter = client.wait(lambda m: m.subject == "hunt.dlq" and m.body == b"{broken")
        self.assertEqual({name: value for name, value in letter.headers.items()
                          if name != "Hunt-Reason"},
                         {"Nats-Msg-Id": f"HUNT_POS:{sequence}", "Hunt-Subject": "hunt.pos.any",
                          "Hunt-Sequence": str(sequence), "Hunt-Deliveries": "1"})
        self.assert_says(letter.headers["Hunt-Reason"], "JSON")

    def test_an_acknowledgement_of_another_stream_is_none(self):
        """The answers to our requests have names that cannot be guessed."""
        ear = self.client()
        ear.subscribe("hunt.claims.*")
        first = self.server.dig((player(77), 0, 7)).json["outcomes"][0]
        self.assertEqual(first["outcome"], "granted")
        told = ear.wait(lambda m: "grant" in m.json and m.json["grant"]["claim"] == first["claim"])
        inbox = told.reply.split(".")
        self.assertGreaterEqual(len(inbox[-1]), 32, told.reply)
        self.assertGreaterEqual(len(inbox[1]), 32, told.reply)


class NatsOfSmallMessages(Shared):
    """A server with a small max_payload: what is larger is told in parts, or refused with why."""

    CONFIG = "max_payload: 8192"
    TILES = [{"x": x, "y": y, "table": "starlight", "budget": 5}
             for x in range(30) for y in range(30)]

    def test_outcomes_of_a_stored_batch_come_in_parts(self):
        client = self.client()
        client.subscribe("game.out")
        for count in (1, 110):
            positions = [{"player": player(1), "x": x, "y": 9} for x in range(count)]
            told = self.stored(client, positions, "game.out")
            if count == 1:
                self.assertNotIn("part", told[0])
                continue
            self.assertGreater(len(told), 1)
            self.assertEqual([one["part"] for one in told], list(range(1, len(told) + 1)))
            self.assertEqual({one["parts"] for one in told}, {len(told)})
            xs = [outcome["x"] for one in told for outcome in one["outcomes"]]
            self.assertEqual(xs, list(range(count)))
        self.assertGreater(self.metric("hunt_bus_divided_total"), 0)

    def test_an_answer_that_cannot_fit_is_refused_before_anything_is_decided(self):
        client = self.client()
        steps = [{"player": player(3), "x": x % 30, "y": x // 30} for x in range(106)]
        answers = {count: client.request("hunt.ask.any", compact(
            {"world": 1, "wait": "terminal", "positions": steps[:count]})) for count in (20, 106)}
        self.assertEqual(len(answers[20].json["outcomes"]), 20)
        error = answers[106].json["error"]
        self.assertEqual(error["code"], "too_large")
        self.assert_says(error["message"], "8,192", "nothing was decided", "fewer")

    def test_an_answer_that_did_not_fit_is_decided_and_says_so(self):
        client = self.client()
        body = compact({"world": 1, "wait": "terminal", "positions": [
            {"player": player(4), "x": x % 30, "y": 10 + x // 30, "kind": "dig"}
            for x in range(90)]})
        error = client.request("hunt.ask.any", body).json["error"]
        self.assert_says(error["message"], "it is decided", "fewer")
        reply = self.server.dig((player(4), 0, 10)).json["outcomes"][0]
        self.assertEqual((reply["outcome"], reply["repeat"]), ("granted", True))

    def test_a_dead_letter_too_large_is_kept_without_its_end(self):
        client = self.client()
        client.subscribe("hunt.dlq")
        body = b"{" + b"x" * 8190
        client.request("hunt.pos.any", body[:8100])
        letter = client.wait(lambda m: m.subject == "hunt.dlq", 20)
        self.assertEqual(letter.headers["Hunt-Cut-Of"], "8100")
        self.assertTrue(body.startswith(letter.body))
        self.assertGreater(len(letter.body), 7000)

    def test_changes_larger_than_one_message_reach_every_memory(self):
        tiles = [{"x": 1000 + x, "y": y, "table": "starlight", "budget": 2}
                 for x in range(25) for y in range(25)]
        asked = [(player(5), tile["x"], tile["y"]) for tile in tiles]
        self.server.dig(*asked[:300])  # these chunks are in memory now
        unsent = self.metric("hunt_bus_unsent_total")
        self.assertEqual(self.server.bury(tiles).status, 200)

        def seen():
            outcomes = self.server.dig(*asked[:300]).json["outcomes"]
            return {one["outcome"] for one in outcomes} == {"granted"}
        self.until(seen, 10)
        self.assertEqual(self.metric("hunt_bus_unsent_total"), unsent)

    def test_a_load_of_stored_batches_hears_every_outcome(self):
        run = self.hunt("rush", "--json", "--target", self.nats.url, "--url",
                        f"http://127.0.0.1:{self.server.port}", "--admin-token-file",
                        self.shared / "admin-token", "--demo", "--players", 300, "--rate", 2000,
                        "--batch", 90, "--seconds", 1, "--stored")
        self.assert_exit(run, 0)
        report = json.loads(run.stdout)
        self.assertEqual((report["lost"], report["duplicate_grants"]), (0, 0), report)

    def test_a_server_that_takes_next_to_nothing_is_refused_at_the_start(self):
        folder = self.folder / "tiny"
        folder.mkdir()
        nats = NatsServer(folder, config="max_payload: 2048")
        self.addCleanup(nats.kill)
        run = self.hunt("serve", "--bus", nats.url, "--store", self.store)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "max_payload", "4,096")


class NatsLosesWhatItKept(Shared):
    """Consumers and streams that are deleted, emptied, or gone with a server's disk."""

    def delete(self, what):
        reply = self.client().request(f"$JS.API.{what}").json
        self.assertTrue(reply.get("success"), reply)

    def warning(self):
        return self.server.get("/readyz").json.get("warning", "")

    def grant(self, who):
        """A new one; returns its claim."""
        outcome = self.server.dig((player(who), who % 8, 7)).json["outcomes"][0]
        self.assertEqual(outcome["outcome"], "granted", outcome)
        return outcome["claim"]

    def kept_claims(self):
        """The claims that HUNT_CLAIMS keeps as granted; none while it is not there."""
        client = self.client()
        state = client.request("$JS.API.STREAM.INFO.HUNT_CLAIMS").json.get("state")
        if not state:
            return set()
        claims = set()
        for sequence in range(state["first_seq"], state["last_seq"] + 1):
            kept = client.request("$JS.API.STREAM.MSG.GET.HUNT_CLAIMS", {"seq": sequence}).json
            if "message" in kept:
                claims.add(self.message_id(kept).split(":")[0])
        return claims

    @staticmethod
    def message_id(kept):
        head = base64.b64decode(kept["message"]["hdrs"]).decode()
        return head.split("Nats-Msg-Id: ")[1].split("\r\n")[0]

    def test_a_deleted_consumer_is_made_again_and_said(self):
        client = self.client()
        client.subscribe("game.a")
        self.stored(client, [step(600)], "game.a")
        before = self.metric("hunt_bus_remade_total")
        self.delete("CONSUMER.DELETE.HUNT_POS.hunt-any")
        self.stored(client, [step(601)], "game.a")
        self.until(lambda: "hunt-any" in self.warning())
        self.assertEqual(self.metric("hunt_bus_remade_total") - before, 1)
        self.assertIn("the consumer hunt-any was gone", self.server.output)

    def test_a_deleted_stream_of_positions_is_made_again_and_said(self):
        client = self.client()
        client.subscribe("game.b")
        self.delete("STREAM.DELETE.HUNT_POS")
        self.stored(client, [step(610)], "game.b")
        self.until(lambda: "HUNT_POS was gone" in self.warning())
        self.assert_says(self.warning(), "store them again")

    def test_grants_are_told_again_when_their_stream_was_lost(self):
        claims = {self.grant(who) for who in (1, 2, 3)}
        self.until(lambda: claims <= self.kept_claims())
        for what in ("STREAM.DELETE.HUNT_CLAIMS", "STREAM.PURGE.HUNT_CLAIMS"):
            with self.subTest(what):
                time.sleep(2.5)  # a look later: told, acknowledged and seen
                self.delete(what)
                self.until(lambda: claims <= self.kept_claims())
                claims.add(self.grant(10 + len(claims)))
                self.until(lambda: claims <= self.kept_claims())
        self.assertIn("tells the grants", self.relay.output)

    def test_a_stream_lost_while_no_relay_ran_is_seen_by_the_next_one(self):
        claims = {self.grant(who) for who in (4, 5)}
        self.until(lambda: claims <= self.kept_claims())
        time.sleep(3.5)  # a look and a confirmation later
        self.assertEqual(self.relay.stop(), 0)
        self.delete("STREAM.DELETE.HUNT_CLAIMS")
        claims.add(self.grant(6))
        self.start_relay()
        self.until(lambda: claims <= self.kept_claims())

    def test_settings_that_lose_messages_are_a_warning_while_they_last(self):
        client = self.client()
        config = client.request("$JS.API.STREAM.INFO.HUNT_POS").json["config"]
        changed = client.request("$JS.API.STREAM.UPDATE.HUNT_POS", {**config, "max_age": 10**12})
        self.assertNotIn("error", changed.json)
        self.until(lambda: "max_age" in self.warning())
        self.assert_says(self.warning(), "HUNT_POS", "other settings")
        client.request("$JS.API.STREAM.UPDATE.HUNT_POS", config)
        self.until(lambda: "max_age" not in self.warning())
        self.until(lambda: "hunt-any was gone" not in self.warning(), 20)  # 15 s at most

    def test_nats_with_an_empty_store_is_set_up_again(self):
        claims = {self.grant(7)}
        self.until(lambda: claims <= self.kept_claims())
        self.nats.kill()
        shutil.rmtree(self.shared / "jetstream")
        self.until(lambda: "not reachable" in self.warning())
        self.nats.start()
        client = self.client()
        client.subscribe("game.c")
        self.stored(client, [step(620)], "game.c")
        self.until(lambda: "HUNT_CLAIMS was gone" in self.warning())
        self.until(lambda: claims <= self.kept_claims())
        claims.add(self.grant(9))
        self.until(lambda: claims <= self.kept_claims())
        self.assertEqual(self.server.request("GET", "/livez").status, 200)


if __name__ == "__main__":
    unittest.main()
