"""The least of a WebSocket that a test needs: text frames both ways, and how not to read them.

Not a client library: no fragments, no compression; pings are answered while something is received.
"""
import base64
import os
import socket
import struct


class WebSocket:
    """One connection, shaken hands with; raises with the answer where the server declines."""

    def __init__(self, port, path, token=None, receive_bytes=None, timeout=20):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.received = b""
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise AssertionError(head.decode(errors="replace"))

    def _more(self):
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed the stream")
        self.received += part

    def _take(self, count):
        while len(self.received) < count:
            self._more()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    @staticmethod
    def frame(payload, opcode=1, length=None):
        """As a client sends it; a `length` that is longer than the payload promises more."""
        size = len(payload) if length is None else length
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += b"\xfe" + struct.pack(">H", size)
        else:
            head += b"\xff" + struct.pack(">Q", size)
        return head + b"\0\0\0\0" + payload  # a mask of zeros changes nothing

    def send(self, text):
        self.socket.sendall(self.frame(text.encode()))

    def receive(self):
        """The next text."""
        while True:
            head = self._take(2)
            size = head[1] & 0x7F
            if size == 126:
                size = struct.unpack(">H", self._take(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._take(8))[0]
            payload = self._take(size)
            opcode = head[0] & 0x0F
            if opcode == 1:
                return payload.decode()
            if opcode == 9:
                self.socket.sendall(self.frame(payload, 10))
            if opcode == 8:
                raise ConnectionError(f"the server said goodbye: {payload!r}")

    def has_text(self):
        """Whether the next frame is here already, whole."""
        if len(self.received) < 2:
            return False
        size, head = self.received[1] & 0x7F, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, head = int.from_bytes(self.received[2:2 + wide], "big"), 2 + wide
        return self.received[0] & 0x0F == 1 and len(self.received) >= head + size

    def close(self):
        self.socket.close()
