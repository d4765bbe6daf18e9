"""How a folder is watched: by events, or where there are none, by scans; and
the limits of the kernel, which are lowered in a user namespace only."""

import os
import re
import shutil
import subprocess
import time

import pytest

from harness import is_root, scratch, write
from wait import PATIENCE, wait_for

COOKIE = 3.0  # seconds that a barrier waits for its cookie, where it can
SYSCTL = re.compile(r"^sudo sysctl -w ([a-z_.]+)=(\d+)$")


def configure(owner, line):
    """One more line in the project's section, which is the last one."""
    path = owner.base / "config" / "vsync" / "config"
    text = path.read_text().rstrip("\n")
    assert text.rindex("[project ") == text.rindex("[")
    path.write_text("%s\n%s\n" % (text, line))


def polled(world, files=20):
    """An owner whose folder is scanned only."""
    owner = world.owner()
    owner.login()
    owner.init()
    configure(owner, "watch = poll")
    for i in range(files):
        write(owner.root / ("d%d" % (i % 5)) / str(i), b"%d" % i)
    return owner.start()


def test_poll_finds_changes(world, cloud):
    owner = polled(world)
    owner.agree()
    status = owner.await_state("in_sync")
    assert status["watcher"] == "poll" and status["dirs_watched"] == 0
    assert owner.problems()["polled"]["severity"] == "info"
    assert owner.cli("status", "--check").code == 0
    assert "scanned in intervals" in owner.cli("status", check=0).text
    # nobody asks for a scan here
    write(owner.root / "d1" / "new", b"1")
    (owner.root / "d2").rename(owner.root / "d3" / "moved")
    wait_for(lambda: "d3/moved" in owner.listing(), "the next scan", 30)
    owner.agree()


def test_poll_has_no_watch(world, cloud):
    """Nothing of the kernel's is held, and nothing is heard."""
    owner = polled(world)
    owner.agree()
    fds = "/proc/%d/fd" % owner.daemon.proc.pid
    assert not [fd for fd in os.listdir(fds)
                if "inotify" in os.readlink(fds + "/" + fd)]


def test_barrier_scans_at_once(world, cloud):
    """Where no cookie can come back, nobody waits for one."""
    owner = polled(world)
    owner.agree()
    for command in (["flush"], ["wait", "--in-sync", "--timeout", "20"]):
        write(owner.root / "d1" / command[0], b"1")
        start = time.monotonic()
        owner.cli(*command, check=0)
        took = time.monotonic() - start
        assert command[0] in [p.rsplit("/")[-1] for p in owner.listing()]
        assert took < COOKIE * 0.6 * PATIENCE, (command, took)


def test_a_wrong_wish_is_refused(world, cloud):
    owner = world.owner()
    owner.login()
    owner.init()
    configure(owner, "watch = inotfy")
    run = subprocess.run([owner.program, "--foreground"], env=owner.env,
                         capture_output=True, timeout=20)
    assert run.returncode == 78
    assert b"auto, inotify or poll" in run.stderr


def test_the_wish_may_change(world, cloud):
    """A configuration that is read again is obeyed."""
    owner = polled(world)
    owner.agree()
    path = owner.base / "config" / "vsync" / "config"
    path.write_text(path.read_text().replace("watch = poll", "watch = auto"))
    owner.daemon.signal(1)
    wait_for(lambda: owner.status()["watcher"] == "inotify", "events", 20)
    owner.agree()
    assert owner.status()["coverage"] == 1
    assert not owner.problems()


def renamed_within(owner, n):
    """A tree of n folders is renamed, and then written to at its bottom."""
    for i in range(n):
        (owner.root / "old" / ("d%d" % i)).mkdir(parents=True)
    write(owner.root / "old" / "d7" / "f", b"1")
    owner.flush()
    watched = owner.status()["dirs_watched"]
    (owner.root / "old").rename(owner.root / "new")
    owner.flush()
    assert owner.status()["dirs_watched"] == watched
    scans = owner.status()["last_scan_at"]
    write(owner.root / "new" / "d7" / "f", b"2")
    wait_for(lambda: owner.listing()["new/d7/f"] == owner.disk()["new/d7/f"],
             "the event below the renamed folder", 10)
    assert owner.status()["last_scan_at"] == scans


def test_renamed_folder_is_heard_of(owner):
    renamed_within(owner, 300)
    owner.agree()
    assert owner.status()["overflows"] == 0


def test_out_and_in_again(owner):
    """A folder leaves the project and comes back: told each time."""
    write(owner.root / "d" / "e" / "f", b"1")
    owner.flush()
    out = owner.base / "out"
    for n in range(3):
        (owner.root / "d").rename(out)
        wait_for(lambda: "d/e/f" not in owner.listing(), "it to be gone", 10)
        write(out / "e" / "f", b"%d" % n)
        out.rename(owner.root / "d")
        wait_for(lambda: owner.listing().get("d/e/f") ==
                 owner.disk()["d/e/f"], "it to be back", 10)
    owner.agree()


