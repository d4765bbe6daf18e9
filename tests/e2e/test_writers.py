"""Programs that people really use write into the folder; then all four
views agree, and no half file was ever published."""

import hashlib
import os
import shutil
import subprocess
import tarfile

import pytest

import views
from harness import events_of, write


def needs(*programs):
    for name in programs:
        if not shutil.which(name):
            pytest.skip(name + " is not installed")


def run(*argv, **more):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                   timeout=120, **more)


@pytest.fixture
def material(tmp_path):
    """A small tree with some of everything."""
    src = tmp_path / "material"
    for i in range(150):
        write(src / ("d%d" % (i % 9)) / ("f%d.bin" % i),
              hashlib.sha256(b"%d" % i).digest() * (i * i))
    os.symlink("d1/f1.bin", src / "link")
    write(src / "empty", b"")
    write(src / "tool.sh", b"#!/bin/sh\n", mode=0o755)
    return src


def whole(owner, source, below):
    """What the cloud has below a folder is what the source has."""
    view = owner.agree(timeout=60)
    prefix = below + "/"
    got = {p[len(prefix):]: v for p, v in view.items()
           if p.startswith(prefix)}
    views.agree({"source": views.disk(source), "published": got})
    return view


def grown(owner):
    """The view once nothing waits: what grew in many steps is published at
    the end of its pause, and the barrier does not wait for that."""
    owner.settle()
    return owner.agree(flush=False)


def once(owner):
    """A copy that comes in one go is published file by file, each once or,
    where the copier touched it again, with the same content."""
    for e in owner.events():
        c = e["change"]
        if c.get("kind") == views.FILE and c["op"] != "delete":
            assert c["hash"], "published without a hash: %r" % c


def test_cp(owner, material):
    run("cp", "-r", str(material), str(owner.root / "copy"))
    whole(owner, material, "copy")
    run("cp", "-a", str(material), str(owner.root / "archive"))
    whole(owner, material, "archive")
    once(owner)


def test_mv_from_another_disk(owner, material):
    twin = material.parent / "twin"
    shutil.copytree(material, twin, symlinks=True)
    run("mv", str(twin), str(owner.root / "moved"))
    whole(owner, material, "moved")


def test_rsync(owner, material):
    needs("rsync")
    target = str(owner.root / "sync") + "/"
    run("rsync", "-a", str(material) + "/", target)
    whole(owner, material, "sync")
    head = owner.head()
    run("rsync", "-a", str(material) + "/", target)
    owner.flush()
    assert owner.head() == head, "rsync had nothing to do, we had"
    write(material / "d1" / "f1.bin", b"changed")
    (material / "d2" / "f2.bin").unlink()
    run("rsync", "-a", "--delete", str(material) + "/", target)
    whole(owner, material, "sync")
    assert not [e for e in owner.events()
                if "/." in e["change"]["path"]
                and e["change"]["path"].count(".") > 2
                and e["change"]["op"] != "delete"
                and e["change"]["size"] == 0], "a temporary name came by"
    write(material / "d1" / "f1.bin", b"in place")
    run("rsync", "-a", "--inplace", str(material) + "/", target)
    whole(owner, material, "sync")


def test_tar(owner, material):
    archive = material.parent / "a.tar"
    with tarfile.open(archive, "w") as t:
        t.add(material, arcname="unpacked")
    run("tar", "xf", str(archive), "-C", str(owner.root))
    whole(owner, material, "unpacked")
    once(owner)


def test_unpack_over(owner, material):
    """Again over what is there: tar unlinks and makes anew."""
    archive = material.parent / "a.tar"
    with tarfile.open(archive, "w") as t:
        t.add(material, arcname="unpacked")
    for _ in range(3):
        run("tar", "xf", str(archive), "-C", str(owner.root))
    whole(owner, material, "unpacked")


