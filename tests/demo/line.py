"""The line between the member and the owner's agent: it counts what it
carries, and it can be made slow, so that there is a middle of a pull.

The bytes are TLS from one end to the other; the line cannot read them.
"""

import socket
import threading
import time

PIECE = 1 << 18  # bytes


class Line:
    def __init__(self, port):
        self.port_behind = port  # the owner's agent
        self.rate = None  # bytes a second; None: as fast as it goes
        self.carried = 0  # bytes that reached the member
        self.free_at = 0.0
        self.lock = threading.Lock()
        self.door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.door.getsockname()[1]
        self.start(self.accept)

    @staticmethod
    def start(work, *args):
        threading.Thread(target=work, args=args, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.door.accept()
            except OSError:
                return
            self.start(self.connect, near)

    def connect(self, near):
        try:
            far = socket.create_connection(("127.0.0.1", self.port_behind))
        except OSError:
            near.close()
            return
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.start(self.pump, near, far, False)
        self.pump(far, near, True)

    def pump(self, source, sink, counted):
        """From one to the other, until either ends; then both are."""
        piece = memoryview(bytearray(PIECE))
        try:
            while n := source.recv_into(piece):
                if counted:
                    self.wait(n)
                sink.sendall(piece[:n])
                if counted:
                    with self.lock:
                        self.carried += n
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if counted:
            source.close()
            sink.close()

    def wait(self, n):
        """Until n bytes more are due."""
        if self.rate is None:
            return
        with self.lock:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + n / self.rate
            pause = self.free_at - now
        time.sleep(pause)

    def close(self):
        self.door.close()
