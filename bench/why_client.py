"""The client whose waiting decides: sends batches by a schedule, whatever the answers do, and knows
how long each took and each claim until it was told.

All of the load, so that who is asked knows of the same waits: 1,500 walkers near loot and far from
it, one in twenty steps a dig, asked over NATS (`ask`), stored (`stored`), over HTTP (`http`), or in
a WebSocket (`ws`). Small batches, so that there are many: a tail of a few is chance. Its tail is
made as `hunt why` makes its own: the mean of the slowest hundredth and of five at least, of what
ended in a window or waits at its end.
"""
import json
import math
import random
import re
import select
import socket
import threading
import time
import uuid
from collections import defaultdict

from web_socket import WebSocket
from why_machine import put_first

WALKERS = 1_500
BATCH = 10
KEPT_SECONDS = 60
WINDOW_SECONDS = 9  # and what has begun of the next one
TAKEN_MAX = 40_000  # of asks, whose taker is known
# A claim that nothing was told of is asked again, and that ask waits for its end. Over NATS another
# orchestrator may take it, and make a claim of its own of it: so when the first has given up.
ASK_AGAIN_SECONDS = {"ask": 6.0, "http": 0.02, "ws": 0.02}
AGAIN_EVERY_SECONDS = 0.1
AGAIN_MAX = 50
CONNECTIONS_MAX = 256  # of HTTP, for each server; who finds none sends later, and that counts
TAIL_MIN = 5
WORLD_LOW, WORLD_HIGH = -2048, 2047