def test_renamed_to_a_name_that_cannot_travel(owner):
    """Its watches go with it, and nothing of it is published."""
    write(owner.root / "d" / "e" / "f", b"1")
    owner.flush()
    bad = os.fsencode(owner.root) + b"/\xff\xfe"
    os.rename(owner.root / "d", bad)
    with open(bad + b"/e/f", "wb") as f:
        f.write(b"22")
    owner.flush()
    assert owner.listing() == {}
    assert owner.problems()["refused"]
    assert owner.status()["dirs_watched"] == 1
    os.rename(bad, owner.root / "d")
    owner.agree()


def test_renamed_to_an_ignored_name(owner):
    """Hidden and shown again: not watched, and watched."""
    write(owner.root / "d" / "e" / "f", b"1")
    owner.flush()
    (owner.root / "d").rename(owner.root / ".stversions")
    write(owner.root / ".stversions" / "e" / "f", b"2")
    owner.flush()
    assert owner.listing() == {}
    wait_for(lambda: owner.status()["dirs_watched"] == 1, "it to be let go", 5)
    (owner.root / ".stversions").rename(owner.root / "d")
    owner.agree()
    assert owner.status()["dirs_watched"] == 3
    write(owner.root / "d" / "e" / "f", b"333")
    wait_for(lambda: owner.listing()["d/e/f"] == owner.disk()["d/e/f"],
             "an event", 10)


def confined(**limits):
    """A prefix: a user namespace with these limits for its user."""
    sets = "".join("echo %d >/proc/sys/user/max_inotify_%s && " % (n, what)
                   for what, n in limits.items())
    return ["unshare", "--user", "--map-root-user", "sh", "-c",
            sets + "exec \"$@\"", "sh"]


def confined_owner(world, files, **limits):
    probe = subprocess.run(confined(**limits) + ["true"], capture_output=True)
    if probe.returncode:
        pytest.skip("no user namespace: %r" % probe.stderr[-200:])
    owner = world.owner()
    owner.login()
    owner.init()
    for i in range(files):
        write(owner.root / ("d%d" % i) / "f", b"%d" % i)
    owner.prefix = tuple(confined(**limits))
    owner.start()
    owner.prefix = ()
    return owner


def lift(owner, problem):
    """Runs the command that the status gives, where the agent is."""
    name, value = SYSCTL.match(problem["hint"]).groups()
    run = subprocess.run(
        ["nsenter", "--user", "--preserve-credentials", "--target",
         str(owner.daemon.proc.pid), "sh", "-c", "echo %s >/proc/sys/%s"
         % (value, name.replace(".", "/"))], capture_output=True)
    if run.returncode:
        pytest.skip("cannot enter the namespace: %r" % run.stderr[-200:])
    return int(value)


def test_watch_limit_is_told_and_mended(world, cloud):
    owner = confined_owner(world, 60, watches=20)
    owner.agree()
    problem = owner.problems()["watch_limit"]
    assert "user.max_inotify_watches, 20 allowed" in problem["message"]
    assert "61 folders need watching" in problem["message"]
    assert owner.status()["coverage"] < 1
    assert owner.cli("status", "--check").code == 3
    assert "sysctl -w" in owner.cli("status").text
    # a barrier scans, then
    write(owner.root / "d59" / "f", b"again")
    start = time.monotonic()
    owner.agree()
    assert time.monotonic() - start < COOKIE * 0.6 * PATIENCE + 1
    assert lift(owner, problem) >= 81
    owner.cli("rescan", check=0)
    wait_for(lambda: owner.status()["coverage"] == 1, "all to be watched", 10)
    assert not owner.problems()
    write(owner.root / "d59" / "f", b"heard")
    wait_for(lambda: owner.listing()["d59/f"] == owner.disk()["d59/f"],
             "an event", 10)
    owner.agree()


def test_instance_limit_is_told_and_mended(world, cloud):
    owner = confined_owner(world, 10, instances=0)
    owner.agree()
    status = owner.status()
    assert status["watcher"] == "poll" and status["dirs_watched"] == 0
    problem = owner.problems()["instance_limit"]
    assert "user.max_inotify_instances, 0 allowed" in problem["message"]
    assert "11 folders" in problem["message"]
    assert owner.cli("status", "--check").code == 3
    write(owner.root / "d3" / "f", b"again")
    wait_for(lambda: owner.listing()["d3/f"] == owner.disk()["d3/f"],
             "the next scan", 30)
    lift(owner, problem)
    owner.cli("rescan", check=0)
    wait_for(lambda: owner.status()["coverage"] == 1, "events", 10)
    assert owner.status()["watcher"] == "inotify" and not owner.problems()
    write(owner.root / "d3" / "f", b"heard")
    wait_for(lambda: owner.listing()["d3/f"] == owner.disk()["d3/f"],
             "an event", 4)
    owner.agree()


