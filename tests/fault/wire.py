"""A way for TCP that misbehaves on purpose, below TLS: connections are cut
after some bytes, have a bit flipped, stand still for a while, are refused.

plan() names the next connection's fault, or "".  Of plain HTTP it writes the
requests down."""

import contextlib
import random
import re
import socket
import struct
import threading

ALL = ("cut", "reset", "flip", "flip_back", "stall", "refuse")
STALL_S = 1.5
BLOCK = 65536
REQUEST = re.compile(rb"([A-Z]+ /\S*) HTTP/1\.1\r\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def abort(sock):
    """RST instead of FIN."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    sock.close()


class Wire:
    """From a port of its own to the port upstream."""

    def __init__(self, upstream, seed=1):
        self.upstream = upstream
        self.dice = random.Random(seed)
        self.plan = lambda: ""
        self.counts = {}
        self.requests = []  # "GET /path", as they came
        self.lock = threading.Lock()
        self.live = set()
        self.closed = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def close(self):
        self.closed.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut_all()

    def cut_all(self):
        """All connections there are, at this moment."""
        with self.lock:
            live = list(self.live)
        for sock in live:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while not self.closed.is_set():
            try:
                down, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                fault = self.plan()
                at = int(10 ** self.dice.uniform(2, 7))
                self.counts[fault] = self.counts.get(fault, 0) + 1
            threading.Thread(target=self._carry, args=(down, fault, at),
                             daemon=True).start()

    def _carry(self, down, fault, at):
        try:
            if fault == "refuse":
                raise OSError
            up = socket.create_connection(("127.0.0.1", self.upstream), 5)
            up.settimeout(None)
        except OSError:
            abort(down)
            return
        with self.lock:
            self.live |= {down, up}
        # What goes up is small: the handshake, tickets.
        there = (fault, at % 4000) if fault == "flip_back" else ("", 0)
        back = ("", 0) if fault == "flip_back" else (fault, at)
        other = threading.Thread(target=self._pump, daemon=True,
                                 args=(down, up, *there, self._hear))
        other.start()
        self._pump(up, down, *back)
        other.join()
        with self.lock:
            self.live -= {down, up}
        down.close()
        up.close()

    def _hear(self, data):
        self.requests += [r.decode() for r in REQUEST.findall(data)]

    def _pump(self, source, sink, fault, at, hear=None):
        done = 0
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(BLOCK)
                if not data:
                    break
                if hear:
                    hear(data)
                if fault and done <= at < done + len(data):
                    data = self._spoil(data, fault, at - done, sink)
                sink.sendall(data)
                done += len(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _spoil(self, data, fault, at, sink):
        """What is sent instead of data; OSError: nothing any more."""
        if fault.startswith("flip"):
            return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:]
        sink.sendall(data[:at])
        if fault == "stall":
            self.closed.wait(STALL_S)
        if fault == "reset":
            with contextlib.suppress(OSError):
                sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
        raise OSError
