"""`hunt serve --store data-api+http://…` over `hunt data-api`: rushes, kills, and answers that are
wrong, late, half or none."""
import http.client
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import unittest

import small_world
from data_api_front import PassesOn
from hunt_process import TOKEN, clean_environment, free_port, player
from nats_process import NatsLoadCase
from postgres_process import OwnDatabase

RESOURCE = "arn:aws:rds:eu-north-1:000000000000:cluster:hunt"
SECRET = "arn:aws:secretsmanager:eu-north-1:000000000000:secret:hunt"
SERVER = SECRET + "-serve"
KEYS = {"access_keys": [{"id": "AKIDTEST", "secret": "never-shown-1", "session_token": "t0ken"}],
        "secrets": [{"arn": SECRET, "user": "hunt"}, {"arn": SERVER, "user": "hunt_serve"},
                    {"arn": SECRET + "-stranger", "user": "stranger"}]}
AWS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "never-shown-1",
       "AWS_SESSION_TOKEN": "t0ken", "AWS_REGION": "eu-north-1"}


class Between(http.server.ThreadingHTTPServer):
    """Between a client and a gateway: passes requests on, or does what `mode` says to some."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", free_port()), Passes)
        self.target = port
        self.mode = ""
        self.seen = 0
        self.spoiled = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # clients that go are a part of the tests

    @property
    def port(self):
        return self.server_address[1]


class Passes(PassesOn):
    def pass_on_anew(self, body):
        there = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        try:
            return self.pass_on(there, body)
        finally:
            there.close()

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.body()
        self.server.seen += 1
        # Every third: else nothing would go on at all.
        mode = self.server.mode if self.server.seen % 3 == 0 or "all" in self.server.mode else ""
        self.server.spoiled += mode != ""
        if mode == "refused":
            return self.answer(503, b'{"message":"later"}', "ServiceUnavailableError")
        if mode == "unavailable":
            return self.answer(504, b'{"message":"no writer"}', "DatabaseUnavailableException")
        if mode == "all resuming":
            return self.answer(400, b'{"message":"resuming"}', "DatabaseResumingException")
        if mode == "garbage before":
            return self.answer(200, b"<html>hello</html>")
        if mode == "broken before":
            return self.answer(502, b"<html>bad gateway</html>")
        if mode == "hangs":
            time.sleep(20)
            self.close_connection = True
            return None
        try:
            status, reply, name = self.pass_on_anew(body)
        except OSError:
            return self.answer(502, b"")
        if mode == "garbage behind":  # it was done
            return self.answer(200, b"\x00\xff{}")
        if mode == "lost behind":
            self.close_connection = True
            return None
        if mode == "half behind":
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply[:len(reply) // 2])
            self.close_connection = True
            return None
        return self.answer(status, reply, name)


class TlsFront(threading.Thread):
    """TLS before a gateway, with a certificate of its own for `localhost`."""

    def __init__(self, folder, target):
        super().__init__(daemon=True)
        self.certificate, self.target = folder / "own.pem", target
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", folder / "own.key", "-out", self.certificate],
                       check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, folder / "own.key")
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        self.handshakes = 0
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(plain,), daemon=True).start()

    def pass_on(self, plain):
        try:
            here = self.context.wrap_socket(plain, server_side=True)
            self.handshakes += 1
            there = socket.create_connection(("127.0.0.1", self.target))
        except OSError:  # who does not trust it
            return
        threading.Thread(target=self.copy, args=(there, here), daemon=True).start()
        self.copy(here, there)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class DataApiStore(OwnDatabase, NatsLoadCase):
    """Changes are told by a relay over postgres://, everything else goes over the gateway."""

    def setUp(self):
        super().setUp()
        self.keys = self.folder / "keys.json"
        self.keys.write_text(json.dumps(KEYS))
        self.keys.chmod(0o600)
        self.gateway_port = free_port()
        self.gateway = self.start_gateway()

    def start_gateway(self):
        return self.start("data-api", "--resource", f"{RESOURCE}={self.store}", "--keys",
                          self.keys, "--listen", f"127.0.0.1:{self.gateway_port}", listen=False)

    def data_api(self, port=None, secret=SECRET, database=None):
        return (f"data-api+http://127.0.0.1:{port or self.gateway_port}?resource={RESOURCE}"
                f"&secret={secret}&database={database or self.database}")

    def rush_words(self, server, *arguments):
        """Slower than others: each load is a request, and other tests have the cores, too."""
        words = super().rush_words(server, *arguments)
        words[words.index("--rate") + 1] = 1000
        return words

    def serve_over(self, store, **keywords):
        return self.start("serve", "--bus", self.nats.url, "--store", store,
                          env=clean_environment(**AWS), **keywords)

    def hunt_with(self, *arguments, **more):
        return self.hunt(*arguments, env=clean_environment(**{**AWS, **more}))

    @staticmethod
    def granted(server, who):
        return server.dig((player(who), 1, 1)).json["outcomes"][0]["outcome"] == "granted"

    def test_a_rush_through_two_orchestrators(self):
        relay = self.relay()
        server, other = (self.serve_over(self.data_api()) for _ in range(2))
        small_world.bury(server)
        report = self.rush(server, "--seconds", 4)
        self.assert_balanced(report)
        stored = self.rush(server, "--stored", "--seconds", 3)
        self.assert_balanced(stored)
        self.assert_all_told(server)
        self.assertGreater(other.get("/v1/stats").json["batches"], 0, "the other had no work")
        self.assertEqual(self.ledger(), report["grants"] + stored["grants"])
        over = self.hunt_with("audit", "--store", self.data_api(), "--json")
        self.assert_exit(over, 0)
        self.assertEqual(json.loads(over.stdout)["stores"][0]["grants"],
                         report["grants"] + stored["grants"])
        metrics = self.gateway.get("/metrics").body.decode()
        self.assertRegex(metrics, r'operation="ExecuteStatement",result="ok"\} [1-9]\d\d')
        for process in (server, other, relay):
            self.assertEqual(process.stop(), 0, process.output)
            self.assertNotIn("never-shown", process.output)
            self.assertNotIn("t0ken", process.output)

    def test_gateway_and_server_are_killed_under_load(self):
        self.relay()
        server, other = (self.serve_over(self.data_api()) for _ in range(2))
        small_world.bury(server)
        before = self.ledger()
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 12, seconds=90)
        time.sleep(1)
        self.gateway.kill()
        time.sleep(1)
        self.gateway = self.start_gateway()
        time.sleep(1)
        self.postgres.crash()
        time.sleep(0.5)
        self.postgres.start()
        time.sleep(1)
        self.gateway.kill()
        self.gateway = self.start_gateway()
        report = self.report_of(rush)
        self.assertEqual((report["answered"], report["lost"], report["duplicate_grants"]),
                         (report["sent"], 0, 0), report)  # it waits where answers are late
        self.assert_all_told(server)
        for process in (server, other):
            self.assertEqual(process.stop(), 0, process.output)
        self.assertEqual(self.ledger() - before, report["grants"])

    def test_answers_that_are_wrong_late_half_or_none_lose_and_double_nothing(self):
        self.relay()
        between = Between(self.gateway_port)
        self.addCleanup(between.shutdown)
        server = self.serve_over(self.data_api(between.port))
        small_world.bury(server)
        before = self.ledger()
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 14, seconds=90)
        for mode in ("refused", "unavailable", "garbage before", "broken before", "lost behind",
                     "half behind", "garbage behind", "hangs"):
            between.mode = mode
            spoiled = between.spoiled
            time.sleep(1.2)
            self.assertGreater(between.spoiled, spoiled, mode)
        between.mode = ""
        report = self.report_of(rush)
        self.assert_balanced(report)
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(self.ledger() - before, report["grants"])

    def test_a_database_that_wakes_up_is_waited_for(self):
        self.relay()
        between = Between(self.gateway_port)
        self.addCleanup(between.shutdown)
        between.mode = "all resuming"
        awake = threading.Timer(3, lambda: setattr(between, "mode", ""))
        awake.start()
        self.addCleanup(awake.cancel)
        server = self.serve_over(self.data_api(between.port))
        self.assertGreater(between.spoiled, 2)
        self.assertLess(between.spoiled, 40, "it is asked again and again")
        self.assertEqual(server.bury([{"x": 1, "y": 1, "table": "starlight", "budget": 3}]).status,
                         200)
        self.assertEqual(server.dig((player(1), 1, 1)).json["outcomes"][0]["outcome"], "granted")
        between.mode = "all resuming"
        awake = threading.Timer(2, lambda: setattr(between, "mode", ""))
        awake.start()
        self.addCleanup(awake.cancel)
        self.wait_for(lambda: self.granted(server, 2), server)
        self.assertIn("wakes up", server.output)

    def test_what_a_data_api_cannot_do_is_said(self):
        empty = self.hunt_with("serve", "--bus", self.nats.url, "--store", self.data_api())
        self.assert_exit(empty, 1)
        self.assert_says(empty.stderr, "holds no store yet", "hunt relay", "postgres://")
        for arguments in (("serve", "--bus", "inproc:"), ("relay", "--bus", self.nats.url)):
            run = self.hunt_with(*arguments, "--store", self.data_api())
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, "--store", "does not tell what changes", "postgres://")
        nobody = self.hunt("serve", "--bus", self.nats.url, "--store", self.data_api(),
                           env=clean_environment(HOME=str(self.folder)))
        self.assert_exit(nobody, 1)
        self.assert_says(nobody.stderr, "AWS_ACCESS_KEY_ID")
        self.relay()
        wrong = self.hunt_with("serve", "--bus", self.nats.url, "--store", self.data_api(),
                               AWS_SECRET_ACCESS_KEY="never-shown-2")
        self.assert_exit(wrong, 1)
        self.assert_says(wrong.stderr, "InvalidSignatureException", "AWS_SECRET_ACCESS_KEY")
        self.assertNotIn("never-shown", wrong.stderr)
        for url, words in ((self.data_api(secret="x"), ("secret=", "no ARN")),
                           (self.data_api().replace("http:", "ftp:"), ("http",)),
                           (self.data_api() + "&databse=x", ('did you mean "database"',))):
            run = self.hunt_with("serve", "--bus", self.nats.url, "--store", url)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, *words)

    def test_tls_needs_a_certificate_that_is_trusted(self):
        self.relay()
        front = TlsFront(self.folder, self.gateway_port)
        self.addCleanup(front.listener.close)
        store = self.data_api(front.port).replace("http://127.0.0.1", "https://localhost")
        trusted = {**AWS, "AWS_CA_BUNDLE": str(front.certificate)}
        server = self.start("serve", "--bus", self.nats.url, "--store", store,
                            env=clean_environment(**trusted))
        self.assertEqual(server.bury([{"x": 1, "y": 1, "table": "starlight", "budget": 3}]).status,
                         200)
        self.assertTrue(self.granted(server, 1))
        self.assertGreater(front.handshakes, 0)
        strange = self.hunt_with("doctor", "--store", store)
        self.assert_exit(strange, 1)
        self.assert_says(strange.stdout, "not trusted by TLS", "AWS_CA_BUNDLE")
        other = self.hunt_with("doctor", "--store", store.replace("localhost", "127.0.0.1"),
                               AWS_CA_BUNDLE=str(front.certificate))
        self.assert_exit(other, 1)
        self.assert_says(other.stdout, "not trusted by TLS")
        missing = self.hunt_with("doctor", "--store", store, AWS_CA_BUNDLE="/nowhere.pem")
        self.assert_exit(missing, 1)
        self.assert_says(missing.stdout, "AWS_CA_BUNDLE")

    def test_doctor_says_who_is_not_let_in_and_why_says_what_is_slow(self):
        self.relay()
        well = self.hunt_with("doctor", "--store", self.data_api())
        self.assert_says(well.stdout, "takes the signature of AKIDTEST", "its clock is ours")
        for words, more in ((("InvalidSignatureException", "AWS_SECRET_ACCESS_KEY"),
                             {"AWS_SECRET_ACCESS_KEY": "never-shown-2"}),
                            (("UnrecognizedClientException",), {"AWS_ACCESS_KEY_ID": "AKIDNONE"})):
            refused = self.hunt_with("doctor", "--store", self.data_api(), **more)
            self.assert_exit(refused, 1)
            self.assert_says(refused.stdout, *words)
            self.assertNotIn("never-shown", refused.stdout + refused.stderr)
        secret = self.hunt_with("doctor", "--store", self.data_api(secret=SECRET + "-none"))
        self.assert_exit(secret, 1)
        self.assert_says(secret.stdout, "SecretsErrorException", "secret= of --store")
        self.postgres.psql("CREATE ROLE stranger LOGIN", self.database)
        role = self.hunt_with("doctor", "--store", self.data_api(secret=SECRET + "-stranger"))
        self.assert_exit(role, 1)
        self.assert_says(role.stdout, "takes the signature", "stranger can neither grant nor")
        self.gateway.kill()
        nobody = self.hunt_with("doctor", "--store", self.data_api())
        self.assert_exit(nobody, 1)
        self.assert_says(nobody.stdout, "cannot be reached")
        self.gateway = self.start_gateway()
        run = self.hunt("why", "--url", f"http://127.0.0.1:{self.gateway_port}")
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "handle", "pool", "database", "of the slowest 1 %")

    def test_doctor_looks_through_it_as_the_role_of_serve(self):
        self.relay()
        self.postgres.psql("CREATE ROLE hunt_serve LOGIN IN ROLE hunt_ingest", self.database)
        store = self.data_api(secret=SERVER)
        run = self.hunt_with("doctor", "--store", store, "--bus", self.nats.url)
        self.assert_says(run.stdout, store.split("?")[0], "it holds a store", "jit is off",
                         "the rights of hunt serve", "hunt relay")
        self.assertNotIn("never-shown", run.stdout + run.stderr)
        server = self.serve_over(store)
        self.assertEqual(server.bury([{"x": 1, "y": 1, "table": "starlight", "budget": 3}]).status,
                         200)
        self.assertEqual(server.dig((player(1), 1, 1)).json["outcomes"][0]["outcome"], "granted")
        why = server.request("GET", "/v1/why", token=TOKEN)
        self.assertEqual(why.status, 200, why)
        page = server.get("/v1/grants?after=0&limit=10").json["grants"]
        self.assertEqual([(one["x"], one["y"]) for one in page], [(1, 1)])
        self.assertIsNone(re.search(r"arn:aws", server.output), server.output)


if __name__ == "__main__":
    unittest.main()
