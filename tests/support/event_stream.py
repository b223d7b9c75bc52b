"""Reads server-sent events over a socket of its own, as they come."""
import json
import socket
import time


class Sent:
    """One server-sent event. `id` is the last one that was sent, also by an event without one."""

    def __init__(self, kind, identity, data):
        self.kind, self.id, self.data = kind, identity, json.loads(data)

    def __repr__(self):
        return f"<{self.kind} {self.id} {self.data}>"


class EventStream:
    """`status` and `headers` are those of the answer; `last_id` is what a client would send as Last-Event-ID."""

    def __init__(self, client, query="", last_id=None, timeout=30, receive_buffer=None, cookie=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", client.port))
        fields = [f"GET /api/v1/events/stream{query} HTTP/1.1", "Host: localhost"]
        if client.key:
            fields.append(f"Authorization: Bearer {client.key}")
        if cookie:
            fields.append(f"Cookie: {cookie}")
        if last_id is not None:
            fields.append(f"Last-Event-ID: {last_id}")
        self.socket.sendall(("\r\n".join(fields) + "\r\n\r\n").encode())
        self.bytes, self.text, self.last_id, self.comments, self.retry = b"", "", last_id, 0, None
        self.kept = []
        self.ended = False  # the last chunk has come
        self.read_head()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def receive(self):
        more = self.socket.recv(65536)
        if not more:
            raise EOFError("the connection was closed")
        self.bytes += more

    def read_head(self):
        while b"\r\n\r\n" not in self.bytes:
            self.receive()
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    def read_chunk(self):
        while b"\r\n" not in self.bytes:
            self.receive()
        line, rest = self.bytes.split(b"\r\n", 1)
        size = int(line, 16)
        while len(self.bytes) < len(line) + 2 + size + 2:
            self.receive()
        rest = self.bytes[len(line) + 2 :]
        self.text += rest[:size].decode()
        self.bytes = rest[size + 2 :]
        self.ended = size == 0

    def take(self):
        """The next event of what has come; None when more must come first."""
        if self.kept and self.retry is not None:
            return self.kept.pop(0)
        while "\n\n" in self.text:
            block, self.text = self.text.split("\n\n", 1)
            kind, data = "message", None
            for line in block.split("\n"):
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "":
                    self.comments += 1
                elif name == "id":
                    self.last_id = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    data = value
                elif name == "retry":
                    self.retry = int(value)
            if data is not None:
                return Sent(kind, self.last_id, data)
        return None

    def next(self):
        """The next event; None at the stream's end."""
        while (event := self.take()) is None:
            if self.ended:
                return None
            self.read_chunk()
        return event

    def opened(self):
        """Itself, once the stream has said where it is."""
        assert self.status == 200, (self.status, self.bytes)
        while self.retry is None:
            self.read_chunk()
            event = self.take()  # also what it begins with may be one
            if event is not None:
                self.kept.append(event)
        return self

    def until(self, wanted):
        """The events up to the first for which wanted(event) is true."""
        seen = []
        while (event := self.next()) is not None:
            seen.append(event)
            if wanted(event):
                return seen
        raise AssertionError(f"the stream ended after {seen}")

    def rest(self):
        """All up to the stream's end."""
        return list(iter(self.next, None))

    def within(self, seconds):
        """What comes in that time."""
        seen, end = [], time.monotonic() + seconds
        while True:
            while (event := self.take()) is not None:
                seen.append(event)
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                return seen
            self.socket.settimeout(left)
            try:
                self.read_chunk()
            except TimeoutError:
                pass
            finally:
                self.socket.settimeout(30)
