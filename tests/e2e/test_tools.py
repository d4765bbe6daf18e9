"""More programs that people really use, those that write a tree over and
over: package managers, synchronisers, editors, stress tests.  After each of
them all four views are one."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time

import pytest

import syncthing
import views
from harness import events_of, write
from test_writers import needs, run
from wait import wait_for


def four(owner, skip=lambda path: False):
    """All views, the disk without what is never published."""
    all_of = owner.views()
    all_of["disk"] = {p: v for p, v in all_of["disk"].items()
                      if not skip(p)}
    views.agree(all_of)
    return all_of["disk"]


def settled(owner, skip=lambda path: False):
    owner.settle()
    return four(owner, skip)


# Deep trees

def test_cp_of_a_deep_tree(owner, tmp_path):
    at = tmp_path / "deep"
    for level in range(60):
        for i in range(4):
            write(at / ("f%d" % i), b"%d %d" % (level, i))
        os.symlink("f0", at / "l")
        at = at / ("level %d" % level)
    run("cp", "-r", str(tmp_path / "deep"), str(owner.root / "one"))
    run("cp", "-a", str(owner.root / "one"), str(owner.root / "two"))
    (owner.root / "one").rename(owner.root / "three")
    view = settled(owner)
    assert len(view) == 2 * (60 * 5 + 60)


# rsync

def test_rsync_in_place_slowly(owner, tmp_path):
    """What is only half overwritten is not published as if it were whole."""
    needs("rsync")
    source = write(tmp_path / "big.mov", os.urandom(3 << 20))
    target = write(owner.root / "big.mov", b"\0" * (3 << 20))
    owner.flush()
    p = subprocess.Popen(
        ["rsync", "--inplace", "-I", "--no-whole-file", "--bwlimit=900",
         str(source), str(target)], stdin=subprocess.DEVNULL)
    busy = 0
    while p.poll() is None:
        busy += owner.status()["recording"] + owner.status()["settling"]
        time.sleep(0.1)
    assert p.returncode == 0 and busy > 0
    settled(owner)
    versions = events_of(owner.events(), "big.mov")
    assert len(versions) == 2, versions


# npm

def npm(tmp_path, *args, cwd):
    env = dict(os.environ, HOME=str(tmp_path), npm_config_audit="false",
               npm_config_cache=str(tmp_path / "cache"),
               npm_config_fund="false", npm_config_offline="true",
               npm_config_update_notifier="false")
    done = subprocess.run(["npm", *args], cwd=cwd, env=env, timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.decode()


def package(tmp_path, name, version, files):
    """A package of our own, packed by npm: its archive."""
    at = tmp_path / "packages" / ("%s-%s" % (name, version))
    write(at / "package.json", json.dumps({
        "name": name, "version": version, "license": "MIT",
        "bin": {name: "cli.js"}, "main": "index.js"}))
    write(at / "cli.js", b"#!/usr/bin/env node\n", mode=0o755)
    for i in range(files):
        write(at / ("lib/%d/%d.js" % (i % 11, i)),
              b"exports.n = '%s %d'\n" % (version.encode(), i))
    write(at / "index.js", b"module.exports = 1\n")
    out = npm(tmp_path, "pack", "--silent", "--pack-destination",
              str(tmp_path), cwd=at)
    return tmp_path / out.split()[-1]


def test_npm(owner, tmp_path):
    needs("npm")
    packed = [package(tmp_path, name, version, 120) for name, version in (
        ("one", "1.0.0"), ("two", "1.0.0"), ("three", "1.0.0"),
        ("one", "2.0.0"))]
    app = owner.root / "app"
    write(app / "package.json", b'{"name": "app", "version": "1.0.0"}\n')
    npm(tmp_path, "install", *map(str, packed[:3]), cwd=app)
    view = settled(owner)
    assert "app/node_modules/one/lib/1/1.js" in view
    assert view["app/node_modules/.bin/one"][0] == views.LINK
    npm(tmp_path, "install", str(packed[3]), cwd=app)
    settled(owner)
    npm(tmp_path, "uninstall", "two", cwd=app)
    assert "app/node_modules/two" not in settled(owner)
    npm(tmp_path, "ci", cwd=app)
    view = settled(owner)
    assert json.loads((app / "node_modules/one/package.json").read_text())[
        "version"] == "2.0.0"
    assert not [p for p in view if "/.two-" in p or "/.one-" in p]


# Editors

@pytest.mark.parametrize("how", [
    "backupcopy=no writebackup", "backupcopy=yes writebackup",
    "backupcopy=no backup", "backupcopy=auto nowritebackup"])
def test_vim(owner, tmp_path, how):
    """Saves with swap files and backups in the folder itself.  Few of them:
    a file that grows all the time is taken for a log."""
    needs("vim")
    script = write(owner.root / "script.txt", b"first\n")
    owner.flush()
    for i in range(3):
        done = subprocess.run(
            ["vim", "-N", "-u", "NONE", "-i", "NONE", "-e", "-s",
             "-c", "set %s directory=. backupdir=. updatecount=1" % how,
             "-c", "normal Gotake %d" % i, "-c", "write", "-c", "quit",
             str(script)], stdin=subprocess.DEVNULL, capture_output=True,
            env=dict(os.environ, HOME=str(tmp_path), TERM="dumb"),
            timeout=60)
        assert done.returncode == 0, (done.stdout, done.stderr)
        owner.flush()
        # owner.listing() is what a member sees between two saves
        assert owner.listing()["script.txt"][1] == script.stat().st_size
    assert script.read_bytes().count(b"take") == 3
    view = settled(owner)
    assert view["script.txt"][2] == views.sha256_file(script)
    events = owner.events()
    assert len(events_of(events, "script.txt")) == 4
    assert not events_of(events, "4913"), "vim's probe was published"


def test_saves_by_every_way(owner):
    """What editors do, step by step: each save is one event."""
    f = write(owner.root / "edit", b"0")
    owner.flush()

    def over(data):
        write(str(f) + ".tmp", data)
        os.rename(str(f) + ".tmp", f)

    def backup(data):
        os.rename(f, str(f) + "~")
        write(f, data)
        os.unlink(str(f) + "~")

    def linked(data):
        os.link(f, str(f) + ".bak")
        write(str(f) + ".new", data)
        os.rename(str(f) + ".new", f)
        os.unlink(str(f) + ".bak")

    def truncated(data):
        with open(f, "r+b") as o:
            o.truncate(0)
            o.write(data)

    for n, save in enumerate((over, backup, linked, truncated), 2):
        save(b"save %d" % n)
        settled(owner)
        said = events_of(owner.events(), "edit")
        assert len(said) == n, (save.__name__, said)
        assert said[-1]["change"]["op"] == "update", said[-1]


# sqlite

def test_sqlite_while_it_is_written(owner):
    """A database that stays open is being recorded, not half published."""
    import sqlite3
    db = sqlite3.connect(owner.root / "live.sqlite", isolation_level=None)
    db.execute("pragma journal_mode=wal")
    db.execute("create table t(x)")
    for i in range(300):
        db.execute("insert into t values(randomblob(2000))")
        if i % 100 == 50:
            doc = owner.flush()
            assert doc["recording"], doc
    db.close()
    settled(owner)


# stress-ng

PR_SET_CHILD_SUBREAPER = 36
STRESSORS = {
    "names": "--rename 1 --link 1 --symlink 1 --filename 1 --dentry 1"
             " --dentries 300",
    "folders": "--dir 1 --dir-dirs 100 --dirdeep 1 --dirdeep-dirs 2"
               " --dirdeep-inodes 300 --dirmany 1 --dirmany-bytes 10K",
    "content": "--hdd 1 --hdd-bytes 2M --fallocate 1 --fallocate-bytes 2M"
               " --copy-file 1 --sync-file 1"
               " --sync-file-bytes 2M --seek 1 --aio 1",
    "attributes": "--chmod 1 --utime 1 --touch 1 --xattr 1 --lease 1"
                  " --flock 1 --open 1",
}


@pytest.mark.alone
@pytest.mark.parametrize("kind", STRESSORS)
def test_stress(owner, kind, tmp_path):
    """Thousands of calls a second; at their end it is killed, so that what
    it had just made stays."""
    needs("stress-ng")
    argv = ["stress-ng", "--temp-path", str(owner.root), "--timeout", "60",
            "--quiet", "--oomable", *STRESSORS[kind].split()]
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd=tmp_path,
                         stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        time.sleep(3)
        assert p.poll() is None, "stress-ng ended with %d" % p.returncode
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-p.pid, 0):
                pass
    settled(owner)
    assert owner.status()["state"] == "in_sync", owner.status()


# Syncthing

def look(root):
    return {p: v for p, v in views.disk(root).items()
            if not syncthing.temporary(p) and not syncthing.marker(p)}


def hidden(path):
    return syncthing.temporary(path) or syncthing.marker(path)


def told(owner):
    """Paths that nobody should ever hear of."""
    return [e["change"]["path"] for e in owner.events()
            if hidden(e["change"]["path"])]


def test_syncthing(owner, tmp_path):
    """People work in another machine's folder; ours is fed by Syncthing,
    which is ended once in the middle.  Its temporaries are there, open and
    closed, and in nobody's log."""
    if not syncthing.installed():
        pytest.skip("syncthing is not installed")
    theirs = tmp_path / "theirs"
    pair = syncthing.Pair(tmp_path / "st", owner.root, theirs, rate=4000)
    try:
        for i in range(60):
            write(theirs / ("d%d" % (i % 5)) / ("f%d" % i), b"%d" % i * i)
        write(theirs / "film.mov", os.urandom(12 << 20))
        pair.theirs.scan()
        wait_for(lambda: syncthing.temporaries(owner.root),
                 "a temporary", 60, 0.05)
        pair.ours.stop()
        assert syncthing.temporaries(owner.root), "it tidied up"
        time.sleep(3)  # longer than a closed file has to be quiet
        owner.settle()
        assert not told(owner)
        pair.restart()
        pair.same(look)
        settled(owner, hidden)
        for i in range(0, 60, 3):
            write(theirs / ("d%d" % (i % 5)) / ("f%d" % i), b"again %d" % i)
        (theirs / "d1").rename(theirs / "moved")
        (theirs / "film.mov").rename(theirs / "cut.mov")
        for i in range(0, 60, 10):
            (theirs / ("d%d" % (i % 5)) / ("f%d" % i)).unlink()
        pair.same(look)
        write(owner.root / "from here", b"ours")
        pair.same(look)
        view = settled(owner, hidden)
        assert view["cut.mov"][1] == 12 << 20 and "from here" in view
    finally:
        pair.stop()
    assert not told(owner)