def tail_of(seconds):
    """Mean of the slowest hundredth; None when there are none."""
    slowest = sorted(seconds, reverse=True)[:max(TAIL_MIN, len(seconds) // 100)]
    return sum(slowest) / len(slowest) if slowest else None


class Walkers:
    """Players who walk on; seven of eight begin near loot."""

    def __init__(self, seed, loot):
        self.random = random.Random(seed)
        self.loot = loot
        self.ids = [str(uuid.UUID(int=self.random.getrandbits(128))) for _ in range(WALKERS)]
        self.places = [self._begin() for _ in range(WALKERS)]
        self.ways = [self._way() for _ in range(WALKERS)]
        self.next = 0

    def _begin(self):
        if self.random.random() < 1 / 8:
            return tuple(self.random.randint(WORLD_LOW, WORLD_HIGH) for _ in "xy")
        x, y = self.random.choice(self.loot)
        return self._inside(x + self.random.randint(-20, 20), y + self.random.randint(-20, 20))

    def _way(self):
        return tuple(self.random.choice((-1, 0, 1)) for _ in "xy")

    @staticmethod
    def _inside(*place):
        return tuple(max(WORLD_LOW, min(WORLD_HIGH, at)) for at in place)

    def batch(self, count):
        positions = []
        for _ in range(count):
            i = self.next = (self.next + 1) % WALKERS
            chance = self.random.random()
            if chance < 1 / 600:
                self.places[i] = self._begin()
            elif chance < 1 / 8:
                self.ways[i] = self._way()
            (x, y), (dx, dy) = self.places[i], self.ways[i]
            self.places[i] = self._inside(x + dx, y + dy)
            positions.append({"player": self.ids[i], "x": self.places[i][0],
                              "y": self.places[i][1],
                              "kind": "dig" if self.random.random() < 1 / 20 else "step"})
        return positions


class HttpLink:
    """Keeps connections to one server and answers with whole replies; one request on each."""

    def __init__(self, port):
        self.port = port
        self.idle, self.busy = [], {}  # busy: socket -> [request number, what came]

    def send(self, number, wait, body):
        """False: no connection is to be had."""
        if not self.idle:
            if len(self.busy) >= CONNECTIONS_MAX:
                return False
            self.idle.append(socket.create_connection(("127.0.0.1", self.port), timeout=2))
        link = self.idle.pop()
        query = f"?wait={wait}" if wait else ""
        head = (f"POST /v1/positions{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        try:
            link.sendall(head.encode() + body)
        except OSError:  # it was idle for too long
            link.close()
            return False
        self.busy[link] = [number, b""]
        return True

    def read(self, link):
        """[(number, body)] of a reply that is complete, else nothing."""
        number, came = self.busy[link]
        try:
            more = link.recv(65536)
        except OSError:
            more = b""
        if not more:
            self.busy.pop(link)
            link.close()
            return [(number, b"")]
        self.busy[link][1] = came = came + more
        head, end, body = came.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: *(\d+)", head, re.I) if end else None
        if size is None or len(body) < int(size.group(1)):
            return []
        self.busy.pop(link)
        self.idle.append(link)
        return [(number, body)]

    def close(self):
        for link in [*self.idle, *self.busy]:
            link.close()


class StreamLink:
    """One WebSocket to one server; any number of requests on it."""

    def __init__(self, port):
        self.stream = WebSocket(port, "/v1/stream", timeout=2)
        self.busy = {self.stream.socket: None}

    def send(self, number, wait, body):
        """True: what the server does not take yet is in line."""
        del wait  # the body has it
        self.stream.send(f'{{"id":{number},{body.decode()[1:]}')
        return True

    def read(self, _socket):
        """[(number, body)] of the answers that have come; who tells of grants tells the bus, too."""
        texts = [self.stream.receive()]
        while self.stream.has_text():
            texts.append(self.stream.receive())
        answers = [(json.loads(text).get("id"), text.encode()) for text in texts]
        return [(number, text) for number, text in answers if isinstance(number, int)]

    def close(self):
        self.stream.close()


LINKS = {"http": HttpLink, "ws": StreamLink}  # the other ways are those of NATS


class Client(threading.Thread):
    """Sends `rate` positions a second from start() to stop(). `hot`: a tile that so many fresh
    players dig in a second (`hot_digs`, at most a batch's worth in each), or None. `takers(inbox)`
    gives for each server the numbers of those asks that have come to it over the bus since it was
    called before.
    """

    def __init__(self, nats, http_ports, path, rate, seed, loot, takers):
        super().__init__(daemon=True)
        self.every_s = BATCH / rate
        self.path, self.hot, self.hot_digs = path, None, 0
        self.hot_due = 0.0
        self.walkers = Walkers(seed, loot)
        # An inbox of its own, by which takers() tells its asks from others.
        self.nats = nats.client(inbox=f"_INBOX.{uuid.uuid4().hex}")
        self.nats.subscribe("hunt.claims.1")
        self.links = [LINKS[path](port) for port in http_ports] if path in LINKS else []
        self.servers = range(len(http_ports))
        self.takers, self.taken = takers, {}  # number -> server
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.count = 0
        self.open, self.ended = {}, []  # number -> (due, positions); (ended, seconds, number)
        # claim -> [due, position, ask again at, number]
        self.claims_open, self.claims_ended = {}, []
        self.again_at = time.monotonic()
        self.told = {}  # claims told before the answer that had found them: when
        self.late = []  # requests that found no connection
        self.refused = self.errors = 0
        self.send_late_s = 0.0
        self.trouble = ""

    def run(self):
        put_first(threading.get_native_id())
        try:
            due = time.monotonic()
            while not self.over.is_set():
                due += self.every_s
                while (left := due - time.monotonic()) > 0:
                    self._read(left)
                self._send(due)
        except (OSError, AssertionError) as error:
            self.trouble = f"{type(error).__name__}: {error}"

    def forget(self):
        """Asks that nobody answers any more, since who had them was ended."""
        with self.lock:
            self.open.clear()
            self.claims_open.clear()

    def stop(self):
        self.over.set()
        self.join()
        self.nats.close()
        for link in self.links:
            link.close()

    def _send(self, due):
        self.count += 1
        positions = self.walkers.batch(BATCH)
        self.hot_due += self.hot_digs * self.every_s if self.hot else 0
        digs = min(BATCH, int(self.hot_due))
        self.hot_due -= digs
        for i in range(digs):
            player = str(uuid.UUID(int=self.walkers.random.getrandbits(128)))
            positions[i] = {"player": player, "x": self.hot[0], "y": self.hot[1], "kind": "dig"}
        self._ask({"world": 1, "positions": positions}, due)
        if self.again_at < due and self.path in ASK_AGAIN_SECONDS:
            self.again_at = due + AGAIN_EVERY_SECONDS
            self._ask_again()

    def _ask_again(self):
        now = time.monotonic()
        with self.lock:
            claims = [one for one in self.claims_open.values() if one[2] <= now][:AGAIN_MAX]
            for one in claims:
                one[2] = now + 5
        # From whom it was asked first: another one would have a claim of its own.
        by_server = defaultdict(list)
        for _, position, _, number in claims:
            by_server[self._server(number) if self.links else None].append(position)
        for server, positions in by_server.items():
            self.count += 1
            while self.links and self._server(self.count) != server:
                self.count += 1
            self._ask({"world": 1, "positions": positions}, now, "terminal")

    def _ask(self, batch, due, wait=None):
        reply_to = f"{self.nats.inbox}.{self.count}"
        with self.lock:
            self.open[self.count] = (due, batch["positions"])
        if wait and self.path != "http":
            batch["wait"] = wait
        if self.path == "ask":
            self.nats.publish("hunt.ask.any", batch, reply_to)
        elif self.path == "stored":
            self.nats.publish("hunt.pos.any", {**batch, "reply_to": reply_to})
        else:
            self._send_link(self.count, wait, json.dumps(batch).encode())
        self.send_late_s = max(self.send_late_s, time.monotonic() - due)

    def _server(self, number):
        """Who was asked, or has taken it from the bus; None: nobody yet."""
        return number % len(self.links) if self.links else self.taken.get(number)

    def _send_link(self, number, wait, body):
        if not self.links[self._server(number)].send(number, wait, body):
            self.late.append((number, wait, body))

    def _read(self, left):
        links = {sock: link for link in self.links for sock in link.busy}
        ready, _, _ = select.select([self.nats.socket, *links], [], [], left)
        for sock in ready:
            if sock in links:
                for reply in links[sock].read(sock):
                    self._answered(*reply)
        if self.nats.socket in ready:
            self.nats.read()
            messages, self.nats.messages = self.nats.messages, []
            for message in messages:
                self._came(message)
        if self.late and ready:
            late, self.late = self.late, []
            for request in late:
                self._send_link(*request)

    def _came(self, message):
        if message.subject == "hunt.claims.1":
            event = message.json
            self._told((event.get("grant") or event["claim"])["claim"])
        else:
            number = message.subject.rpartition(".")[2]
            if number.isdigit():
                self._answered(int(number), message.body)

    def _told(self, claim):
        now = time.monotonic()
        with self.lock:
            self._end_claim(claim, now)

    def _end_claim(self, claim, now):
        known = self.claims_open.pop(claim, None)
        if known is None:
            self.told[claim] = now
        else:
            self.claims_ended.append((now, now - known[0], known[3]))

    def _answered(self, number, body):
        now = time.monotonic()
        outcomes = json.loads(body).get("outcomes") if body else None
        with self.lock:
            due, positions = self.open.pop(number, (None, None))
            if due is None:
                return
            self.ended.append((now, now - due, number))
            if outcomes is None:
                self.errors += 1
                return
            for one, position in zip(outcomes, positions):
                self.refused += one["outcome"] == "busy"
                if one["outcome"] == "found" or self._is_told_later(one):
                    self._found(one["claim"], due, position, now, number)
                elif "claim" in one:
                    self._end_claim(one["claim"], now)
            self._forget(now - KEPT_SECONDS)

    def _is_told_later(self, outcome):
        """Who stores positions may not hear the answer: a grant is over when all are told of it."""
        return (self.path == "stored" and outcome["outcome"] == "granted"
                and not outcome.get("repeat"))

    def _found(self, claim, due, position, now, number):
        told = self.told.pop(claim, None)
        if told is None:
            again_at = now + ASK_AGAIN_SECONDS.get(self.path, 0)
            self.claims_open.setdefault(claim, [due, position, again_at, number])
        else:
            self.claims_ended.append((told, told - due, number))

    def _forget(self, before):
        if len(self.told) > 50_000:
            self.told.clear()
        for ended in (self.ended, self.claims_ended):
            if len(ended) > 20_000:
                ended[:] = [one for one in ended if one[0] > before]

    def _learn_takers(self):
        """Of what was asked last; what comes over the bus to another one as well was taken by that."""
        numbers = [] if self.links else self.takers(self.nats.inbox)
        with self.lock:
            self.taken.update((number, at) for at, of in enumerate(numbers) for number in of)
            for number in list(self.taken)[:-TAKEN_MAX]:
                del self.taken[number]

    @staticmethod
    def _took(ended, waiting, end):
        """(seconds, number) of what ended in the seconds that `hunt why` looks at when its evidence
        is gathered at `end`, by the same clock, or waited then."""
        begin = math.floor(end) - WINDOW_SECONDS
        took = [(seconds, number) for at, seconds, number in ended if begin <= at <= end]
        due = [(at - seconds, number) for at, seconds, number in ended if at > end]
        return took + [(end - at, number) for at, number in due + waiting
                       if end - KEPT_SECONDS < at < end]

    def tails(self, ends):
        """Of batches and of claims: their tail in seconds, that of each server at its moment of
        `ends`, and how many there were. What nobody has taken yet waits for each of them."""
        self._learn_takers()
        with self.lock:
            opened = ([(due, number) for number, (due, _) in self.open.items()],
                      [(due, number) for due, _, _, number in self.claims_open.values()])
            closed = (list(self.ended), list(self.claims_ended))
        out = {}
        for name, waiting, ended in zip(("answers", "claims"), opened, closed):
            of_all = self._took(ended, waiting, ends[0])
            out[name] = {"tail_seconds": tail_of([seconds for seconds, _ in of_all]),
                         "by_server": [tail_of([
                             seconds for seconds, number in self._took(ended, waiting, end)
                             if self._server(number) in (server, None)])
                             for server, end in enumerate(ends)],
                         "count": len(of_all), "open": len(waiting)}
        return out
