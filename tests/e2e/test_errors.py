"""Bad beginnings have a clear end: what, why, and what to do."""

import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest

from harness import BUILD, is_root, program, token_of, write
from wait import never, wait_for

UNPRIVILEGED = 65534


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def config_file(owner):
    return owner.base / "config" / "vsync" / "config"


def test_no_agent(world, cloud):
    owner = world.owner()
    for verb in (["status"], ["ls"], ["flush"], ["pause"], ["held"],
                 ["why", "x"], ["rescan"], ["log"], ["resume"],
                 ["wait", "--in-sync"]):
        run = owner.cli(*verb)
        assert run.code == 69, run
        assert "vsync-agent" in run.said or "vsync watch" in run.said, run
    doc = owner.cli("status", "--json").json
    assert doc["error"]["code"] and doc["error"]["hint"]


def test_no_server(world, cloud):
    owner = world.owner()
    cloud.stop()
    run = owner.cli("login", cloud.url, input=owner.token.encode() + b"\n")
    assert run.code not in (0, 69), run
    assert str(cloud.port) in run.said, run
    assert "refused" in run.said or "connect" in run.said, run
    run = owner.cli("login", "--json", cloud.url,
                    input=owner.token.encode() + b"\n")
    assert run.json["error"]["message"]


def test_wrong_token(world, cloud):
    owner = world.owner()
    run = owner.cli("login", cloud.url, input=b"not-the-token\n")
    assert run.code == 6, run
    assert "token" in run.said
    assert "not-the-token" not in run.said
    for bad in (b"", b"\n", b"two words\n", b"x" * 100_000 + b"\n",
                b"\x00\xff\n"):
        run = owner.cli("login", cloud.url, input=bad)
        assert run.code in (1, 2, 6), run
    assert not (owner.base / "config" / "vsync" / "token").exists() or \
        b"not-the-token" not in (
            owner.base / "config" / "vsync" / "token").read_bytes()


@pytest.mark.parametrize("url", [
    "", "nonsense", "ftp://127.0.0.1/", "http://", "file:///etc/passwd",
    "http://127.0.0.1:99999", "http://user:pw@127.0.0.1:1/"])
def test_bad_url(world, cloud, url):
    run = world.owner().cli("login", url, input=b"token\n")
    assert run.code in (1, 2, 5, 78), run
    assert run.err


def test_login_again_keeps_the_device(world, owner):
    """Another login must not make this machine a stranger to itself."""
    write(owner.root / "a", b"1")
    owner.flush()
    owner.login()
    write(owner.root / "b", b"2")
    owner.agree()


def test_usage(world, cloud):
    owner = world.owner()
    for args in (["frobnicate"], ["--nope"], ["status", "--nope"],
                 ["login"], ["rescan", "a", "b", "c"], ["wait"],
                 ["flush", "--timeout", "soon"], ["log", "--since", "x"]):
        run = owner.cli(*args)
        assert run.code == 2, run
        assert run.err and not run.out, run
    assert owner.cli("version").code == 0
    assert owner.cli("help").code == 0
    assert b"login" in owner.cli("help").out
    for verb in ("login", "init", "watch", "status", "ls", "log", "rescan",
                 "flush", "wait", "pause", "resume", "held", "why"):
        assert verb.encode() in owner.cli("help", verb, check=0).out
    assert owner.cli("help", "frobnicate").code == 2


@pytest.mark.parametrize("name", ["vsync-agent", "vsync-cloud"])
def test_daemons_usage(world, name):
    def run(*args):
        return subprocess.run([program(name), *args], timeout=20,
                              env=world.cloud.env, capture_output=True)
    assert run("--version").returncode == 0
    assert run("--help").returncode == 0
    got = run("--frobnicate")
    assert got.returncode == 2 and got.stderr


def test_unknown_config_key(world, cloud):
    owner = world.owner()
    owner.login()
    owner.init()
    good = config_file(owner).read_text()
    config_file(owner).write_text(good + "\n[agent]\nlog_levle = info\n")
    owner.start(ready=False)
    assert owner.daemon.died() == 78
    log = owner.daemon.log_text().decode()
    assert "log_levle" in log, log
    config_file(owner).write_text(good)
    owner.start()
    owner.agree()


