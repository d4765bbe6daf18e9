"""HTTP with JSON over TCP and over a Unix socket, from the standard
library."""

import http.client
import json
import socket
from urllib.parse import urlencode


class Answer:
    """Status, headers (lower case) and body of one answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body

    @property
    def json(self):
        kind = self.headers.get("content-type", "")
        assert "json" in kind, "not JSON (%s): %.300r" % (kind, self.body)
        return json.loads(self.body)

    def lines(self):
        return [json.loads(x) for x in self.body.splitlines() if x]

    def __repr__(self):
        return "<Answer %d %.400r>" % (self.status, self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.unix_path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


def exchange(conn, method, path, body=None, headers=None):
    """One request and its answer on a fresh connection."""
    try:
        conn.request(method, path, body=body, headers=headers or {})
        r = conn.getresponse()
        return Answer(r.status, r.getheaders(), r.read())
    except http.client.HTTPException as e:
        raise ConnectionError("%s %s: %r" % (method, path, e)) from e
    finally:
        conn.close()


class Api:
    """The cloud as somebody with a token sees it."""

    def __init__(self, port, token, host="127.0.0.1"):
        self.port, self.token, self.host = port, token, host

    def raw(self, method, path, body=None, headers=None, timeout=30):
        conn = http.client.HTTPConnection(self.host, self.port,
                                          timeout=timeout)
        h = {}
        if self.token is not None:
            h["Authorization"] = "Bearer " + self.token
        h.update(headers or {})
        return exchange(conn, method, path, body, h)

    def get(self, path, /, timeout=30, **query):
        if query:
            path += "?" + urlencode(query)
        return self.raw("GET", path, timeout=timeout)

    def post(self, path, doc, timeout=30):
        return self.raw("POST", path, json.dumps(doc).encode(),
                        {"Content-Type": "application/json"}, timeout)

    def pages(self, path, rows, **query):
        """All rows of a cursor-paged list, every page asked for."""
        got, cursor = [], None
        while True:
            if cursor is not None:
                query["cursor"] = cursor
            a = self.get(path, **query)
            assert a.status == 200, a
            doc = a.json
            got += doc[rows]
            if not doc["has_more"]:
                return got
            assert doc["next_cursor"] != cursor, "the cursor stands still"
            cursor = doc["next_cursor"]


class Control:
    """The agent's socket."""

    def __init__(self, path):
        self.path = path

    def raw(self, method, path, body=None, headers=None, timeout=30):
        return exchange(UnixConnection(self.path, timeout), method, path,
                        body, headers)

    def get(self, path, /, timeout=30, **query):
        if query:
            path += "?" + urlencode(query)
        return self.raw("GET", path, timeout=timeout)

    def post(self, path, /, timeout=60, **doc):
        return self.raw("POST", path, json.dumps(doc).encode(),
                        {"Content-Type": "application/json"}, timeout)
