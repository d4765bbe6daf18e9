"""A device that publishes by hand, straight over the API."""

import hashlib
import json
import uuid

import views


class Publisher:
    """One device of one user in one project, with its batch counter."""

    def __init__(self, api, name="hand", project=None):
        self.api = api
        a = api.post("/api/devices", {"name": name})
        assert a.status in (200, 201), a
        self.device = a.json["device_id"]
        self.project = project or self.new_project(name)
        self.epoch, self.counter = str(uuid.uuid4()), 0

    def new_project(self, name):
        a = self.api.post("/api/projects", {"name": name})
        assert a.status == 201, a
        return a.json["project"]["id"]

    def at(self, rest):
        return "/api/projects/%s%s" % (self.project, rest)

    def body(self, changes, counter=None, epoch=None):
        """A batch's bytes; counter 0: without batch."""
        doc = {"changes": changes, "device_id": self.device}
        if counter != 0:
            doc["batch"] = {"epoch": epoch or self.epoch,
                            "counter": counter or self.counter + 1}
        return json.dumps(doc).encode()

    def send(self, body, **headers):
        return self.api.raw("POST", self.at("/files/update"), body, dict(
            {"Content-Type": "application/json"}, **headers))

    def publish(self, *changes):
        """The next batch; its answer, which has to be a 200."""
        a = self.send(self.body(list(changes)))
        assert a.status == 200, a
        self.counter += 1
        return a.json

    def events(self):
        got, since = [], 0
        while True:
            doc = self.api.get(self.at("/events"), since_seq=since,
                               limit=500).json
            got += doc["events"]
            if not doc["has_more"]:
                return got
            since = doc["events"][-1]["seq"]

    def listing(self):
        return views.listing(self.api.pages(self.at("/files"), "files",
                                            limit=500))

    def agree(self):
        replayed = views.replay(self.events())
        views.agree({"listing": self.listing(), "replay": replayed})
        return replayed


def put(path, text="x", op="create", **more):
    data = text.encode()
    return dict({"path": path, "op": op, "size": len(data),
                 "hash": hashlib.sha256(data).hexdigest(),
                 "mtime": 1_700_000_000_000}, **more)


def delete(path, **more):
    return dict({"path": path, "op": "delete"}, **more)
