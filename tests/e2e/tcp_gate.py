"""A gate before a server: passes bytes on, later, slower, or not at all."""
import asyncio
import threading
import time

from hunt_process import free_port


class TcpGate:
    """Listens on a free loopback port and passes on to `port`, in a thread of its own.

    `delay_s` is added to each way, so a round trip takes twice as long; `bytes_per_second` is of
    each way and connection; while `closed`, nothing is passed on and nobody is told.
    """

    def __init__(self, port):
        self.target = port
        self.port = free_port()
        self.delay_s = 0.0
        self.bytes_per_second = None
        self.closed = False
        self._open = set()
        self._loop = asyncio.new_event_loop()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._listens.wait(10)

    def stop(self):
        def end():
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_later(0.2, self._loop.stop)

        self._loop.call_soon_threadsafe(end)
        self._thread.join(10)

    def cut(self):
        """Ends all connections there are; new ones are taken."""
        self._loop.call_soon_threadsafe(
            lambda: [writer.transport.abort() for writer in list(self._open)])

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self._listens.set()
        self._loop.run_forever()

    async def _accept(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        both = {writer, there_writer}
        self._open |= both
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        self._open -= both

    async def _pass(self, reader, writer):
        """In order: what came is held with the moment that it may leave."""
        held = asyncio.Queue(maxsize=1024)
        sender = asyncio.ensure_future(self._send(held, writer))
        try:
            while data := await reader.read(65536):
                await held.put((time.monotonic() + self.delay_s, data))
        except ConnectionError:
            pass
        await held.put((0, b""))
        await sender

    async def _send(self, held, writer):
        try:
            while True:
                due, data = await held.get()
                if not data:
                    break
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                while self.closed:
                    await asyncio.sleep(0.05)
                if self.bytes_per_second:
                    await asyncio.sleep(len(data) / self.bytes_per_second)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()
