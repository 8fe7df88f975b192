"""`--profile-push`: profiles for a Pyroscope, as its documentation wants them, from a server that
does not mind what becomes of them. The target is a fake: a real one is not run here."""
import http.server
import re
import socket
import threading
import time
import unittest
import urllib.parse

from hunt_process import TOKEN, HuntTest, free_port

HOST = "127.0.0.2"  # HuntProcess takes the first address of 127.0.0.1 in a log for the server's


class Target:
    """Keeps what is posted to it."""

    def __init__(self):
        self.posted = []
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One request: its path, its type and its body."""

            def do_POST(self):  # pylint: disable=invalid-name
                """Takes it."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                target.posted.append((self.path, self.headers["Content-Type"], body.decode()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):  # pylint: disable=arguments-differ
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://{HOST}:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class ProfilePush(HuntTest):
    """All at once: a profile takes 15 seconds."""

    def wait_for(self, condition, *processes):
        deadline = time.monotonic() + 90
        while not condition():
            self.assertLess(time.monotonic(), deadline, [one.output for one in processes])
            time.sleep(0.1)

    def test_profiles_are_sent_and_a_target_that_hangs_or_refuses_is_a_line_in_the_log(self):
        target = Target()
        self.addCleanup(target.stop)
        hangs = socket.socket()
        self.addCleanup(hangs.close)
        hangs.bind((HOST, 0))
        hangs.listen()
        urls = [target.url, f"http://{HOST}:{hangs.getsockname()[1]}",
                f"http://{HOST}:{free_port()}"]
        servers = []
        for number, url in enumerate(urls):
            servers.append(self.start("serve", "--store", f"sqlite:{self.folder}/{number}.db",
                                      "--lanes", 1, "--profile-push", url))
        stuck, refused = servers[1], servers[2]
        # Whoever asks has a profile at once, and loses the server none but the one under way.
        reply = servers[0].get("/debug/pprof/profile?seconds=1", token=TOKEN)
        self.assertEqual(200, reply.status, reply)

        self.wait_for(lambda: target.posted, servers[0])
        path, kind, body = target.posted[0]
        parts = urllib.parse.urlsplit(path)
        query = {key: value for key, (value,) in urllib.parse.parse_qs(parts.query).items()}
        self.assertEqual("/ingest", parts.path)
        self.assertRegex(query.pop("name"), rf"^hunt\.cpu{{instance=.*:{servers[0].port}}}$")
        seconds = int(query.pop("until")) - int(query.pop("from"))
        self.assertTrue(0 <= seconds <= 60, path)
        self.assertEqual({"format": "folded", "sampleRate": "99", "spyName": "hunt",
                          "units": "samples", "aggregationType": "sum"}, query)
        self.assertEqual("text/plain", kind)
        for line in body.splitlines():
            self.assertTrue(re.fullmatch(r"[^#].* \d+", line), line)

        self.wait_for(lambda: "a profile was lost" in stuck.output, stuck)
        self.wait_for(lambda: "a profile was lost" in refused.output, refused)
        self.assertEqual(200, stuck.get("/readyz").status)
        for server in servers:
            begun = time.monotonic()
            self.assertEqual(0, server.stop(), server.output)
            self.assertLess(time.monotonic() - begun, 30)

    def test_what_is_no_server_is_refused(self):
        for url in ("https://pyroscope:4040", "pyroscope", "http://pyroscope:4040/ingest",
                    "http://"):
            run = self.hunt("serve", "--store", self.store, "--profile-push", url)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, "profile-push", "http://HOST:PORT")


if __name__ == "__main__":
    unittest.main()
