"""A server that speaks PostgreSQL's protocol and answers a few questions as another product, or a pooler, would."""
import re
import socket
import struct
import threading

BACKEND = 4711
# What a fit server says; the first that is found in a statement is answered. None is NULL.
ANSWERS = {
    "count(*)": "0",
    "version()": "PostgreSQL 15.5 on x86_64-pc-linux-gnu",
    "pg_backend_pid()": str(BACKEND),
    "server_encoding": "UTF8",
    "transaction_read_only": "off",
    "pg_extension": "",  # no row
    "has_schema_privilege": "t",
    "current_schema()": "public",
    "data_directory": "",
    "pg_try_advisory_lock": "t",
    "to_regclass": None,
}


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


class FakePostgres:
    """On 127.0.0.1, until close(). `answers` are given before those of a fit server."""

    def __init__(self, version="15.5", **answers):
        self.version, self.answers = version, {**answers, **{k: v for k, v in ANSWERS.items() if k not in answers}}
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self):
        return f"postgres://millrace@127.0.0.1:{self.listener.getsockname()[1]}/x?sslmode=disable"

    def close(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer.makefile("rwb"),), daemon=True).start()

    def _talk(self, stream):
        stream.read(struct.unpack("!i", stream.read(4))[0] - 4)
        stream.write(message(b"R", struct.pack("!i", 0)))
        for name, value in (("server_version", self.version), ("client_encoding", "UTF8"), ("in_hot_standby", "off")):
            stream.write(message(b"S", f"{name}\0{value}\0".encode()))
        stream.write(message(b"S", b"default_transaction_read_only\0off\0"))
        stream.write(message(b"K", struct.pack("!ii", BACKEND, 1)) + message(b"Z", b"I"))
        stream.flush()
        while kind := stream.read(1):
            body = stream.read(struct.unpack("!i", stream.read(4))[0] - 4)
            if kind == b"X":
                return
            if kind == b"Q":
                stream.write(self._answer(body[:-1].decode()) + message(b"Z", b"I"))
                stream.flush()

    def _answer(self, statement):
        for part, value in self.answers.items():
            if re.search(re.escape(part), statement):
                columns = message(b"T", struct.pack("!h", 1) + b"x\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))
                if value == "":
                    return columns + message(b"C", b"SELECT 0\0")
                held = struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value.encode()
                return columns + message(b"D", struct.pack("!h", 1) + held) + message(b"C", b"SELECT 1\0")
        return message(b"C", b"SET\0")
