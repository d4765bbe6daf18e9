"""Views of one tree: the disk, the agent's manifest, the cloud's listing,
what the cloud's log says when it is replayed from the start, and the mirror
of the member.

Every view is {path: (kind, size, hash, mtime in ms)}; folders have neither
hash nor time.
"""

import calendar
import fnmatch
import hashlib
import json
import os
import stat
import time

from stage import Failed

AT_TOP = (".vsync", ".stfolder", ".stversions")
WORKING = (".syncthing.*.tmp", "~syncthing~*.tmp")


def row(kind, size, digest, mtime_ms):
    if kind == "directory":
        return (kind, 0, None, None)
    return (kind, size, digest, mtime_ms)


def milliseconds(value):
    """A time as it travels (ms since 1970, or RFC 3339), in whole ms."""
    if value is None or isinstance(value, (int, float)):
        return None if value is None else int(value)
    whole, _, fraction = value.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1000 + int((fraction + "000")[:3])


def digest_of(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def published(top, name):
    """False for what `vsync init` says it leaves out, and for names that
    are no text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    rules = WORKING + (AT_TOP if top else ())
    return not any(fnmatch.fnmatchcase(name, rule) for rule in rules)


def disk(root, only=None):
    """What is there (only: at these paths), read and hashed here."""
    found = {}
    for d, folders, names in os.walk(root):
        folders[:] = [n for n in folders if published(d == root, n)]
        names = [n for n in names if published(d == root, n)]
        for name in folders + names:
            path = os.path.join(d, name)
            if only is not None and os.path.relpath(path, root) not in only:
                continue
            st = os.lstat(path)
            ms = st.st_mtime_ns // 1000000
            if stat.S_ISDIR(st.st_mode):
                one = row("directory", 0, None, None)
            elif stat.S_ISLNK(st.st_mode):
                target = os.fsencode(os.readlink(path))
                one = row("symlink", len(target),
                          hashlib.sha256(target).hexdigest(), ms)
            elif stat.S_ISREG(st.st_mode):
                one = row("file", st.st_size, digest_of(path), ms)
            else:
                continue
            found[os.path.relpath(path, root)] = one
    return found


def manifest(stage):
    found = {}
    for line in stage.control("/v1/manifest").splitlines():
        e = json.loads(line)
        found[e["path"]] = row(
            e.get("kind", "file"), e.get("size", 0), e.get("hash"),
            milliseconds(e.get("mtime")))
    return found


def listing(stage):
    found, cursor = {}, None
    while True:
        query = {"limit": 500}
        if cursor:
            query["cursor"] = cursor
        page = stage.get("/files", **query)
        for f in page["files"]:
            if f["path"] in found:
                raise Failed(f"the listing has {f['path']} twice")
            found[f["path"]] = row(f["kind"], f["size"], f["hash"],
                                   milliseconds(f["modified_at"]))
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return found


def mirror(member):
    """What the member's agent lists, once it has all of the log."""
    member.follows()
    found = {}
    for f in member.json("vsync ls -R")["files"]:
        if f["path"] in found:
            raise Failed(f"the member's listing has {f['path']} twice")
        found[f["path"]] = row(f["kind"], f["size"], f["hash"],
                               milliseconds(f["modified_at"]))
    return found


def pulled(member, owner):
    """What stands in the member's folder is what the owner has there, all of
    it read and hashed here: (files, bytes)."""
    found = disk(member.root)
    wrong = difference("the member's folder", found,
                       disk(owner.root, only=found), "the owner's")
    if wrong:
        raise Failed(wrong)
    files = [one for one in found.values() if one[0] == "file"]
    return len(files), sum(one[1] for one in files)


def replay(events):
    """The log's tree.  Seqs must be 1, 2, 3, ... and every event must
    change something: nothing is lost and nothing comes twice."""
    found = {}
    for number, e in enumerate(events, 1):
        change = e["change"]
        path = change["path"]
        if e["seq"] != number:
            raise Failed(f"seq {e['seq']} stands where {number} belongs")
        if change["op"] == "delete":
            if found.pop(path, None) is None:
                raise Failed(f"seq {number} deletes {path}, which is not there")
            continue
        mode = change.get("mode")
        one = row(change.get("kind", "file"), change.get("size", 0),
                  change.get("hash"), milliseconds(change.get("mtime")))
        if found.get(path) == (one, mode):
            raise Failed(f"seq {number} says of {path} what was known")
        found[path] = (one, mode)
    return {path: one for path, (one, _) in found.items()}


def difference(name, view, truth, against="disk"):
    """A sentence for the first of the differences, or None."""
    paths = [p for p in sorted(set(view) | set(truth))
             if view.get(p) != truth.get(p)]
    if not paths:
        return None
    p = paths[0]
    return (f"{name} and {against} differ in {len(paths)} paths; first {p!r}: "
            f"{view.get(p)} and {truth.get(p)}")


def all_views(stage):
    """All compared: (truth, events).  Failed if they differ."""
    truth = disk(stage.root)
    refused = {r["path"] for r in stage.status().get("refused", [])}
    truth = {p: one for p, one in truth.items() if p not in refused}
    events = stage.events()
    views = [
        ("manifest", manifest(stage)),
        ("listing", listing(stage)),
        ("log replay", replay(events)),
    ]
    if stage.member:
        views.append(("the member's mirror", mirror(stage.member)))
    for name, view in views:
        wrong = difference(name, view, truth)
        if wrong:
            raise Failed(wrong)
    return truth, len(events)