@pytest.fixture
def elsewhere():
    """(what another machine has, its mount here), by FUSE."""
    if not is_root() or not shutil.which("bindfs"):
        pytest.skip("needs root and bindfs for a FUSE mount")
    base = scratch("vsf")
    there, here = base / "there", base / "here"
    there.mkdir()
    here.mkdir()
    if subprocess.run(["bindfs", str(there), str(here)]).returncode:
        shutil.rmtree(base)
        pytest.skip("cannot mount by FUSE")
    try:
        yield there, here
    finally:
        subprocess.run(["umount", "-l", str(here)], check=True)
        shutil.rmtree(base)


def test_network_file_system_is_polled(world, cloud, elsewhere):
    there, here = elsewhere
    owner = world.owner(root=here)
    owner.setup()
    write(here / "a", b"1")
    owner.agree()
    assert owner.status()["watcher"] == "poll"
    problem = owner.problems()["polled"]
    assert "fuse" in problem["message"] and problem["severity"] == "warning"
    assert "watch = poll" in problem["hint"]
    # changed by another machine: no event, and found all the same
    write(there / "d" / "b", b"2")
    wait_for(lambda: "d/b" in owner.listing(), "the next scan", 30)
    owner.agree()
    configure(owner, "watch = poll")
    owner.daemon.signal(1)
    wait_for(lambda: owner.problems()["polled"]["severity"] == "info",
             "the wish to be known", 20)
    owner.agree()
    owner.close()


def test_mounted_late(world, cloud, elsewhere):
    """Not there at the start; when it comes, it is seen for what it is."""
    there, here = elsewhere
    owner = world.owner(root=here)
    owner.login()
    owner.init()
    write(here / "a", b"1")
    subprocess.run(["umount", str(here)], check=True)
    try:
        owner.start()
        owner.await_state("root_lost")
    finally:
        subprocess.run(["bindfs", str(there), str(here)], check=True)
    owner.await_state("in_sync", timeout=30)
    assert owner.status()["watcher"] == "poll"
    write(there / "b", b"2")
    wait_for(lambda: "b" in owner.listing(), "the next scan", 30)
    owner.agree()
    owner.close()


def deletions(owner, since):
    return [e["change"]["path"] for e in owner.events(since)
            if e["change"]["op"] == "delete"]


def test_unmounted_and_back(world, cloud, elsewhere):
    """Its server goes away and comes back: nothing is deleted for it, and
    what happened there meanwhile is found."""
    there, here = elsewhere
    owner = world.owner(root=here)
    owner.setup()
    for i in range(20):
        write(there / "d" / str(i), b"%d" % i)
    owner.cli("rescan", check=0)
    owner.agree()
    head = owner.head()
    subprocess.run(["umount", "-l", str(here)], check=True)
    try:
        owner.cli("rescan")
        owner.await_state("root_lost", timeout=40)
        assert not owner.status()["in_sync"]
        assert owner.problems()["root_lost"]["hint"]
        owner.restart()
        owner.await_state("root_lost", timeout=40)
        assert owner.head() == head
        (there / "d" / "0").unlink()
        write(there / "d" / "new", b"meanwhile")
    finally:
        subprocess.run(["bindfs", str(there), str(here)], check=True)
    wait_for(lambda: "d/new" in owner.listing(), "it to go on", 60)
    wait_for(lambda: deletions(owner, head), "what did go to be seen", 30)
    owner.agree()
    assert deletions(owner, head) == ["d/0"]
    assert owner.status()["watcher"] == "poll"
    owner.close()


def test_mounted_inside(world, cloud, elsewhere):
    """Inside a folder that is watched it is another file system: not
    entered, and what was known below it stays."""
    there, _ = elsewhere
    write(there / "foreign", b"of another machine")
    owner = world.owner()
    write(owner.root / "d" / "own", b"1")
    owner.setup()
    owner.agree()
    head = owner.head()
    subprocess.run(["bindfs", "-o", "nonempty", str(there),
                    str(owner.root / "d")], check=True)
    try:
        owner.cli("rescan")
        write(owner.root / "new", b"2")
        wait_for(lambda: "new" in owner.listing(), "the rest to go on", 20)
        write(there / "later", b"3")
        owner.cli("rescan")
        assert not [p for p in owner.listing() if "foreign" in p or
                    "later" in p]
        assert "d/own" in owner.listing() and not deletions(owner, head)
        status = owner.status()
        assert status["watcher"] == "inotify"
        assert "d" in [r["path"] for r in status["refused"]] or \
            "'d'" in str(status["problems"]), status
    finally:
        subprocess.run(["umount", "-l", str(owner.root / "d")], check=True)
    owner.cli("rescan", check=0)
    owner.agree()
    assert not deletions(owner, head)
    owner.close()


def test_state_on_a_network_file_system(world, cloud, elsewhere):
    """Refused, with what to do; nothing is made there."""
    there, here = elsewhere
    owner = world.owner()
    owner.login()
    owner.init()
    env = dict(owner.env, XDG_STATE_HOME=str(here / "state"))
    (there / "state").mkdir()
    run = subprocess.run([owner.program, "--foreground"], env=env,
                         capture_output=True, timeout=20)
    assert run.returncode == 78, run
    assert b"network file system (fuse)" in run.stderr
    assert b"XDG_STATE_HOME" in run.stderr
    assert not list((there / "state").rglob("*.db"))
