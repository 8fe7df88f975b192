"""TCP gates before servers: bytes pass later, slower, in fits, or not at all.

Run as a program it is one process with all gates of a fleet, told what to do by a line of JSON on
its standard input and answering with one: {"add": NAME, "target": PORT, "seed": N} gives {"port"},
{"set": NAME, ...} changes what a gate does, {"noted": NAME, "of": WORD} gives the numbers N of all
"WORD.N" that came since it was asked before, {"cpu": true} the CPU seconds that the process has
had. Gates is the other end of that pipe. Not a model of TCP: what is held back is acknowledged
by the kernel, as by a router with a large buffer; a reader too far ahead is not read from.
"""
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from why_machine import put_first

HELD_BYTES_MAX = 256 * 1024  # of one way; a narrow link fills it, then the sender waits
CHUNK_BYTES = 64 * 1024
NARROW_CHUNK_BYTES = 4 * 1024  # so that a narrow link is shared fairly
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset
RETRY_SECONDS = 0.002
NOTED_BYTES_MAX = 100  # of a word with its number


class Gate:
    """`delay_s` of each way; `bytes_per_second` of each way, all connections together; `closed`:
    nothing passes and nobody is told; every `reset_every_s` or so all connections are reset."""

    def __init__(self, target, seed):
        self.target = target
        self.random = random.Random(seed)
        self.delay_s = 0.0
        self.bytes_per_second = 0
        self.closed = False
        self.reset_every_s = 0.0
        self.reset_at = 0.0
        self.free_at = {}  # by direction: when the link has sent all that was given to it
        self.ways = set()
        self.noted_word, self.noted = None, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.setblocking(False)

    def set(self, **what):
        for name, value in what.items():
            setattr(self, name, value)
        if "reset_every_s" in what:
            self.reset_at = time.monotonic()
        if "bytes_per_second" in what:
            self.free_at.clear()
            for way in self.ways:  # what the narrow link would still have held
                way.held = deque((0.0, data) for _, data in way.held)

    def noted_since(self, word):
        """Nothing yet where it is another word than before."""
        word = re.compile(re.escape(word.encode()) + rb"\.(\d+)\D")
        noted = self.noted if word == self.noted_word else []
        self.noted_word, self.noted = word, []
        return noted

    def note(self, way, data):
        if self.noted_word is None:
            return
        data = way.end + data
        way.end = data[-NOTED_BYTES_MAX:]
        self.noted += [int(number) for number in self.noted_word.findall(data)]


class Way:
    """From one socket to the other, in order."""

    def __init__(self, gate, source, target, outwards):
        self.gate, self.source, self.target, self.outwards = gate, source, target, outwards
        self.held = deque()  # (when it may leave, bytes; empty: the end)
        self.held_bytes = 0
        self.reading = True
        self.other = None
        self.end = b""  # what came last of it, where words are noted: one may come in two parts

    def take(self, now):
        """Reads once."""
        gate = self.gate
        data = self.source.recv(NARROW_CHUNK_BYTES if gate.bytes_per_second else CHUNK_BYTES)
        gate.note(self, data)
        due = now
        if gate.bytes_per_second:
            due = max(now, gate.free_at.get(self.outwards, 0.0)) + len(data) / gate.bytes_per_second
            gate.free_at[self.outwards] = due
        self.held.append((due + gate.delay_s, data))
        self.held_bytes += len(data)

    def give(self, now):
        """Sends what may leave. False: it was the end."""
        while self.held and self.held[0][0] <= now and not self.gate.closed:
            due, data = self.held[0]
            if not data:
                return False
            sent = self.target.send(data)
            self.held_bytes -= sent
            if sent < len(data):
                self.held[0] = (due, data[sent:])
                return True
            self.held.popleft()
        return True


