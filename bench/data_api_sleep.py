"""The first position after an idle hour, for data_api.py: with a database that sleeps.

The front before the gateway does what Aurora does when it has paused: it answers
DatabaseResumingException until so many seconds after the first request, then it passes requests on.
Nobody waits for an hour here: it is put to sleep by hand.
"""
import datetime
import http.client
import http.server
import random
import threading
import time

from data_api_drive import Drive, Http, quantile
from data_api_ways import LINKS, bury, dig, schedule

from data_api_front import PassesOn

OPENS_IN_S = 45  # more than the longest resume, and within the 90 s of the wake-up
STARFALL = ("event: starfall\nstarts: {starts}\n"
            "tables: {{starlight: [{{item: lantern, weight: 1}}]}}\n")


class Front(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Passes)
        self.target = target
        self.lock = threading.Lock()
        self.resume_s, self.awake_at = 0.0, 0.0  # awake_at None: asleep, and nobody has asked
        self.resuming = 0  # answers that said so
        self.links = threading.local()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def sleep(self, resume_s):
        with self.lock:
            self.resume_s, self.awake_at = resume_s, None

    def is_awake(self):
        with self.lock:
            if self.awake_at is None:
                self.awake_at = time.monotonic() + self.resume_s
            awake = time.monotonic() >= self.awake_at
            self.resuming += not awake
            return awake

    def handle_error(self, request, client_address):
        pass  # clients that go


class Passes(PassesOn):
    there = None

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.body()
        if not self.server.is_awake():
            return self.answer(400, b'{"message":"The database is resuming"}',
                               "DatabaseResumingException")
        if self.there is None:
            self.there = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        return self.answer(*self.pass_on(self.there, body))

    def finish(self):
        if self.there is not None:
            self.there.close()
        super().finish()


def first_digs(server, front, begin, rate, count):
    """The first and the thousandth from `begin` on, and whether anybody met a database asleep."""
    source = random.Random(begin)
    drive = Drive(server.port, Http(), LINKS)
    drive.connect_ahead(8)  # as game servers have them
    met = front.resuming
    jobs = schedule(rate, count, lambda: dig(source, 60), source, begin)
    drive.run(jobs, give_up_s=90)
    drive.close()
    ordered = drive.in_order()
    return {"first_ms": 1e3 * ordered[0], "thousandth_ms": 1e3 * ordered[-1],
            "p50_ms": 1e3 * quantile(ordered, 0.5), "p99_ms": 1e3 * quantile(ordered, 0.99),
            "positions": count, "failed": drive.failed, "met_asleep": front.resuming - met}


def measure_one(site, resume_s, wake_up, rate, count, opens_in_s):
    """A hunt of its own, whose loot was buried before the idle hour."""
    name = f"sleep{int(resume_s * 1000)}{'up' if wake_up else 'not'}"
    hunt = site.hunt(name)
    front = Front(site.gateway.port)
    store = hunt.store_over(front.port)
    burier = hunt.serve(store)
    bury(burier)
    burier.stop()
    try:
        if not wake_up:
            server = hunt.serve(store)
            front.sleep(resume_s)
            begin = time.monotonic()
        else:
            opens = datetime.datetime.now(datetime.timezone.utc) \
                + datetime.timedelta(seconds=opens_in_s)
            opens = opens.replace(microsecond=0)
            rules = site.folder / f"{name}.yaml"
            rules.write_text(STARFALL.format(starts=f"{opens:%Y-%m-%dT%H:%M:%SZ}"))
            front.sleep(resume_s)
            server = hunt.serve(store, "--rules", rules)
            left = (opens - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
            if left < 1:
                raise SystemExit("the event opened before the server was ready; give more time")
            begin = time.monotonic() + left + 0.05
        asked_before = front.resuming
        result = first_digs(server, front, begin, rate, count)
        server.stop()
        return {"resume_s": resume_s, "wake_up": wake_up, "met_before": asked_before, **result}
    finally:
        hunt.close()
        front.shutdown()


def measure(site, resumes_s, rate, count, say, opens_in_s=OPENS_IN_S):
    rows = []
    for resume_s in resumes_s:
        for wake_up in (False, True):
            one = measure_one(site, resume_s, wake_up, rate, count, opens_in_s)
            rows.append(one)
            say(f"resumes in {resume_s:g} s, {'with' if wake_up else 'without'} the wake-up: first "
                f"{one['first_ms']:.1f} ms, number {count:,} {one['thousandth_ms']:.1f} ms, p50 "
                f"{one['p50_ms']:.1f} ms")
    return rows