def test_newer_schema_of_agent(owner):
    write(owner.root / "a", b"1")
    owner.flush()
    assert owner.stop()[0] == 0
    db = sqlite3.connect(owner.manifest_db)
    version = db.execute("pragma user_version").fetchone()[0]
    assert version > 0
    db.execute("pragma user_version=%d" % (version + 1))
    db.commit()
    db.close()
    before = sha(owner.manifest_db)
    owner.start(ready=False)
    assert owner.daemon.died() == 78
    assert sha(owner.manifest_db) == before
    assert b"newer" in owner.daemon.log_text()
    assert list(owner.listing()) == ["a"]


def test_newer_schema_of_cloud(world, cloud):
    cloud.stop()
    db = sqlite3.connect(cloud.db)
    version = db.execute("pragma user_version").fetchone()[0]
    assert version > 0
    db.execute("pragma user_version=%d" % (version + 1))
    db.commit()
    db.close()
    before = sha(cloud.db)
    run = subprocess.run(
        [program("vsync-cloud"), "serve", "--listen", "127.0.0.1:0", "--db",
         "sqlite:%s" % cloud.db], env=cloud.env, capture_output=True,
        timeout=20)
    assert run.returncode == 78 and b"newer" in run.stderr, run
    assert cloud.command("user", "add", "eve", check=False).returncode == 78
    assert sha(cloud.db) == before


def test_state_inside_the_root(world, cloud):
    """Refused at init, and at start when it came to be so later."""
    owner = world.owner()
    owner.login()
    run = owner.cli("init", owner.base, "--name", "all")
    assert run.code in (1, 2, 78), run
    assert "state" in run.said, run
    owner.init()
    inside = owner.root / "hidden"
    shutil.copytree(owner.env["XDG_STATE_HOME"], inside)
    owner.env["XDG_STATE_HOME"] = str(inside)
    owner.start(ready=False)
    assert owner.daemon.died() == 78
    assert b"state" in owner.daemon.log_text()


def test_state_inside_the_root_by_a_link(world, cloud):
    """The directory counts, not its name."""
    owner = world.owner()
    owner.login()
    (owner.base / "alias").symlink_to(owner.base)
    run = owner.cli("init", owner.base / "alias", "--name", "all")
    assert run.code in (1, 2, 78) and "state" in run.said, run


def test_init_twice_and_nested(owner):
    run = owner.cli("init", owner.root, "--name", "again")
    assert run.code in (1, 2, 7), run
    sub = owner.root / "sub"
    sub.mkdir()
    run = owner.cli("init", sub, "--name", "sub")
    assert run.code in (1, 2, 7), run
    run = owner.cli("init", owner.base / "absent", "--name", "none")
    assert run.code in (1, 4), run
    f = write(owner.base / "file")
    assert owner.cli("init", f, "--name", "file").code in (1, 2, 4)
    owner.agree()


def test_init_before_login(world, cloud):
    owner = world.owner()
    run = owner.cli("init", owner.root, "--name", "x")
    assert run.code in (6, 78, 1), run
    assert "login" in run.said


