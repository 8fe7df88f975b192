"""Four ways to grant a claim over a network, for data_api.py: what each asks, and how often.

`connect` and `kept` are programs as people write them for a Data API: look whether there is loot
left, write the grant down, each claim in a transaction of its own. `batched` is `hunt serve` over
`hunt data-api`, `native` is `hunt serve` over postgres://, whose calls libpq pipelines.
"""
import json
import random
import re
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
from hunt_process import HuntProcess, clean_environment, free_port
from nats_process import NatsServer
from postgres_process import PostgresServer
import sigv4
from data_api_drive import Drive, Http, quantile
from why_gates import Gates

RESOURCE = "arn:aws:rds:eu-north-1:000000000000:cluster:hunt"
SECRET = "arn:aws:secretsmanager:eu-north-1:000000000000:secret:hunt"
KEY_ID, KEY = "AKIDBENCH", "a-key-of-the-benchmark-only"
AWS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_REGION": "eu-north-1"}
CONNECTIONS = 60  # of the gateway: a transaction holds one for as long as its four requests take
LINKS = 60
HTTP_HEAD = {"host": "127.0.0.1", "content-type": "application/json"}
TILES = [(x * 40, y * 40) for x in range(8) for y in range(8)]
WAYS = {
    "connect": "connect, begin, select, insert, commit for each claim",
    "kept": "the same on kept connections",
    "batched": "hunt serve over hunt data-api: claims together in one call",
    "native": "hunt serve over postgres://: the same call, pipelined",
}


def http_request(method, path, headers, body):
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()),
             f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def api_request(path, body):
    data = json.dumps({"resourceArn": RESOURCE, "secretArn": SECRET, **body}).encode()
    headers = {"host": "gateway", "content-type": "application/json"}
    return http_request("POST", path, sigv4.sign("POST", path, data, headers, KEY_ID, KEY), data)


def body_of(answer):
    status, body = answer
    assert status == 200, body
    return json.loads(body)


class Hunt:
    """A database, a bus of its own, and a relay between them."""

    def __init__(self, site, name, *relay_words):
        self.site, self.name = site, name
        self.url = site.postgres.make_database(name)
        folder = site.folder / name
        folder.mkdir()
        self.nats = NatsServer(folder)
        self.relay = site.spawn("relay", "--bus", self.nats.url, "--store", self.url, *relay_words,
                                listen=False)
        end = time.monotonic() + 60
        while "tells the changes" not in self.relay.output:
            if time.monotonic() > end:
                raise SystemExit(f"the relay does not start:\n{self.relay.output}")
            time.sleep(0.05)

    def store_over(self, port):
        return (f"data-api+http://127.0.0.1:{port}?resource={RESOURCE}&secret={SECRET}"
                f"&database={self.name}")

    def serve(self, store, *words):
        return self.site.spawn("serve", "--bus", self.nats.url, "--store", store,
                               *words).wait_ready()

    def close(self):
        self.relay.kill()
        self.nats.kill()


class Site:
    """PostgreSQL, a gateway, a hunt, and a gate before each of the first two."""

    def __init__(self, folder):
        self.folder = folder
        self.postgres = PostgresServer()
        self.processes, self.hunts = [], []
        self.gates = Gates(seed=1)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.postgres.psql("ALTER SYSTEM SET max_connections = 200", database="postgres")
        self.postgres.crash()
        self.postgres.start()
        self.keys = self.folder / "keys.json"
        self.keys.write_text(json.dumps({"access_keys": [{"id": KEY_ID, "secret": KEY}],
                                         "secrets": [{"arn": SECRET, "user": "hunt"}]}))
        self.keys.chmod(0o600)
        hunt = self.hunt("hunt")
        self.gateway = self.spawn("data-api", "--store", hunt.url, "--keys", self.keys, "--listen",
                                  f"127.0.0.1:{free_port()}", "--connections", CONNECTIONS,
                                  listen=False).wait_ready()
        self.api_port = self.gates.add("api", self.gateway.port)
        self.postgres_port = self.gates.add("postgres", self.postgres.port)
        self.postgres.psql(
            "CREATE TABLE bench_loot (tile bigint PRIMARY KEY, remaining bigint NOT NULL);"
            "INSERT INTO bench_loot SELECT n, 1000000 FROM generate_series(0, 9999) n;"
            "CREATE TABLE bench_grants (tile bigint, player uuid, PRIMARY KEY (tile, player))")

    def spawn(self, *words, **more):
        process = HuntProcess(self.folder, *words, env=clean_environment(**AWS), **more)
        self.processes.append(process)
        return process

    def hunt(self, name, *relay_words):
        self.hunts.append(Hunt(self, name, *relay_words))
        return self.hunts[-1]

    def delay(self, added_ms):
        """Of a round trip."""
        self.gates.set(["api", "postgres"], delay_s=added_ms / 2_000)

    def requests(self):
        """That the gateway has answered."""
        text = self.gateway.get("/metrics").body.decode()
        return sum(map(int, re.findall(r"^hunt_data_api_requests_total\{.*\} (\d+)$", text, re.M)))

    def close(self):
        for process in reversed(self.processes):
            process.kill()
        for hunt in self.hunts:
            hunt.close()
        self.gates.stop()
        self.postgres.remove()


