"""What tests of connections and of streams on lanes share: both are lent by the same rules.

Not tests. A client has outcome(number, x, y) and close().
"""
import threading
import time
from pathlib import Path

from hunt_process import HuntTest

BUDGET_TILES = 50
CHUNK_TILES = 32


def switches(server):
    """How often each thread waited for something, by name."""
    count = {}
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                count[name] = int(line.split()[1])
    return count


class LaneCase(HuntTest):
    """Clients that ask over and over."""

    def closed_after(self, client):
        self.addCleanup(client.close)
        return client

    def assert_wakes_no_other_thread(self, server, client, count=10_000, step=0):
        """A hop wakes the thread of HTTP twice for each request: when it comes, and when its answer
        does. Its timers wake it a few hundred times a second. `step`: tiles from one to the next.
        """
        for _ in range(100):
            client.outcome(1, 1, 1)
        before, begun = switches(server), time.monotonic()
        for number in range(count):
            client.outcome(1, 1 + number * step, 1)
        seconds = time.monotonic() - begun
        after = switches(server)
        woken = after["front"] - before["front"]
        self.assertLess(woken, count / 10 + 600 * seconds)
        self.assertGreater(after["lane-0"] - before["lane-0"], 100)

    def serve_with_loot_for_all(self):
        server = self.serve("--lanes", 2)
        tiles = [{"x": x, "y": 5, "table": "starlight", "budget": 100} for x in range(BUDGET_TILES)]
        self.assertEqual(server.bury(tiles).status, 200)
        return server

    def end_while_asked(self, server, play, told, least):
        """Six players play(number) until the server ends, which it is told to once so many
        answers are in `told`; nothing may break but as play() expects it."""
        broken = []

        def until_it_breaks(number):
            try:
                play(number)
            except Exception as error:  # pylint: disable=broad-exception-caught
                broken.append(repr(error))

        players = [threading.Thread(target=until_it_breaks, args=(n,)) for n in range(6)]
        for one in players:
            one.start()
        deadline = time.monotonic() + 60
        while len(told) < least and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(server.stop(), 0)
        for one in players:
            one.join(60)
        self.assertEqual(broken, [])

    def assert_kept(self, granted):
        """These claims are in the ledger, which is clean."""
        again = self.serve()
        self.assertLessEqual(granted, {grant["claim"] for grant in again.all_grants()})
        self.assertEqual(again.stop(), 0)
        self.assert_audit_clean()
