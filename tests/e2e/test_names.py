"""Names that people do not choose but disks have."""

import os
import socket

import views
from harness import write
from wait import wait_for

HOSTILE = [
    "new\nline", "esc\x1b[31mred", "tab\there", "-rf", " leading", "trailing ",
    "quote\"'`$(id)", "back\\slash", "percent%2e%2e%2f", "q?x=1&y=2#z",
    "\u202edesrever", "ünïcödé", "e\u0301 nfd", "\u00e9 nfc", "日本語.mov",
    "emoji 🎬", "con", "a:b", "...", "..x", ".hidden", "\x01\x7f", "a;b|c",
    "ﬀ", "*", "{}", "[x]",
]


def test_hostile_names(owner):
    for name in HOSTILE:
        write(owner.root / name, name.encode())
        write(owner.root / "dir" / name / name, b"below")
    view = owner.agree()
    for name in HOSTILE:
        assert name in view and "dir/%s/%s" % (name, name) in view
    for name in HOSTILE:
        os.rename(owner.root / name, owner.root / (name + " moved"))
    view = owner.agree()
    assert not set(HOSTILE) & set(view)


def test_ls_names_are_quoted(owner):
    """Nothing that steers a terminal leaves the command line raw."""
    write(owner.root / "esc\x1b[31mred", b"1")
    write(owner.root / "new\nline", b"2")
    owner.flush()
    run = owner.cli("ls", "--json", check=0)
    names = {f["path"] for f in run.json["files"]}
    assert names == {"esc\x1b[31mred", "new\nline"}
    assert b"\x1b" not in run.out
    terminal = owner.cli("ls", env={"NO_COLOR": "1"}, check=0)
    assert len(terminal.out.splitlines()) >= 2


def test_name_of_255_bytes(owner):
    name = "n" * 251 + ".mov"
    write(owner.root / name / name, b"long")
    assert "%s/%s" % (name, name) in owner.agree()


def test_not_utf8_is_listed_not_published(owner):
    bad = os.fsencode(owner.root) + b"/caf\xe9.mov"
    with open(bad, "wb") as f:
        f.write(b"latin-1")
    os.mkdir(os.fsencode(owner.root) + b"/d\xff")
    with open(os.fsencode(owner.root) + b"/d\xff/inside", "wb") as f:
        f.write(b"x")
    write(owner.root / "good", b"1")
    owner.flush()
    assert list(owner.agree()) == ["good"]
    refused = wait_for(lambda: owner.status()["refused"], "refused paths")
    assert any("caf" in r["path"] for r in refused), refused
    assert all(r["reason"] for r in refused)
    os.unlink(bad)
    owner.cli("rescan", check=0)
    wait_for(lambda: not any("caf" in r["path"]
                             for r in owner.status()["refused"]),
             "the refusal to go with its file")


def deep(root, levels, name):
    """Makes root/name/name/... by descriptors; the innermost one."""
    fd = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = inner
    return fd


def test_path_over_4096_bytes(owner):
    """Deeper than any path may be: the rest is published, this is named."""
    name = "d" * 200
    fd = deep(owner.root, 30, name)
    out = os.open("bottom", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd)
    os.write(out, b"x")
    os.close(out)
    os.close(fd)
    write(owner.root / "good", b"1")
    owner.flush()
    listing = owner.listing()
    assert "good" in listing
    assert max(len(p) for p in listing) <= 4096
    # 20 levels of 200 bytes and their slashes fit in 4,096
    assert sum(p.endswith(name) for p in listing) == 20
    assert views.replay(owner.events()) == listing == owner.manifest()
    assert owner.status()["refused"]
    owner.cli("rescan", check=0)
    assert owner.listing() == listing
    os.system("rm -rf '%s'" % (owner.root / name))


def test_symlinks_are_recorded_never_followed(owner):
    secret = write(owner.base / "secret", b"not yours")
    write(owner.base / "outside" / "file", b"outside")
    os.symlink(secret, owner.root / "to-file")
    os.symlink(owner.base / "outside", owner.root / "to-dir")
    os.symlink("/etc", owner.root / "etc")
    os.symlink("nowhere", owner.root / "dangling")
    os.symlink("loop", owner.root / "loop")
    write(owner.root / "real", b"1")
    view = owner.agree()
    assert {p for p in view if view[p][0] == views.LINK} == {
        "to-file", "to-dir", "etc", "dangling", "loop"}
    assert len(view) == 6
    targets = {e["change"]["path"]: e["change"].get("link_target")
               for e in owner.events()}
    assert targets["etc"] == "/etc" and targets["dangling"] == "nowhere"
    os.unlink(owner.root / "dangling")
    os.symlink("elsewhere", owner.root / "dangling")
    owner.agree()


def test_folder_becomes_symlink(owner):
    write(owner.base / "trap" / "f", b"trap")
    write(owner.root / "d" / "f", b"mine")
    owner.flush()
    (owner.root / "d" / "f").unlink()
    (owner.root / "d").rmdir()
    os.symlink(owner.base / "trap", owner.root / "d")
    view = owner.agree()
    assert view["d"][0] == views.LINK and "d/f" not in view


def test_fifo_socket_device(owner):
    """Never opened, never published, nothing hangs on them."""
    os.mkfifo(owner.root / "pipe")
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(owner.root / "sock"))
    write(owner.root / "good", b"1")
    assert list(owner.agree()) == ["good"]
    owner.cli("rescan", "--data", check=0)
    assert list(owner.agree()) == ["good"]
    s.close()


def test_state_folder_is_not_published(owner):
    write(owner.root / ".vsync" / "part" / "x", b"partial")
    write(owner.root / ".vsync" / "note", b"mine")
    write(owner.root / "sub" / ".vsync", b"an ordinary file")
    view = owner.agree()
    assert not any(p.startswith(".vsync") for p in view)
    assert "sub/.vsync" in view