def chain(source):
    """A claim as four requests."""
    tile, player = source.randrange(10_000), str(uuid.UUID(int=source.getrandbits(128)))
    by_tile = {"name": "tile", "value": {"longValue": tile}}
    answer = yield api_request("/BeginTransaction", {})
    within = {"transactionId": body_of(answer)["transactionId"]}
    answer = yield api_request("/Execute", {
        **within, "sql": "SELECT remaining FROM bench_loot WHERE tile = :tile",
        "parameters": [by_tile]})
    assert body_of(answer)["records"][0][0]["longValue"] > 0
    answer = yield api_request("/Execute", {
        **within, "sql": "INSERT INTO bench_grants VALUES (:tile, :player) ON CONFLICT DO NOTHING",
        "parameters": [by_tile, {"name": "player", "typeHint": "UUID",
                                 "value": {"stringValue": player}}]})
    body_of(answer)
    answer = yield api_request("/CommitTransaction", within)
    body_of(answer)


def dig(source, again_s=0.0):
    """A claim as a game server asks for it; where it is told to come again, at once."""
    tile = source.choice(TILES)
    player = str(uuid.UUID(int=source.getrandbits(128)))
    body = json.dumps({"world": 1, "positions": [{"player": player, "x": tile[0], "y": tile[1],
                                                  "kind": "dig"}]}).encode()
    end = time.monotonic() + again_s
    while True:
        status, answer = yield http_request("POST", "/v1/positions?wait=terminal",
                                            HTTP_HEAD, body)
        outcome = json.loads(answer)["outcomes"][0]["outcome"] if status == 200 else str(status)
        if outcome == "granted":
            return
        assert time.monotonic() < end, answer


def schedule(rate, count, make, source, begin=None):
    """Jobs that are due at random, `rate` a second."""
    due = time.monotonic() + 0.05 if begin is None else begin
    for _ in range(count):
        yield due, make()
        due += source.expovariate(rate)


def bury(server):
    reply = server.bury([{"x": x, "y": y, "table": "starlight", "budget": 1_000_000}
                         for x, y in TILES])
    if reply.status != 200:
        raise SystemExit(f"no loot was buried: {reply}")


def grant_calls(server):
    time.sleep(0.5)  # its figures are a tenth of a second old
    text = server.get("/metrics").body.decode()
    return int(float(re.search(r"^hunt_store_grant_seconds_count (\S+)$", text, re.M).group(1)))


def row(way, added_ms, drive, round_trips, count):
    return {"way": way, "added_ms": added_ms, "claims": count, "failed": drive.failed,
            "p50_ms": 1e3 * quantile(drive.seconds, 0.5),
            "p99_ms": 1e3 * quantile(drive.seconds, 0.99),
            "max_ms": 1e3 * max(drive.seconds, default=float("nan")),
            "round_trips_a_claim": round_trips / count}


def run_chain(site, way, added_ms, rate, count):
    source = random.Random(f"{way} {added_ms}")
    site.delay(added_ms)
    drive = Drive(site.api_port, Http(), LINKS, fresh=way == "connect",
                  handshake_s=added_ms / 1_000)
    before = site.requests()
    drive.run(schedule(rate, count, lambda: chain(source), source))
    asked = site.requests() - before
    connects = drive.connects
    drive.close()
    return row(way, added_ms, drive, asked + connects, count)


def run_serve(server, site, way, added_ms, rate, count):
    source = random.Random(f"{way} {added_ms}")
    site.delay(added_ms)
    drive = Drive(server.port, Http(), LINKS)
    drive.run(schedule(rate, LINKS, lambda: dig(source, 10), source))  # connects, and loads chunks
    if drive.failed:
        raise SystemExit(f"{way}: {drive.failed} claims failed, the last with {drive.why}")
    drive.forget()
    before = grant_calls(server)
    drive.run(schedule(rate, count, lambda: dig(source), source))
    drive.close()
    return row(way, added_ms, drive, grant_calls(server) - before, count)


def measure(site, delays_ms, rate, count, say):
    """A row for each way and delay."""
    rows, buried = [], False
    for way in WAYS:
        server = None
        site.delay(0)
        if way in ("batched", "native"):
            hunt = site.hunts[0]
            native = f"postgres://hunt@127.0.0.1:{site.postgres_port}/hunt"
            server = hunt.serve(native if way == "native" else hunt.store_over(site.api_port))
            if not buried:
                bury(server)
            buried = True
        for added_ms in delays_ms:
            rows.append(run_serve(server, site, way, added_ms, rate, count) if server else
                        run_chain(site, way, added_ms, rate, count))
            one = rows[-1]
            say(f"{way:<8} +{added_ms:>2} ms  p50 {one['p50_ms']:8.1f} ms  p99 {one['p99_ms']:8.1f}"
                f" ms  {one['round_trips_a_claim']:.2f} round trips a claim")
        if server:
            server.stop()
    site.delay(0)
    return rows
