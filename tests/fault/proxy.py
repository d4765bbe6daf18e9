"""A proxy between agent and cloud that misbehaves on purpose.

Each request takes the next fault of a plan; one request a connection.  The
proxy writes down every POST that came by, so that a test can say whether a
batch was repeated as it was, and in order.
"""

import http.client
import json
import socket
import socketserver
import struct
import threading

HTML = b"<!doctype html><title>Welcome</title><p>Please log in to the WLAN."


def answer(status, body, kind, *headers):
    head = ["HTTP/1.1 %s" % status, "Content-Type: " + kind,
            "Content-Length: %d" % len(body), "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def error(status, *headers):
    return answer(status, b'{"error":"injected","code":"injected"}',
                  "application/json", *headers)


# fault -> what the agent gets instead of the cloud's answer, without the
# cloud having seen the request.
INSTEAD = {
    "html": answer("200 OK", HTML, "text/html"),
    "captive": answer("511 Network Authentication Required", HTML,
                      "text/html"),
    "other_json": answer("200 OK", b'{"status":"ok"}', "application/json"),
    "empty": answer("200 OK", b"", "application/json"),
    "not_http": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "500": error("500 Internal Server Error"),
    "502": answer("502 Bad Gateway", HTML, "text/html"),
    "503": answer("503 Service Unavailable", HTML, "text/html"),
    "429": error("429 Too Many Requests", "Retry-After: 1"),
    "429_bad": error("429 Too Many Requests", "Retry-After: -17"),
    "408": answer("408 Request Timeout", HTML, "text/html"),
    "413_html": answer("413 Payload Too Large", HTML, "text/html"),
}

# The cloud sees the request; the answer suffers.
AFTER = ("drop_reply", "truncate", "garble", "double", "stale", "shout")

# Nobody sees anything.
BEFORE = ("drop", "reset", "half_request")

ALL = tuple(INSTEAD) + AFTER + BEFORE


class Proxy:
    """Listens on a port of its own; plan() names the next fault, or ""."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.lock = threading.Lock()
        self.plan = lambda method, path: ""
        self.posts = []  # (body, fault) of POST .../files/update
        self.counts = {}
        self.too_large = None  # bytes from which a POST gets 413
        self.last_answer = None  # of the last POST that came through
        self.elsewhere = []  # what came to the place redirects point at
        self.server = self._listen(_handler(self))
        self.other = self._listen(_elsewhere(self))
        self.port = self.server.server_address[1]
        self.other_port = self.other.server_address[1]

    @staticmethod
    def _listen(handler, port=0):
        server = _Server(("127.0.0.1", port), handler)
        threading.Thread(target=server.serve_forever, args=(0.05,),
                         daemon=True).start()
        return server

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def always(self, fault):
        self.plan = lambda method, path: fault

    def posts_only(self, fault):
        """The fault for publishing, nothing for all the rest."""
        self.plan = lambda method, path: fault if method == "POST" else ""

    def refuse(self):
        """Nobody listens any more."""
        self.server.shutdown()
        self.server.server_close()

    def accept(self):
        self.server = self._listen(_handler(self), self.port)

    def close(self):
        for server in (self.server, self.other):
            server.shutdown()
            server.server_close()

    def next_fault(self, method, path, body):
        with self.lock:
            fault = self.plan(method, path)
            if self.too_large and len(body) > self.too_large:
                fault = "413_html"
            self.counts[fault] = self.counts.get(fault, 0) + 1
            if method == "POST" and path.endswith("/files/update"):
                self.posts.append((body, fault))
            return fault

    def batches(self):
        """[(epoch, counter, body, fault)] of every POST, as they came."""
        out = []
        for body, fault in self.posts:
            batch = json.loads(body).get("batch") or {}
            out.append((batch.get("epoch"), batch.get("counter"), body,
                        fault))
        return out


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # clients that went away are the point of this


def read_request(stream):
    """(head, method, path, headers, body) or None at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(65536)
        if not line:
            return None
        head += line
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        if ":" in line:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
    return head, method, path, headers


class _Request(socketserver.StreamRequestHandler):
    def read(self):
        got = read_request(self.rfile)
        if got is None:
            return None
        _, method, path, headers = got
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return method, path, headers, self.read_chunks()
        size = int(headers.get("content-length") or 0)
        return method, path, headers, self.rfile.read(size)

    def read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.close()


def _elsewhere(proxy):
    class Elsewhere(_Request):
        """Where a redirect leads: it must never see a token."""

        def handle(self):
            got = self.read()
            if got:
                proxy.elsewhere.append(got)
                self.wfile.write(INSTEAD["other_json"])
    return Elsewhere


def _handler(proxy):
    class Handler(_Request):
        def handle(self):
            got = self.read()
            if got is None:
                return
            method, path, headers, body = got
            fault = proxy.next_fault(method, path, body)
            if fault.startswith("redirect"):
                self.wfile.write(answer(
                    "%s Moved" % fault[8:], b"", "text/plain",
                    "Location: http://127.0.0.1:%d%s"
                    % (proxy.other_port, path)))
            elif fault in INSTEAD:
                self.wfile.write(INSTEAD[fault])
            elif fault in BEFORE:
                self.before(fault, method, path, headers, body)
            else:
                self.after(fault, method, path, headers, body)

        def before(self, fault, method, path, headers, body):
            if fault == "half_request":
                with socket.create_connection(
                        ("127.0.0.1", proxy.upstream)) as s:
                    s.sendall(head_of(method, path, headers, body)
                              + body[:len(body) // 2])
            if fault == "reset":
                self.reset()

        def after(self, fault, method, path, headers, body):
            raw = self.forward(method, path, headers, body)
            if fault == "double":
                raw = self.forward(method, path, headers, body)
            if fault == "stale" and method == "POST" and proxy.last_answer:
                raw, proxy.last_answer = proxy.last_answer, raw
            elif method == "POST":
                proxy.last_answer = raw
            if fault == "drop_reply":
                return
            if fault == "truncate":
                raw = raw[:-max(1, len(raw) // 3)]
            if fault == "garble":
                raw = raw.replace(b'":', b'";')
            if fault == "shout":
                raw = answer("200 OK", raw.split(b"\r\n\r\n", 1)[1],
                             "text/plain")
            self.wfile.write(raw)

        def forward(self, method, path, headers, body):
            """The cloud's answer, whole, as bytes for one connection."""
            conn = http.client.HTTPConnection("127.0.0.1", proxy.upstream,
                                              timeout=70)
            keep = {k: v for k, v in headers.items() if k not in (
                "connection", "expect", "transfer-encoding", "host",
                "content-length")}
            try:
                conn.request(method, path, body or None, keep)
                r = conn.getresponse()
                data = r.read()
                more = ["%s: %s" % (k, v) for k, v in r.getheaders()
                        if k.lower() not in ("content-length", "connection",
                                             "content-type",
                                             "transfer-encoding")]
                return answer("%d %s" % (r.status, r.reason), data,
                              r.getheader("Content-Type") or "text/plain",
                              *more)
            finally:
                conn.close()
    return Handler


def head_of(method, path, headers, body):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: localhost",
             "Content-Length: %d" % len(body)]
    lines += ["%s: %s" % (k, v) for k, v in headers.items()
              if k in ("authorization", "content-type")]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
