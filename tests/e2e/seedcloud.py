"""The team's older server, as its own plan describes it: an Express
application that takes deltas (POST .../files/update) and serves a log of
events (GET .../events?since_seq=), and has no listing of ours, no batches,
no checksum.  Everything else is Express's own page of HTML.

What a test may turn on is in the attributes of SeedCloud.
"""

import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n" \
    "<meta charset=\"utf-8\">\n" \
    "<title>Error</title>\n</head>\n<body>\n<pre>%s</pre>\n</body>\n</html>\n"

ROUTE = re.compile(r"/api/projects/([^/]+)/(files/update|events)$")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.cloud.connections.add(self.connection)

    def finish(self):
        self.server.cloud.connections.discard(self.connection)
        super().finish()

    def log_message(self, format, *args):
        pass

    def html(self, status, text, headers=()):
        self.answer(status, "text/html; charset=utf-8", PAGE % text, headers)

    def json(self, status, doc, headers=()):
        self.answer(status, "application/json; charset=utf-8",
                    json.dumps(doc), headers)

    def answer(self, status, kind, text, headers=()):
        body = text.encode()
        self.send_response(status)
        self.send_header("X-Powered-By", "Express")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.serve(b"")

    def do_PUT(self):
        self.serve(self.rfile.read(
            int(self.headers.get("Content-Length") or 0)))

    do_POST = do_PATCH = do_DELETE = do_PUT

    def serve(self, body):
        cloud = self.server.cloud
        url = urlsplit(self.path)
        match = ROUTE.match(url.path)
        cloud.note(self.command, self.path, len(body))
        update = match and match[2] == "files/update" and \
            self.command == "POST"
        events = match and match[2] == "events" and self.command == "GET"
        if len(body) > cloud.limit:
            self.html(413, "PayloadTooLargeError: request entity too large")
        elif not update and not events:
            self.html(404, "Cannot %s %s" % (self.command, url.path))
        elif self.headers.get("Authorization") != "Bearer " + cloud.token:
            self.json(401, {"error": "Unauthorized"})
        elif match[1] != cloud.project:
            self.json(404 if update else 403, {"error": "Project not found"})
        elif update:
            self.update(cloud, body)
        else:
            self.events(cloud, parse_qs(url.query))

    def update(self, cloud, body):
        try:
            changes = json.loads(body).get("changes")
        except ValueError:
            self.html(400, "SyntaxError: Unexpected token in JSON")
            return
        if not isinstance(changes, list) or not changes:
            self.json(400, {"error": "No changes provided"})
            return
        trouble = cloud.trouble(changes)
        if trouble:
            getattr(self, trouble[0])(*trouble[1:])
            return
        if cloud.delay:
            time.sleep(cloud.delay(len(changes)))
        results = cloud.commit(changes)
        if cloud.cut():
            self.close_connection = True
            return
        reply = {"success": True, "synced": len(results),
                 "total": len(changes), "results": results}
        if cloud.disguise:
            reply = cloud.disguise(reply)
        if isinstance(reply, str):
            self.html(200, reply)
        else:
            self.json(200, reply)

    def events(self, cloud, query):
        since = int(query.get("since_seq", ["0"])[0] or 0)
        limit = min(500, int(query.get("limit", ["500"])[0] or 100))
        with cloud.lock:
            page = [e for e in cloud.log if e["seq"] > since][:limit]
        last = page[-1]["seq"] if page else since
        doc = {"success": True, "events": page, "next_seq": last + 1,
               "has_more": len(page) == limit}
        if cloud.log_id:
            doc.update(log_id=cloud.log_id, last_seq=cloud.head())
        self.json(200, doc)


class SeedCloud:
    def __init__(self, token, project, port=0):
        self.token, self.project = token, project
        self.lock = threading.Lock()
        self.log, self.files = [], {}
        self.connections = set()  # open ones
        self.requests = []        # (when, method, path, bytes)
        self.limit = 100 * 1024   # express.json()'s own
        self.leaves_out = None    # path -> True: no result, not stored
        self.fails_over = None    # path -> True: the whole batch is a 500
        self.failures = []        # answers to give first, see trouble()
        self.cuts = 0             # answers to lose after the commit
        self.delay = None         # changes -> seconds before the answer
        self.disguise = None      # reply -> another one, or HTML
        self.log_id = None        # names its log in pages, as ours does
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.cloud = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it ended by itself

    def note(self, method, path, size):
        with self.lock:
            self.requests.append((time.monotonic(), method, path, size))

    def asked(self, method, part):
        """Requests of this method whose path holds part."""
        with self.lock:
            return [r for r in self.requests
                    if r[1] == method and part in r[2]]

    def trouble(self, changes):
        """A method of Handler with its arguments, instead of a commit."""
        with self.lock:
            if self.failures:
                return self.failures.pop(0)
        if self.fails_over and any(self.fails_over(c["path"])
                                   for c in changes):
            return "html", 500, "Internal Server Error"
        return None

    def cut(self):
        """Whether this answer is to be lost."""
        with self.lock:
            lose = self.cuts > 0
            self.cuts -= lose
            return lose

    def head(self):
        return self.log[-1]["seq"] if self.log else 0

    def commit(self, changes):
        results = []
        with self.lock:
            for change in changes:
                path, op = change.get("path"), change.get("op")
                if not path or not op:
                    continue
                if self.leaves_out and self.leaves_out(path):
                    continue
                if op == "delete":
                    self.files.pop(path, None)
                else:
                    self.files[path] = {
                        k: change.get(k) for k in ("size", "hash", "mtime")}
                seq = self.head() + 1
                self.log.append({
                    "id": seq, "project_id": self.project, "seq": seq,
                    "change": {k: change[k] for k in (
                        "path", "op", "hash", "mtime", "size")
                        if k in change},
                    "created_at": "2025-11-18T12:00:00.000Z"})
                results.append(
                    {"path": path, "seq": seq, "status": "synced"})
        return results