@pytest.mark.parametrize("args", [["--foreground"], []])
def test_second_agent(world, owner, args):
    """Also one that goes to the background says whom it met."""
    write(owner.root / "a", b"1")
    second = subprocess.run(
        [program("vsync-agent"), *args], env=owner.env,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    assert second.returncode == 73, second
    assert str(owner.daemon.proc.pid).encode() in second.stderr, second
    owner.agree()


def test_refusals_name_the_reason(owner):
    """Not the one of a neighbour, and no want of memory."""
    folder = owner.base / "other"
    folder.mkdir()
    run = owner.cli("init", folder, "--name", "a/b")
    assert run.code == 2 and "slash" in run.said, run
    odd = os.fsencode(owner.base) + b"/odd\xff"
    os.mkdir(odd)
    os.symlink(odd, owner.base / "link")
    a = owner.control.post("/v1/init", 20, dir=str(owner.base / "link"),
                           name="odd")
    assert a.status == 400 and b"UTF-8" in a.body, a
    run = owner.cli("members", "remove", "ada")
    assert run.code == 2 and "owns" in run.said, run


def test_stale_socket(owner):
    """Left by kill -9: the lock decides, the socket is made anew."""
    owner.kill()
    assert owner.control.path.exists()
    assert owner.cli("status").code == 69
    owner.start().flush()


def test_socket_is_private(owner):
    st = owner.control.path.stat()
    assert st.st_mode & 0o077 == 0
    assert owner.control.path.parent.stat().st_mode & 0o777 == 0o700
    token = owner.base / "config" / "vsync" / "token"
    assert token.stat().st_mode & 0o777 == 0o600
    if not is_root():
        return
    code = """import socket,sys
s=socket.socket(socket.AF_UNIX); s.settimeout(5)
try:
    s.connect(sys.argv[1])
    s.sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    d=s.recv(100)
    sys.exit(1 if b" 200 " in d else 0)
except OSError: sys.exit(0)"""
    for folder in (owner.base, owner.base / "run",
                   owner.control.path.parent):
        folder.chmod(0o755)
    owner.control.path.chmod(0o666)
    r = subprocess.run(
        ["setpriv", "--reuid=%d" % UNPRIVILEGED, "--clear-groups",
         "/usr/bin/python3", "-c", code, str(owner.control.path)],
        timeout=20)
    assert r.returncode == 0, "another user was let in"


def test_control_socket_eats_garbage(owner):
    for junk in (b"\0" * 5000, b"GET\r\n\r\n", b"POST /v1/flush HTTP/1.1\r\n"
                 b"Content-Length: 99999999999\r\n\r\n", b"{}" * 1000,
                 b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: "
                 + b"y" * 100_000 + b"\r\n\r\n"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(0.5)
        s.connect(str(owner.control.path))
        try:
            s.sendall(junk)
            s.recv(1000)
        except OSError:
            pass
        s.close()
    c = owner.control
    a = c.raw("POST", "/v1/pause", b"x" * (2 << 20))
    assert a.status in (400, 413), a
    for body in (b"", b"[]", b"{", b'{"project":5}',
                 b"[" * 100_000 + b"]" * 100_000):
        a = c.raw("POST", "/v1/rescan", body)
        assert a.status >= 400 or body == b"", a
        assert a.json["schema"] == 1 and (a.status < 400) == a.json["ok"]
    a = c.get("/v1/nope")
    assert a.status == 404 and a.json["error"]["message"]
    for path in ("../../etc/passwd", "/etc/passwd", "a//b", "..", "a\0b"):
        a = c.get("/v1/why", project=owner.project, path=path)
        assert a.status >= 400, a
        a = c.post("/v1/rescan", project=owner.project, path=path)
        assert a.status >= 400, a
    a = c.get("/v1/status", project="no such project")
    assert a.status == 404 and a.json["exit"] == 4, a
    owner.agree()


def test_unreadable_folder(world, cloud):
    """Frozen, named, and nothing in it deleted."""
    owner = world.owner(uid=UNPRIVILEGED if is_root() else None)
    locked = owner.root / "locked"
    for i in range(5):
        write(locked / "deep" / str(i), b"%d" % i)
    write(owner.root / "open", b"1")
    if is_root():
        subprocess.run(["chown", "-R", str(UNPRIVILEGED), owner.root],
                       check=True)
    owner.setup()
    assert len(owner.agree()) == 8
    head = owner.head()
    locked.chmod(0)
    try:
        owner.cli("rescan")
        write(owner.root / "open", b"changed", mode=0o644)
        owner.restart()
        owner.cli("rescan")
        owner.cli("rescan", "--data")
        wait_for(lambda: owner.listing()["open"][1] == 7, "the open one")
        late = owner.events(head)
        assert not [e for e in late if e["change"]["op"] == "delete"]
        status = owner.status()
        named = str(status["problems"]) + str(status["refused"])
        assert "locked" in named, status
        assert owner.cli("status", "--check").code == 3
    finally:
        locked.chmod(0o755)
    owner.cli("rescan", check=0)
    assert len(owner.agree()) == 8
    wait_for(lambda: "locked" not in str(owner.status()["problems"]),
             "the problem to go")


def test_unreadable_file(world, cloud):
    owner = world.owner(uid=UNPRIVILEGED if is_root() else None)
    f = write(owner.root / "f", b"1")
    write(owner.root / "g", b"1")
    if is_root():
        subprocess.run(["chown", "-R", str(UNPRIVILEGED), owner.root],
                       check=True)
    owner.setup()
    owner.flush()
    old = owner.listing()["f"]
    f.write_bytes(b"23")
    f.chmod(0)
    owner.cli("rescan", "--data")
    write(owner.root / "h", b"1", mode=0o644)
    wait_for(lambda: "h" in owner.listing(), "the neighbour")
    row = owner.listing()["f"]
    assert row[2] == old[2] or row[1] == 2
    status = owner.status()
    assert "f" in str(status["refused"]) + str(status["problems"])
    f.chmod(0o644)
    owner.cli("rescan", check=0)
    owner.agree()


def test_secrets_stay_out(world, owner):
    """Not in argv, not in any log, not in what status tells."""
    write(owner.root / "a", b"1")
    owner.flush()
    assert owner.token.encode() not in token_of(owner.daemon.proc.pid)
    assert owner.token.encode() not in token_of(world.cloud.daemon.proc.pid)
    for path in ("/v1/status", "/v1/version", "/metrics",
                 "/v1/why?path=a"):
        assert owner.token.encode() not in owner.control.get(path).body
    world.cloud.api(owner.token).get("/api/me?token=" + owner.token)
    for daemon in (owner.daemon, world.cloud.daemon):
        assert owner.token.encode() not in daemon.log_text()
    assert owner.token.encode() not in owner.manifest_db.read_bytes()
    raw = world.cloud.db.read_bytes()
    wal = world.cloud.db.with_name(world.cloud.db.name + "-wal")
    raw += wal.read_bytes() if wal.exists() else b""
    assert owner.token.encode() not in raw, "tokens are kept as SHA-256"


def test_watch_attaches(owner):
    """vsync watch shows what happens in the agent that runs."""
    p = subprocess.Popen([program("vsync"), "watch"], env=owner.env,
                         cwd=owner.root, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        os.set_blocking(p.stdout.fileno(), False)
        time.sleep(0.5)
        write(owner.root / "seen.mov", b"1")
        seen = b""

        def look():
            nonlocal seen
            seen += p.stdout.read() or b""
            return b"seen.mov" in seen
        wait_for(look, "a line about it", 10)
        p.send_signal(2)
        assert p.wait(10) == 0
    finally:
        p.kill()
        p.communicate()
    owner.agree()


def test_watch_runs_the_agent(world, cloud):
    """Without an agent it is the agent, in the foreground."""
    owner = world.owner()
    owner.login()
    owner.init()
    p = subprocess.Popen([program("vsync"), "watch"], env=owner.env,
                         cwd=owner.root, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL)
    try:
        write(owner.root / "a", b"1")
        wait_for(lambda: owner.control.get("/v1/version").status == 200,
                 "the agent in it")
        owner.agree()
        p.send_signal(2)
        assert p.wait(10) == 0
        assert owner.cli("status").code == 69, "the agent outlived watch"
    finally:
        p.kill()
        p.communicate()


def test_programs_are_built():
    for name in ("vsync", "vsync-agent", "vsync-cloud"):
        assert os.access(BUILD / name, os.X_OK)


def test_long_lost_project_is_quiet(world, owner):
    """The project is unknown to the cloud (another database): says so,
    sends no storm, deletes nothing."""
    write(owner.root / "a", b"1")
    owner.flush()
    world.cloud.stop()
    world.cloud.db.rename(world.cloud.base / "old.db")
    owner.token = world.cloud.user("ada")
    world.cloud.start()
    owner.login()
    write(owner.root / "b", b"2")
    wait_for(lambda: owner.status()["problems"], "a problem")
    assert owner.status()["in_sync"] is False
    never(lambda: owner.status()["in_sync"], "in sync with nobody", 1)
    assert (owner.root / "a").exists()
