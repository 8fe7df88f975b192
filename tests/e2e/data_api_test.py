"""`hunt data-api` from outside: the official AWS SDK, hostile HTTP, servers that go and come."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import sigv4
from hunt_process import REPOSITORY, HuntTest, Reply
from postgres_process import OwnDatabase

SDK = "@aws-sdk/client-rds-data@3.1142.0"
RESOURCE = "arn:aws:rds:eu-north-1:000000000000:cluster:hunt"
SECRET = "arn:aws:secretsmanager:eu-north-1:000000000000:secret:hunt"
READER = SECRET + "-reader"
NOBODY = SECRET + "-nobody"
LOCKED = SECRET + "-locked"
WRONG = SECRET + "-wrong"
KEYS = {
    "access_keys": [
        {"id": "AKIDTEST", "secret": "a-key-of-the-tests-only"},
        {"id": "ASIATEST", "secret": "another-key-of-the-tests", "session_token": "for-an-hour",
         "secrets": [SECRET]}],
    "secrets": [
        {"arn": SECRET, "user": "hunt", "password": "never-shown-1"},
        {"arn": READER, "user": "reader", "password": "never-shown-2"},
        {"arn": LOCKED, "user": "locked", "password": "never-shown-3"},
        {"arn": WRONG, "user": "locked", "password": "never-shown-4"},
        {"arn": NOBODY, "user": "nobody_here"}]}
CONNECTIONS = 4
FEW_FILES = ("bash", "-c", 'ulimit -n 256; exec "$@"', "few-files")
MIB = 1024 * 1024


def sign(method, path, body, headers):
    return sigv4.sign(method, path, body, headers, "AKIDTEST", "a-key-of-the-tests-only")


class DataApi(OwnDatabase, HuntTest):
    """A PostgreSQL for all tests, a gateway for each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("CREATE ROLE reader LOGIN", database="postgres")
        cls.postgres.psql("CREATE ROLE locked LOGIN PASSWORD 'never-shown-3'", database="postgres")
        hba = cls.postgres.data / "pg_hba.conf"
        hba.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        cls.postgres.psql("SELECT pg_reload_conf()", database="postgres")

    def setUp(self):
        super().setUp()
        self.keys = self.folder / "keys.json"
        self.keys.write_text(json.dumps(KEYS))
        self.keys.chmod(0o600)

    def gateway(self, *arguments, **keywords):
        return self.start("data-api", "--resource", f"{RESOURCE}={self.store}", "--keys", self.keys,
                          "--region", "eu-north-1", "--connections", CONNECTIONS, *arguments,
                          **keywords)

    def call(self, server, path, body, headers=None):
        """One signed request; `body` is a dict, or bytes as they are."""
        if isinstance(body, dict):
            body = json.dumps({"resourceArn": RESOURCE, "secretArn": SECRET, **body}).encode()
        host = f"127.0.0.1:{server.port}"
        sent = sign("POST", path, body, {"host": host, "content-type": "application/json"})
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        try:
            connection.request("POST", path, body, {**sent, **(headers or {})})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def execute(self, server, sql, **more):
        return self.call(server, "/Execute", {"sql": sql, **more})

    def connect(self, server, receive_bytes=None):
        """A connection that stays until the test is over."""
        raw = socket.socket()
        self.addCleanup(raw.close)
        if receive_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.settimeout(10)
        raw.connect(("127.0.0.1", server.port))
        return raw

    def figure(self, server, name):
        text = server.get("/metrics").body.decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE).group(1))

    def assert_failure(self, reply, status, name, *words):
        self.assertEqual((reply.status, reply.headers["x-amzn-ErrorType"]), (status, name), reply)
        self.assert_says(reply.json["message"], *words)

    def raw(self, server, data):
        """The first line and the body of what is answered to these bytes."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(data)
            text = b""
            while block := connection.recv(65536):
                text += block
        head, _, body = text.decode().partition("\r\n\r\n")
        return head.split("\r\n")[0], body

    def test_the_official_sdk(self):
        folder = self.npm_folder(SDK)
        shutil.copy(REPOSITORY / "tests/e2e/data_api.mjs", folder / "data_api.mjs")
        server = self.gateway()
        told = {"endpoint": f"http://127.0.0.1:{server.port}", "resource": RESOURCE,
                "secret": SECRET, "other": READER, "nobody": NOBODY, "database": self.database,
                "id": "AKIDTEST", "key": "a-key-of-the-tests-only", "shortId": "ASIATEST",
                "shortKey": "another-key-of-the-tests", "token": "for-an-hour",
                "connections": CONNECTIONS}
        run = subprocess.run(["node", "data_api.mjs", json.dumps(told)], cwd=folder, text=True,
                             capture_output=True, timeout=300, check=False,
                             env={**os.environ, "NODE_NO_WARNINGS": "1"})
        seen = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertGreater(len(seen), 15, run.stderr)
        for one in seen:
            with self.subTest(one["name"]):
                self.assertIsNone(one.get("error"))
        self.assertEqual(run.returncode, 0, run.stderr)
        metrics = server.get("/metrics").body.decode()
        self.assertIn('hunt_data_api_requests_total{operation="ExecuteStatement",result="ok"}',
                      metrics)
        self.assertIn('result="InvalidSignatureException"', metrics)
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("never-shown", server.output)

    def test_a_request_signed_by_hand_is_taken(self):
        server = self.gateway()
        reply = self.execute(server, "select :a + 1", parameters=[
            {"name": "a", "value": {"longValue": 41}}])
        self.assertEqual((reply.status, reply.json["records"]), (200, [[{"longValue": 42}]]), reply)
        reply = self.call(server, "/Execute", b'{"resourceArn":')
        self.assert_failure(reply, 400, "SerializationException", "no JSON")
        self.assert_failure(self.execute(server, "select 1", sqll=""), 400,
                            "SerializationException", 'did you mean "sql"')

    def test_passwords_are_sent_and_never_shown(self):
        server = self.gateway()
        reply = self.execute(server, "select current_user::text", secretArn=LOCKED)
        self.assertEqual(reply.json["records"], [[{"stringValue": "locked"}]])
        reply = self.execute(server, "select 1", secretArn=WRONG)
        self.assert_failure(reply, 400, "DatabaseErrorException", "password", "SQLState: 28P01")
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("never-shown", server.output + reply.body.decode())

    def test_probes_and_figures_need_no_signature(self):
        server = self.gateway()
        self.assertEqual(server.get("/livez").status, 200)
        self.assertEqual(server.get("/readyz").status, 200)
        self.assert_failure(server.get("/"), 403, "MissingAuthenticationTokenException")
        self.assert_failure(server.post("/Execute", {}), 403, "MissingAuthenticationTokenException")

    def test_older_http_is_answered_in_its_words(self):
        server = self.gateway()
        line, _ = self.raw(server, b"GET /livez HTTP/1.0\r\n\r\n")
        self.assertEqual(line, "HTTP/1.0 200 OK")
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertIn(b"connection: keep-alive", connection.recv(65536).lower())

    def test_what_is_no_proper_http_is_refused(self):
        server = self.gateway()
        head = f"POST /Execute HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        cases = {
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}": "400",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}": "400",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n": "400",
            "Content-Length: 4194305\r\n\r\n": "413",
            "X-Amz-Date: 1\r\nX-Amz-Date: 2\r\nContent-Length: 0\r\n\r\n": "403",
            "Authorization: a\r\nAuthorization: b\r\nContent-Length: 0\r\n\r\n": "400",
            "X-Large: " + "x" * 20_000 + "\r\n\r\n": "431",
            "Content-Length: x\r\n\r\n": "400",
        }
        for text, status in cases.items():
            with self.subTest(text[:60]):
                line, body = self.raw(server, (head + text).encode())
                self.assertIn(f" {status} ", line)
                self.assertTrue(json.loads(body)["message"], body)
        self.assertIn(" 400 ", self.raw(server, b"nonsense\r\n\r\n")[0])
        self.assertEqual(server.get("/livez").status, 200)

    def test_silent_clients_lock_nobody_out(self):
        """Without a word, and with half a request: newcomers have their places."""
        server = self.gateway(wrapper=FEW_FILES)
        for number in range(600):
            raw = self.connect(server)
            if number % 2:
                with contextlib.suppress(OSError):  # its place was given away
                    raw.sendall(b"POST /Execute HTTP/1.1\r\nHost: x\r\n")
        self.assertEqual(server.get("/livez").status, 200)
        # Of each role a connection to the database of its own, which is a descriptor.
        for secret in (SECRET, READER, LOCKED):
            reply = self.execute(server, "select 1", secretArn=secret)
            self.assertEqual(reply.status, 200, reply)
        self.assertGreater(
            self.figure(server, 'hunt_data_api_overloads_total{reason="evicted"}'), 0)

    def test_too_few_open_files_are_told_at_the_start(self):
        server = self.start("data-api", "--store", self.store, "--keys", self.keys,
                            "--connections", "1000", ready=False, wrapper=FEW_FILES)
        self.assertEqual(server.process.wait(30), 1)
        server.reader.join()
        self.assert_says(server.output, "256 open files", "--connections", "ulimit -n")

    def test_answers_that_nobody_reads_are_bounded(self):
        server = self.gateway()
        body = json.dumps({
            "resourceArn": RESOURCE, "secretArn": SECRET, "formatRecordsAs": "JSON",
            "sql": "select repeat('x', 60000) from generate_series(1, 165)"}).encode()
        host = f"127.0.0.1:{server.port}"
        head = "POST /Execute HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in sign(
                "POST", "/Execute", body, {"host": host}).items())
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        before = self.figure(server, "process_resident_memory_bytes")
        held = [self.connect(server, 4096) for _ in range(40)]
        for raw in held:
            raw.sendall(request)
        refused = 0
        most = 0
        deadline = time.monotonic() + 60
        while not refused and time.monotonic() < deadline:
            self.assertLessEqual(self.figure(server, "hunt_data_api_answer_bytes"), 128 * MIB)
            most = max(most, self.figure(server, "process_resident_memory_bytes"))
            refused = sum(self.figure(server, f'hunt_data_api_overloads_total{{reason="{reason}"}}')
                          for reason in ("answers", "withheld"))
            time.sleep(0.05)
        self.assertGreater(refused, 0)
        # Beside the answers: what four statements have under way.
        self.assertLess(most - before, 128 * MIB + CONNECTIONS * 40 * MIB)
        while True:  # who reads is answered once those who do not have been ended
            reply = self.call(server, "/Execute", body)
            if reply.status == 200:
                break
            self.assertLess(time.monotonic(), deadline, reply)
            time.sleep(0.1)
        self.assertGreater(len(reply.body), 9_000_000)

    def test_a_batch_whose_answer_would_be_too_large_is_refused_before_any_work(self):
        server = self.gateway()
        sets = ",".join(["[]"] * 1_300_000)
        body = (f'{{"resourceArn":"{RESOURCE}","secretArn":"{SECRET}","sql":"select 1",'
                f'"parameterSets":[{sets}]}}').encode()
        self.assert_failure(self.call(server, "/BatchExecute", body), 400, "BadRequestException",
                            "1,300,000 sets", "at most 45,589")

    def test_clients_and_gateways_that_go_leave_nothing_behind(self):
        server = self.gateway()
        self.execute(server, "create table t (id int)")
        body = json.dumps({"resourceArn": RESOURCE, "secretArn": SECRET,
                           "sql": "select pg_sleep(0.3)"}).encode()
        headers = sign("POST", "/Execute", body, {"host": f"127.0.0.1:{server.port}"})
        text = "POST /Execute HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items())
        for _ in range(3 * CONNECTIONS):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(f"{text}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.assertEqual(self.execute(server, "select 1").status, 200)
        begun = self.call(server, "/BeginTransaction", {}).json["transactionId"]
        self.execute(server, "insert into t values (1)", transactionId=begun)
        ours = ("select count(*) from pg_stat_activity where application_name = 'hunt data-api'"
                f" and datname = '{self.database}'")
        self.assertNotEqual(self.postgres.psql(ours, "postgres").stdout, "0\n")
        server.kill()
        deadline = time.monotonic() + 30
        while self.postgres.psql(ours, "postgres").stdout != "0\n":
            self.assertLess(time.monotonic(), deadline, "a transaction is still open")
            time.sleep(0.05)
        self.assertEqual(self.postgres.psql("drop table t", self.database).returncode, 0)

    def test_it_ends_although_a_statement_does_not(self):
        server = self.gateway()
        asked = threading.Thread(target=self.execute, args=(server, "select pg_sleep(600)"),
                                 kwargs={"continueAfterTimeout": True})
        asked.start()
        time.sleep(0.5)
        self.assertEqual(server.stop(), 0)
        asked.join()

    def test_a_database_that_is_down_is_told_and_comes_back(self):
        server = self.gateway()
        self.assertEqual(self.execute(server, "create table t (id int)").status, 200)
        begun = self.call(server, "/BeginTransaction", {}).json["transactionId"]
        self.postgres.process.send_signal(signal.SIGINT)
        self.postgres.process.wait()
        try:
            reply = self.execute(server, "insert into t values (1)")
            self.assert_failure(reply, 504, "DatabaseUnavailableException", "try again")
            self.assertEqual(server.get("/readyz").status, 503)
            self.assertEqual(server.get("/livez").status, 200)
        finally:
            self.postgres.start()
        deadline = time.monotonic() + 60
        while server.get("/readyz").status != 200:
            self.assertLess(time.monotonic(), deadline, server.output)
            time.sleep(0.1)
        self.assertEqual(self.execute(server, "insert into t values (1)").status, 200)
        reply = self.execute(server, "select 1", transactionId=begun)
        self.assert_failure(reply, 400, "DatabaseErrorException", "SQLState: ")
        reply = self.execute(server, "select 1", transactionId=begun)
        self.assert_failure(reply, 404, "TransactionNotFoundException")

    def test_a_lost_connection_says_that_nobody_knows(self):
        server = self.gateway()
        self.assertEqual(self.execute(server, "create table t (id int)").status, 200)
        kill = ("select pg_terminate_backend(pid) from pg_stat_activity where pid <> "
                "pg_backend_pid() and application_name = 'hunt data-api'")
        begun = self.call(server, "/BeginTransaction", {}).json["transactionId"]
        left = kill.replace("pg_terminate_backend(pid)", "count(*)")
        self.postgres.psql(kill, self.database)
        deadline = time.monotonic() + 30
        while self.postgres.psql(left, self.database).stdout != "0\n":  # they need a moment
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        reply = self.execute(server, "insert into t values (1)", transactionId=begun)
        self.assertEqual((reply.status, reply.headers["x-amzn-ErrorType"]),
                         (400, "DatabaseErrorException"), reply)
        self.assertEqual(self.execute(server, "insert into t values (2)").status, 200)
        reply = self.execute(server, "select 1", transactionId=begun)
        self.assert_failure(reply, 404, "TransactionNotFoundException")

    def test_wrong_flags_and_files_are_told(self):
        run = self.hunt("data-api", "--keys", self.keys)
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "--store", "--resource")
        run = self.hunt("data-api", "--keys", self.keys, "--resource", "x=y")
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "ARN=postgres://")
        wrong = {**KEYS, "access_keys": [{"id": "A", "secrt": "hush"}]}
        self.keys.write_text(json.dumps(wrong))
        run = self.hunt("data-api", "--keys", self.keys, "--store", self.store)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "access_keys[0]", 'did you mean "secret"')
        self.assertNotIn("hush", run.stderr)
        run = self.hunt("data-api", "--keys", self.folder / "none", "--store", self.store)
        self.assert_exit(run, 1)


if __name__ == "__main__":
    unittest.main()
