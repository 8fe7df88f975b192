"""A player's view of a fault: a dig in each shard ten times a second over hunt.pos, timed.

Not load. A probe that is not answered stays so: only the crowd's positions are sent again.
"""
import threading
import time
import uuid

EVERY_SECONDS = 0.1
SLOW_SECONDS = 0.25
QUIET_SECONDS = 2.0


class Prober(threading.Thread):
    """Runs until stop(). `tiles`: one with more loot than there are probes, of each shard."""

    def __init__(self, nats, tiles):
        super().__init__(daemon=True)
        self.nats, self.tiles = nats, tiles
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.sent, self.answered = [], {}  # when sent; by number, when answered
        self.client = None

    def run(self):
        due = time.monotonic()
        while not self.over.is_set():
            due += EVERY_SECONDS
            self._probe()
            self._read(due)

    def stop(self):
        self.over.set()
        self.join()

    def _probe(self):
        with self.lock:
            number = len(self.sent)
            self.sent.append(time.monotonic())
        try:
            if self.client is None:
                self.client = self.nats.client()
                self.client.subscribe("probe.*")
            positions = [{"player": str(uuid.uuid4()), "x": x, "y": y, "kind": "dig"}
                         for x, y in self.tiles]
            self.client.publish("hunt.pos.any", {
                "world": 1, "positions": positions, "reply_to": f"probe.{number}"})
        except (OSError, AssertionError):
            self._lose()

    def _read(self, until):
        while (left := until - time.monotonic()) > 0:
            if self.client is None:
                time.sleep(left)
                return
            try:
                self.client.read(left)
            except (OSError, AssertionError):
                self._lose()
                continue
            now = time.monotonic()
            with self.lock:
                for message in self.client.messages:
                    if not message.subject.startswith("probe."):
                        continue
                    outcomes = message.json.get("outcomes", [])
                    if outcomes and all(one["outcome"] == "granted" for one in outcomes):
                        self.answered[int(message.subject.rpartition(".")[2])] = now
                self.client.messages.clear()

    def _lose(self):
        if self.client is not None:
            self.client.close()
        self.client = None

    def _took(self, number):
        """Seconds from sending to the grant of its digs; None: no such answer."""
        answered = self.answered.get(number)
        return None if answered is None else answered - self.sent[number]

    def quiet_since(self, moment):
        """The first time from `moment` on after which answers were quick for QUIET_SECONDS, or
        None while there is none."""
        with self.lock:
            start = moment
            for number, sent in enumerate(self.sent):
                if sent < moment:
                    continue
                took = self._took(number)
                if took is None or took > SLOW_SECONDS:
                    # What is on its way for a moment only is not late.
                    if took is None and time.monotonic() - sent < SLOW_SECONDS:
                        break
                    start = sent + EVERY_SECONDS
                if sent - start >= QUIET_SECONDS:
                    return start
            return None

    def between(self, begin, end):
        """(probes, never answered, the slowest answer in seconds) of those sent meanwhile."""
        with self.lock:
            took = [self._took(number) for number, sent in enumerate(self.sent)
                    if begin <= sent < end]
        answers = [one for one in took if one is not None]
        return len(took), len(took) - len(answers), max(answers, default=0.0)