class Loop:
    """All gates on one thread."""

    def __init__(self):
        self.gates = {}
        self.poll = select.epoll()
        self.by_fd = {}  # a listener's gate, or a socket's way
        self.waiting = set()
        self.commands = b""
        self.poll.register(0, select.EPOLLIN)
        os.set_blocking(0, False)

    def run(self):
        while True:
            now = time.monotonic()
            for fd, _ in self.poll.poll(self.seconds_to_next(now)):
                if fd == 0:
                    if not self.obey():
                        return
                else:
                    self.serve(fd)
            now = time.monotonic()
            for way in list(self.waiting):
                if way in self.waiting:
                    self.send(way, now)
            for gate in self.gates.values():
                if gate.reset_every_s and now >= gate.reset_at:
                    gate.reset_at = now + gate.reset_every_s * gate.random.uniform(0.5, 1.5)
                    for way in list(gate.ways):
                        self.close(way, reset=True)

    def seconds_to_next(self, now):
        dues = [RETRY_SECONDS + max(now, way.held[0][0]) if way.gate.closed or way.held[0][0] <= now
                else way.held[0][0] for way in self.waiting]
        dues += [gate.reset_at for gate in self.gates.values() if gate.reset_every_s]
        return max(0.0, min(dues, default=now + 1) - now)

    def obey(self):
        more = os.read(0, 65536)
        self.commands += more
        while b"\n" in self.commands:
            line, _, self.commands = self.commands.partition(b"\n")
            print(json.dumps(self.answer(json.loads(line))), flush=True)
        return bool(more)

    def answer(self, command):
        if "add" in command:
            gate = self.gates[command["add"]] = Gate(command["target"], command["seed"])
            self.by_fd[gate.listener.fileno()] = gate
            self.poll.register(gate.listener.fileno(), select.EPOLLIN)
            return {"port": gate.listener.getsockname()[1]}
        if "set" in command:
            self.gates[command.pop("set")].set(**command)
            return {}
        if "noted" in command:
            return {"numbers": self.gates[command["noted"]].noted_since(command["of"])}
        return {"cpu": time.process_time()}

    def serve(self, fd):
        at = self.by_fd.get(fd)
        if isinstance(at, Gate):
            self.accept(at)
        elif at is not None:
            now = time.monotonic()
            try:
                at.take(now)
            except BlockingIOError:
                return
            except OSError:
                self.close(at, reset=True)
                return
            self.send(at, now)

    def accept(self, gate):
        here, _ = gate.listener.accept()
        try:
            there = socket.create_connection(("127.0.0.1", gate.target), timeout=1)
        except OSError:
            here.close()
            return
        for one in (here, there):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        out, back = Way(gate, here, there, True), Way(gate, there, here, False)
        out.other, back.other = back, out
        for way in (out, back):
            gate.ways.add(way)
            self.by_fd[way.source.fileno()] = way
            self.poll.register(way.source.fileno(), select.EPOLLIN)

    def send(self, way, now):
        try:
            if not way.give(now):
                self.close(way)
                return
        except BlockingIOError:
            pass
        except OSError:
            self.close(way, reset=True)
            return
        (self.waiting.add if way.held else self.waiting.discard)(way)
        ended = bool(way.held) and not way.held[-1][1]
        reading = way.held_bytes < HELD_BYTES_MAX and not ended
        if reading != way.reading:
            way.reading = reading
            self.poll.modify(way.source.fileno(), select.EPOLLIN if reading else 0)

    def close(self, way, reset=False):
        for one in (way, way.other):
            self.waiting.discard(one)
            one.gate.ways.discard(one)
            if self.by_fd.pop(one.source.fileno(), None) is None:
                continue
            self.poll.unregister(one.source.fileno())
            if reset:
                one.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.source.close()


class Gates:
    """The process with the gates, from outside."""

    def __init__(self, seed):
        self.process = subprocess.Popen(
            [sys.executable, "-B", Path(__file__).resolve()], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True)
        put_first(self.process.pid)
        self.random = random.Random(seed)
        self.lock = threading.Lock()

    def _ask(self, **command):
        with self.lock:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def add(self, name, port):
        """The port of the gate before `port`."""
        return self._ask(add=name, target=port, seed=self.random.getrandbits(32))["port"]

    def set(self, names, **what):
        for name in names:
            self._ask(set=name, **what)

    def noted(self, name, word):
        """The numbers N of all "WORD.N" that came to a gate since it was asked before."""
        return self._ask(noted=name, of=word)["numbers"]

    def cpu_seconds(self):
        return self._ask(cpu=True)["cpu"]

    def stop(self):
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    Loop().run()
