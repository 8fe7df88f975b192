"""An open-loop load over any number of connections, on one thread: each job begins when it is due,
whether or not those before it have ended, and its time counts from then.

A job is a generator: it yields the bytes of a request and is sent the answer. Two wires are known:
HTTP with Content-Length, and PostgreSQL's. Not a model of a network: a delay is a gate's
(why_gates.py), but for the round trip of a handshake, which no gate can delay and which is waited
for here.
"""
import heapq
import re
import select
import socket
import struct
import time
from collections import deque

LENGTH = re.compile(rb"content-length: *(\d+)", re.I)


class Http:
    """Answers as (status, body)."""

    @staticmethod
    def login(_link):
        pass

    @staticmethod
    def answer(data):
        """None while it is not whole."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        size = int(LENGTH.search(data, 0, end + 2).group(1))
        if len(data) < end + 4 + size:
            return None
        return int(data[9:12]), bytes(data[end + 4:])


class Postgres:
    """Answers as the bytes up to ReadyForQuery. Trusted, without TLS."""

    def __init__(self, user, database):
        words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database))
        body = struct.pack("!i", 196608) + words + b"\0"
        self.hello = struct.pack("!i", len(body) + 4) + body

    def login(self, link):
        link.sendall(self.hello)
        data = b""
        while self.answer(data) is None:
            more = link.recv(65536)
            if not more:
                raise ConnectionError(f"PostgreSQL lets nobody in: {data!r}")
            data += more

    @staticmethod
    def answer(data):
        return bytes(data) if data[-6:-1] == b"Z\0\0\0\x05" else None


def postgres_call(sql):
    """Parse, bind, describe, execute, sync: as libpq sends a statement without parameters."""
    def message(kind, body):
        return kind + struct.pack("!i", len(body) + 4) + body
    return (message(b"P", b"\0" + sql.encode() + b"\0\0\0") + message(b"B", b"\0\0\0\0\0\0\0\0")
            + message(b"D", b"P\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b""))


class Drive:
    """`fresh`: a connection for each job; else at most `links_max`, which are kept."""

    def __init__(self, port, wire, links_max, fresh=False, handshake_s=0.0):
        self.port, self.wire, self.links_max = port, wire, links_max
        self.fresh, self.handshake_s = fresh, handshake_s
        self.connects = 0
        self.poll = select.epoll()
        self.idle, self.busy = [], {}  # busy: fd -> [link, job, due, what came]
        self.later = []  # (when, number, entry): of handshakes
        self.waiting = deque()
        self.seconds, self.dues, self.failed, self.why = [], [], 0, ""  # why: the last one failed

    def close(self):
        for link in [*self.idle, *(entry[0] for entry in self.busy.values())]:
            link.close()
        self.poll.close()

    def run(self, jobs, give_up_s=60):
        """`jobs`: (due, generator) in order. Returns when all have ended."""
        jobs = deque(jobs)
        end = time.monotonic() + give_up_s + (jobs[-1][0] - jobs[0][0] if jobs else 0)
        while jobs or self.busy or self.waiting or self.later:
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f"{len(self.busy)} jobs had no answer in {give_up_s} s")
            while self.later and self.later[0][0] <= now:
                self.begin(heapq.heappop(self.later)[2])
            while jobs and jobs[0][0] <= now:
                self.take(*jobs.popleft())
            due = min(jobs[0][0] if jobs else now + 1,
                      self.later[0][0] if self.later else now + 1)
            for fd, _ in self.poll.poll(max(0.0, due - time.monotonic())):
                self.read(fd)

    def take(self, due, job):
        if self.idle:
            return self.begin([self.idle.pop(), job, due, bytearray()])
        if not self.fresh and self.links() >= self.links_max:
            return self.waiting.append((due, job))
        entry = [self.connect(), job, due, bytearray()]
        if self.handshake_s == 0:
            return self.begin(entry)
        at = time.monotonic() + self.handshake_s
        return heapq.heappush(self.later, (at, self.connects, entry))

    def connect(self):
        link = socket.create_connection(("127.0.0.1", self.port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire.login(link)
        link.setblocking(False)
        self.poll.register(link.fileno(), select.EPOLLIN)
        self.connects += 1
        return link

    def connect_ahead(self, count):
        self.idle.extend(self.connect() for _ in range(count))

    def links(self):
        return len(self.idle) + len(self.busy) + len(self.later)

    def begin(self, entry):
        self.busy[entry[0].fileno()] = entry
        self.go_on(entry, None)

    def go_on(self, entry, answer):
        link, job, due, _ = entry
        try:
            entry[3] = bytearray()
            link.send(job.send(answer))  # small: it fits
        except StopIteration:
            self.seconds.append(time.monotonic() - due)
            self.dues.append(due)
            self.end(entry)
        except (AssertionError, OSError) as error:
            self.failed += 1
            self.why = repr(error)
            self.end(entry, broken=True)

    def end(self, entry, broken=False):
        link = entry[0]
        del self.busy[link.fileno()]
        if broken or self.fresh:
            link.close()  # epoll forgets it
        else:
            self.idle.append(link)
        if self.waiting:
            self.take(*self.waiting.popleft())

    def read(self, fd):
        entry = self.busy.get(fd)
        if entry is None:  # the server ends one that is idle
            gone = [link for link in self.idle if link.fileno() == fd]
            self.idle = [link for link in self.idle if link not in gone]
            for link in gone:
                link.close()
            return
        try:
            more = entry[0].recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.failed += 1
            self.end(entry, broken=True)
            return
        entry[3] += more
        answer = self.wire.answer(entry[3])
        if answer is not None:
            self.go_on(entry, answer)

    def forget(self):
        """What was a warm-up."""
        self.seconds.clear()
        self.dues.clear()

    def in_order(self):
        """Their times, the first that was due first."""
        return [took for _, took in sorted(zip(self.dues, self.seconds))]


def quantile(seconds, share):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
