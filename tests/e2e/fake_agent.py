"""An agent that says what a test tells it to: HTTP on the Unix socket of
common/proto/control.h, nothing behind it.  Run as a program it is what the
command line starts as vsync-agent; FAKE_MODE then says how it behaves.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

STATUS = {200: "OK", 400: "Bad Request", 404: "Not Found", 409: "Conflict",
          500: "Internal Server Error", 503: "Service Unavailable"}


def project(**change):
    """A project's part of a status: in sync, with all the evidence."""
    tree = {"count": 3, "bytes": 30, "checksum": "ab" * 32}
    return dict({
        "id": "11111111-1111-4111-8111-111111111111", "name": "film",
        "root": "/nowhere/Film", "role": "owner", "state": "in_sync",
        "in_sync": True, "problems": [], "files": 3, "directories": 1,
        "bytes": 30, "dirs_watched": 2, "coverage": 1.0, "overflows": 0,
        "settling": 0, "hashing": 0, "recording": 0, "outbox": 0,
        "in_flight": 0, "held": 0, "refused": [], "scanning": False,
        "last_scan_at": "2025-11-17T18:00:00.123Z",
        "last_ack_at": "2025-11-17T18:00:00.123Z", "last_seq": 7,
        "log_id": "l", "lag_seconds": 0.0, "tree": tree, "cloud_tree": tree,
        "tree_equal": True}, **change)


def member(**change):
    """As project, of somebody who joined one."""
    return project(**dict({
        "role": "member", "state": "following", "here_files": 2,
        "here_bytes": 2048, "pulls": 0, "pull_bytes": 0,
        "last_scan_at": None, "coverage": 0.0, "dirs_watched": 0}, **change))


def ok(**members):
    return dict({"schema": 1, "ok": True}, **members)


def status(*projects, **agent):
    return ok(agent=dict({"version": "9.9", "pid": 4711,
                          "started_at": "2025-11-17T18:00:00.123Z",
                          "server": "http://127.0.0.1:1", "device_id": "d",
                          "logged_in": True}, **agent),
              projects=list(projects))


def refusal(exit_code, code="some_code", message="it will not do",
            hint="do something", path=None):
    return {"schema": 1, "ok": False, "exit": exit_code,
            "error": {"code": code, "message": message, "hint": hint,
                      "path": path}}


class Lines:
    """An answer that comes line by line; callables are run in between."""

    def __init__(self, *lines):
        self.lines = lines


class Raw:
    """Bytes that are sent as they are, HTTP or not."""

    def __init__(self, data):
        self.data = data


class FakeAgent:
    """Routes are "METHOD /path" -> a document, a Lines, a Raw, or a function
    of the parameters that gives one of these or (status, document)."""

    def __init__(self, path, routes=None):
        self.path, self.routes, self.asked = Path(path), routes or {}, []
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        self.open = set()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def close(self):
        # shutdown wakes accept; a closed descriptor alone would not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        self.path.unlink(missing_ok=True)
        for sock in list(self.open):  # as an agent's death would
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed by now

    def params(self, route):
        """Those of the last request to route."""
        return [p for r, p in self.asked if r == route][-1]

    def count(self, route):
        return sum(1 for r, _ in self.asked if r == route)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,),
                             daemon=True).start()

    def _serve(self, sock):
        self.open.add(sock)
        try:
            with sock, sock.makefile("rb") as f:
                while self._one(sock, f):
                    pass
        except OSError:
            pass  # the client left, as it may
        finally:
            self.open.discard(sock)

    def _one(self, sock, f):
        line = f.readline().decode()
        if not line:
            return False
        method, target, _ = line.split()
        headers = {}
        while (line := f.readline().decode().rstrip("\r\n")):
            key, _, value = line.partition(":")
            headers[key.lower()] = value.strip()
        body = f.read(int(headers.get("content-length", 0)))
        url = urlsplit(target)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        if body:
            params.update(json.loads(body))
        route = "%s %s" % (method, url.path)
        self.asked.append((route, params))
        answer = self.routes.get(route, (404, refusal(1, "no_route", route)))
        return self._answer(
            sock, answer(params) if callable(answer) else answer)

    def _answer(self, sock, answer):
        if isinstance(answer, Raw):
            sock.sendall(answer.data)
            return False
        if isinstance(answer, Lines):
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                         b"Content-Type: application/x-ndjson\r\n\r\n")
            for line in answer.lines:
                data = line() if callable(line) else line
                if isinstance(data, dict):
                    data = json.dumps(data).encode() + b"\n"
                if data:
                    sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))
            sock.sendall(b"0\r\n\r\n")
            return True
        code = 200
        if isinstance(answer, tuple):
            code, answer = answer
        elif not answer["ok"]:
            code = 409
        body = json.dumps(answer).encode()
        sock.sendall(b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n%s"
                     % (code, STATUS[code].encode(), len(body), body))
        return True


def main():
    """What `vsync-agent --attended [--idle]` promises, with traces of it in
    the file FAKE_TRACE."""
    trace = open(os.environ["FAKE_TRACE"], "a", buffering=1)
    print("started %s" % " ".join(sys.argv[1:]), file=trace)
    mode = os.environ.get("FAKE_MODE", "")
    if mode == "refuses":
        print("<3>vsync-agent: state: held by process 99", file=sys.stderr)
        return 73
    if mode == "config":
        print("<3>config: no key urll, did you mean url?", file=sys.stderr)
        return 78
    told = os.environ.get("FAKE_ROOT", "/nowhere/Film")
    dies = threading.Event()

    def watch(_):
        return Lines(dict(project(root=told), type="status"),
                     {"type": "published", "project": project()["id"],
                      "path": "a.mov", "op": "create", "seq": 7, "size": 10},
                     dies.set if mode in ("dies", "ends") else (lambda: None),
                     lambda: threading.Event().wait(60))

    agent = FakeAgent(os.environ["XDG_RUNTIME_DIR"] + "/vsync/agent.sock", {
        "POST /v1/login": lambda p: ok(server=p["url"], device_id="d1",
                                       user={"id": "u", "name": "ada"}),
        "POST /v1/init": lambda p: ok(
            project_id="p1", name=p["name"], root=p["dir"],
            ignored=[".vsync", ".stfolder"], stignore="/.vsync"),
        "POST /v1/invite": lambda p: ok(
            token="inv1te", project_id="p1",
            expires_at="2025-11-24T18:00:00.123Z"),
        "POST /v1/join": lambda p: refusal(6, message="the invite was used")
        if p["token"] == "used" else ok(
            project_id="p1", name="film", root=p["dir"], role="member"),
        "GET /v1/status": status(project(root=told)),
        "GET /v1/watch": watch,
    })
    if mode == "ends":
        dies.wait(20)
        agent.close()
        return 0
    if mode == "dies":
        dies.wait(20)
        print("<3>vsync-agent: out of luck", file=sys.stderr)
        agent.close()
        return 1
    print("<4>vsync-agent: a warning", file=sys.stderr, flush=True)
    print("<6>vsync-agent: mere news", file=sys.stderr, flush=True)
    sys.stdin.read()
    for route, params in agent.asked:
        print(route, json.dumps(params), file=trace)
    print("ended", file=trace)
    agent.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
