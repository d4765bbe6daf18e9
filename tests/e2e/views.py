"""The four views of one project, and whether they agree: the disk, the
agent's manifest, the cloud's listing, and the cloud's log replayed from its
first event.

A view is a dict: path -> (kind, size, hash); hash is None for directories.
"""

import hashlib
import os
import stat

FILE, DIR, LINK = "file", "directory", "symlink"


def sha256_file(path, dir_fd=None):
    h = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        while True:
            block = os.read(fd, 1 << 20)
            if not block:
                return h.hexdigest()
            h.update(block)
    finally:
        os.close(fd)


def disk_entry(full):
    """The view's value for one thing on the disk; None for what is never
    published (FIFOs, sockets, devices)."""
    st = os.lstat(full)
    if stat.S_ISDIR(st.st_mode):
        return (DIR, 0, None)
    if stat.S_ISLNK(st.st_mode):
        target = os.readlink(full)
        return (LINK, len(target), hashlib.sha256(target).hexdigest())
    if stat.S_ISREG(st.st_mode):
        return (FILE, st.st_size, sha256_file(full))
    return None


def publishable(name):
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def disk(root):
    """Everything below root that may be published."""
    root = os.fsencode(root)
    view = {}
    todo = [b""]
    while todo:
        rel = todo.pop()
        for name in os.listdir(os.path.join(root, rel)):
            if rel == b"" and name == b".vsync" or not publishable(name):
                continue
            path = os.path.join(rel, name)
            entry = disk_entry(os.path.join(root, path))
            if entry is None:
                continue
            view[path.decode()] = entry
            if entry[0] == DIR:
                todo.append(path)
    return view


def row(r):
    """A view's value from a row of a listing, a change or a manifest."""
    kind = r.get("kind") or FILE
    return (kind, 0 if kind == DIR else r.get("size") or 0,
            None if kind == DIR else r.get("hash"))


def manifest(rows):
    return {r["path"]: row(r) for r in rows}


def listing(rows):
    view = {}
    for r in rows:
        assert r["path"] not in view, "listed twice: %r" % r["path"]
        assert not r.get("deleted_at"), "a deleted row is listed: %r" % r
        view[r["path"]] = row(r)
    return view


def contiguous(events):
    """seqs are 1, 2, 3, ... without a gap or a double, in order."""
    seqs = [e["seq"] for e in events]
    for want, got in enumerate(seqs, 1):
        assert want == got, "event %d has seq %d" % (want, got)


def _full(change):
    return row(change) + (change.get("mode"), change.get("mtime"),
                          change.get("state"))


def replay(events):
    """The tree after all events; complains of any that changed nothing,
    because that is what a change sent twice looks like."""
    contiguous(events)
    live = {}
    for e in events:
        c = e["change"]
        path = c["path"]
        if c["op"] == "delete":
            assert path in live, "twice: seq %d deletes %r" % (e["seq"], path)
            del live[path]
            continue
        assert live.get(path) != _full(c), \
            "twice: seq %d says of %r what was known" % (e["seq"], path)
        live[path] = _full(c)
    return {p: v[:3] for p, v in live.items()}


def differences(name_a, a, name_b, b):
    out = []
    for path in sorted(set(a) | set(b)):
        if a.get(path) != b.get(path):
            out.append("%r: %s %s, %s %s" % (
                path, name_a, a.get(path), name_b, b.get(path)))
    return out


def agree(views):
    """views: name -> view.  All equal, or AssertionError with the first
    differences."""
    names = list(views)
    for other in names[1:]:
        diff = differences(names[0], views[names[0]], other, views[other])
        assert not diff, "%d differences\n%s" % (
            len(diff), "\n".join(diff[:12]))


def tree_checksum(view):
    """The tree checksum of the wire contract over a view."""
    total = 0
    for path, (kind, size, digest) in view.items():
        line = b"%s\0%s\0%d\0%s\0" % (
            path.encode(), kind.encode(), size, (digest or "").encode())
        total += int.from_bytes(hashlib.sha256(line).digest(), "big")
    return "%064x" % (total % (1 << 256))
