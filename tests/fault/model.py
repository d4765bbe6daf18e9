"""Random operations on real file systems under the real agent, with the
kernel's limits set so low that events are dropped by the thousand or most
folders have no watch; after each stretch the four views are one."""

import contextlib
import shutil
import subprocess
import time

import harness
from harness import is_root
from kernel import few_watches, small_queue
from ops import Ops
from report import Skip, Tally, must_fail
from wait import wait_for
from world import cloud_of, deaf, owner_of

STRETCH = 250  # operations between two looks
QUEUE = 64
WATCHES = 50
HOMES = {"ext4": ("/tmp", "ef53"), "tmpfs": ("/dev/shm", "1021994")}


def sh(*argv):
    return subprocess.run([str(a) for a in argv], check=True,
                          stdin=subprocess.DEVNULL,
                          capture_output=True).stdout.decode()


@contextlib.contextmanager
def folder_on(kind):
    """A scratch folder on a file system of that kind; where the machine has
    none, root makes one."""
    home, magic = HOMES[kind]
    mounted = sh("stat", "-f", "-c", "%t", home).strip() != magic
    if mounted and not is_root():
        raise Skip("%s is no %s, and a mount needs root" % (home, kind))
    base = harness.scratch("vsf", "/tmp" if mounted else home)
    try:
        if mounted:
            mount(kind, base)
        yield base / "fs"
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(base / "fs")],
                           capture_output=True)
        shutil.rmtree(base, ignore_errors=True)


def mount(kind, base):
    (base / "fs").mkdir()
    if kind == "tmpfs":
        sh("mount", "-t", "tmpfs", "-o", "size=256m", "none", base / "fs")
        return
    sh("truncate", "-s", "256M", base / "image")
    sh("mkfs.ext4", "-q", "-F", base / "image")
    sh("mount", "-o", "loop", base / "image", base / "fs")


def start_with_queue(owner, env):
    with small_queue(QUEUE) as refused:
        if refused:
            raise Skip(refused)
        owner.start(env)
        owner.flush()


def start_with_watches(owner, env):
    prefix, refused = few_watches(WATCHES)
    if refused:
        raise Skip(refused)
    owner.prefix = prefix
    owner.start(env, ready=False)
    owner.prefix = ()
    wait_for(lambda: owner.control.get("/v1/version").status == 200,
             "the agent's socket")
    owner.flush()


STARTS = {"queue": start_with_queue, "watches": start_with_watches}


def stretch(owner, ops, count):
    """count operations, in bursts; in some the agent does not run, so that
    the kernel drops what its queue cannot hold."""
    done = 0
    while done < count:
        burst = min(ops.dice.randrange(10, 250), count - done)
        stopped = ops.dice.random() < 0.4
        if stopped:
            owner.daemon.signal(19)
        for _ in range(burst):
            ops.step()
        if stopped:
            owner.daemon.signal(18)
        time.sleep(ops.dice.random() * 0.1)
        done += burst
    ops.rest()


def one_seed(kind, limit, seed, steps, env=None, look=harness.Owner.settle):
    """Overflows and folders without a watch, as the agent counted them."""
    with folder_on(kind) as base, cloud_of() as cloud:
        (base / "aside").mkdir(parents=True)
        with owner_of(cloud, root=base / "film") as owner:
            cloud.start()
            owner.login()
            owner.init()
            ops = Ops(owner.root, base / "aside", seed)
            ops.folders(WATCHES + 20)
            STARTS[limit](owner, env)
            blind = owner.status()["coverage"] < 1
            for first in range(0, steps, STRETCH):
                try:
                    stretch(owner, ops, min(STRETCH, steps - first))
                    look(owner)
                    owner.agree(flush=False)
                except AssertionError as e:
                    raise AssertionError("seed %d, by operation %d: %s\n%s"
                                         % (seed, ops.n, e, owner.status())
                                         ) from e
            return owner.status()["overflows"], blind


def model(kind, limit, seeds, steps):
    overflows = blind = 0
    for seed in seeds:
        dropped, uncovered = one_seed(kind, limit, seed, steps)
        overflows += dropped
        blind += uncovered
    if limit == "queue":
        assert overflows >= len(seeds), "only %d overflows" % overflows
        said = "%d overflows" % overflows
    else:
        assert blind == len(seeds), "%d runs had watches enough" % (
            len(seeds) - blind)
        said = "never watches enough"
    return Tally("%d seeds x %d operations, %s" % (len(seeds), steps, said),
                 len(seeds) * steps,
                 "%d..%d" % (seeds[0], seeds[-1]))


def way(kind, limit, base):
    return lambda full: model(
        kind, limit, range(base, base + (5 if full else 1)),
        2000 if full else 500)


def heard(owner):
    """Behind the barrier, after all that the watcher had to say: a cookie
    that is dropped, too, would make the barrier scan."""
    time.sleep(1)
    owner.settle()


def control_deaf(full):
    """An agent that does not hear of dropped events must be found out."""
    def broken():
        for seed in range(90, 95):
            one_seed("ext4", "queue", seed, 500, deaf("vsync-agent"), heard)
    said = must_fail(broken)
    assert "differences" in said, said
    return said


CLAIM = ("Q5", "operations on ext4 and tmpfs with a queue of 64 or 50"
         " watches: disk, manifest, cloud and log agree")
CASES = [("model: %s, %s" % (name, kind), way(kind, limit, base))
         for name, limit, kind, base in (
             ("queue of %d" % QUEUE, "queue", "ext4", 1),
             ("queue of %d" % QUEUE, "queue", "tmpfs", 11),
             ("%d watches" % WATCHES, "watches", "ext4", 21),
             ("%d watches" % WATCHES, "watches", "tmpfs", 31))] + [
    ("control: an agent deaf to overflows", control_deaf)]