def test_git(owner, tmp_path):
    needs("git")
    work = owner.root / "repo"
    work.mkdir()
    env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null",
               GIT_CONFIG_SYSTEM="/dev/null", HOME=str(tmp_path))

    def git(*args):
        run("git", "-c", "user.name=a", "-c", "user.email=a@example.org",
            "-C", str(work), *args, env=env)
    git("init", "-q", "-b", "main")
    for n in range(3):
        for i in range(15):
            write(work / ("s%d" % (i % 5)) / ("f%d.c" % i),
                  b"version %d of %d\n" % (n, i) * 20)
        git("add", "-A")
        git("commit", "-q", "-m", "version %d" % n)
    for ref in ("HEAD~2", "main", "HEAD~1", "main"):
        git("checkout", "-q", ref)
    grown(owner)
    git("gc", "-q")
    grown(owner)
    assert not [p for p in owner.listing() if p.endswith(".lock")]


def test_ffmpeg_faststart(owner):
    """ffmpeg writes, closes, and with faststart rewrites: published is only
    what a player can play, and its end."""
    needs("ffmpeg")
    film = owner.root / "film.mp4"
    run("ffmpeg", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25",
        "-t", "4", "-c:v", "mpeg4", "-movflags", "+faststart", str(film))
    view = owner.agree(timeout=60)
    assert view["film.mp4"][1] == film.stat().st_size
    versions = events_of(owner.events(), "film.mp4")
    assert 1 <= len(versions) <= 2, versions


def has_open(process, path):
    """Whether it still writes, for all that it has not ended."""
    fds = "/proc/%d/fd" % process.pid
    try:
        return str(path) in [os.readlink(os.path.join(fds, fd))
                             for fd in os.listdir(fds)]
    except OSError:
        return False  # it closes its files just now


def test_ffmpeg_while_recording(owner):
    """A recording in real time shows as something under way and is
    published whole when it ends."""
    needs("ffmpeg")
    film = owner.root / "live.mkv"
    p = subprocess.Popen(
        ["ffmpeg", "-re", "-f", "lavfi", "-i",
         "testsrc2=size=320x240:rate=25", "-t", "5", "-c:v", "mpeg4",
         "-flush_packets", "1", str(film)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        seen = set()
        while p.poll() is None:
            status = owner.status()
            seen.add(status["recording"] + status["settling"])
            row = owner.listing().get("live.mkv")
            if has_open(p, film):
                assert not (row and row[2]), "published while recording"
    finally:
        p.kill()
        p.wait()
    assert 1 in seen
    owner.agree()


def test_dd_and_truncate(owner):
    """Sparse, grown, shrunk, overwritten in the middle."""
    f = owner.root / "disk.img"
    run("truncate", "-s", "30M", str(f))
    owner.agree()
    run("dd", "if=/dev/urandom", "of=" + str(f), "bs=64k", "count=8",
        "seek=20", "conv=notrunc")
    owner.agree()
    run("truncate", "-s", "1000", str(f))
    assert owner.agree()["disk.img"][1] == 1000


def test_append_log(owner):
    """A log that a program opens, appends to and closes for each line."""
    f = owner.root / "render.log"
    for i in range(200):
        with open(f, "a") as o:
            o.write("frame %d\n" % i)
    view = grown(owner)
    assert view["render.log"][1] == f.stat().st_size
    assert len(events_of(owner.events(), "render.log")) < 100


def test_mmap_writer(owner):
    """A database that writes by mmap and keeps the file open."""
    import mmap
    f = write(owner.root / "proj.db", b"\0" * 65536)
    owner.flush()
    with open(f, "r+b") as o:
        m = mmap.mmap(o.fileno(), 0)
        for i in range(50):
            m[i * 100:i * 100 + 5] = b"hello"
        m.flush()
        m.close()
    owner.cli("rescan", check=0)
    owner.agree()


def test_sqlite_writer(owner):
    import sqlite3
    db = sqlite3.connect(owner.root / "proj.sqlite")
    db.execute("create table t(x)")
    for i in range(200):
        db.execute("insert into t values(?)", (i,))
        if i % 20 == 0:
            db.commit()
    db.commit()
    db.close()
    grown(owner)
