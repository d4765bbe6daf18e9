"""Random operations on a real folder, from a seed.  What is there is kept in
a table, so that a seed gives the same operations on any file system."""

import ctypes
import os
import random
import shutil

EXCHANGE = 2  # RENAME_EXCHANGE
AT_FDCWD = -100
NAMES = 28
ODD = ["ünï", "e\u0301", "new\nline", " space ", "-rf", "a:b", "日本",
       "percent%2e"]
MOST = 350  # entries; above it more goes than comes
DEEPEST = 7


def exchange(a, b):
    """renameat2(RENAME_EXCHANGE): False where the kernel cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return call is not None and call(
        AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), EXCHANGE) == 0


class Ops:
    """A tree that changes.  root is watched, aside lies on the same file
    system and is not."""

    def __init__(self, root, aside, seed):
        self.root, self.aside = str(root), str(aside)
        self.dice = random.Random(seed)
        self.have = {}  # path -> f (file), d (folder), l (link)
        self.open = {}  # path at its opening -> file object
        self.out = []  # folders and files moved out: (name, entries)
        self.written = set()  # inodes, since rest()
        self.n = 0
        self.counts = {}

    # What there is

    def full(self, path):
        return os.path.join(self.root, path)

    def some(self, kinds):
        found = [p for p, k in self.have.items() if k in kinds]
        return self.dice.choice(found) if found else None

    def below(self, path):
        return [p for p in self.have if p.startswith(path + "/")]

    def name(self):
        if self.dice.random() < 0.04:
            return self.dice.choice(ODD)
        return "n%d" % self.dice.randrange(NAMES)

    def place(self):
        """Where something may come to be: free, or taken."""
        top = self.some("d") if self.dice.random() < 0.8 else None
        if top is None or top.count("/") >= DEEPEST:
            return self.name()
        return top + "/" + self.name()

    def content(self):
        size = self.dice.choice([0, 1, 17, 400, 4096, 40000])
        return (b"%d " % self.n * (size // 2 + 1))[:size]

    # Bookkeeping

    def forget(self, path):
        """Takes path out of the table with all below; what that was."""
        gone = {p: self.have.pop(p) for p in self.below(path)}
        gone[path] = self.have.pop(path)
        return gone

    def renamed(self, old, new):
        for p, kind in self.forget(old).items():
            self.have[new + p[len(old):]] = kind

    def touch(self, path):
        """path is about to be written to."""
        self.written.add(os.lstat(self.full(path)).st_ino)
        return self.full(path)

    def farewell(self, path):
        """What is written by a name that goes before anybody looked is
        heard of by no other name of the same file, only found by a scan: so
        another one is touched."""
        going = set(self.below(path)) | {path}
        for p in going:
            st = os.lstat(self.full(p))
            if self.have[p] != "f" or st.st_nlink == 1 or \
                    st.st_ino not in self.written:
                continue
            for q, kind in self.have.items():
                if kind == "f" and q not in going and os.path.samestat(
                        st, os.lstat(self.full(q))):
                    os.utime(self.full(q))

    def free(self, path):
        """Whatever is at path goes."""
        kind = self.have.get(path)
        if kind:
            self.farewell(path)
        if kind == "d":
            shutil.rmtree(self.full(path))
        elif kind:
            os.unlink(self.full(path))
        if kind:
            self.forget(path)

    def same(self, a, b):
        """Two names of one inode: renaming one to the other does nothing."""
        return b in self.have and os.path.samestat(
            os.lstat(self.full(a)), os.lstat(self.full(b)))

    def folders(self, count):
        """To begin with."""
        for i in range(count):
            path = "d%d" % i
            os.mkdir(self.full(path))
            self.have[path] = "d"

    # The operations; each may find nothing to do

    def create(self):
        path = self.place()
        self.free(path)
        with open(self.full(path), "wb") as f:
            f.write(self.content())
        self.have[path] = "f"

    def save(self):
        path = self.some("f")
        if path:
            with open(self.touch(path), "wb") as f:
                f.write(self.content())

    def save_over(self):
        path = self.some("f")
        if path:
            temp = self.full(path) + "~"
            with open(temp, "wb") as f:
                f.write(self.content())
            self.farewell(path)
            os.rename(temp, self.full(path))

    def in_place(self):
        """Same size.  Its time is not put back: followed by a rename before
        anybody looks, that is not to be told from a rename alone."""
        path = self.some("f")
        if not path:
            return
        size = os.stat(self.full(path)).st_size
        with open(self.touch(path), "r+b") as f:
            f.seek(size // 2)
            f.write(b"%d" % self.n if size > 20 else b"")

    def append(self):
        path = self.some("f")
        if path:
            with open(self.touch(path), "ab") as f:
                f.write(b"more")

    def truncate(self):
        path = self.some("f")
        if path:
            os.truncate(self.touch(path), self.dice.choice([0, 5, 9000]))

    def hold(self):
        """A writer that stays; its file may be renamed under it."""
        path = self.some("f")
        if path and len(self.open) < 3 and path not in self.open and \
                os.lstat(self.full(path)).st_nlink == 1:
            self.open[path] = open(self.full(path), "r+b")

    def held_write(self):
        if self.open:
            f = self.open[self.dice.choice(sorted(self.open))]
            f.write(b"held %d" % self.n)
            f.flush()

    def let_go(self):
        if self.open:
            self.open.pop(self.dice.choice(sorted(self.open))).close()

    def hard_link(self):
        path, to = self.some("f"), self.place()
        held = [os.fstat(f.fileno()) for f in self.open.values()]
        if path and to not in self.have and not any(
                os.path.samestat(st, os.lstat(self.full(path)))
                for st in held):
            os.link(self.full(path), self.full(to))
            self.have[to] = "f"

    def link(self):
        path = self.place()
        self.free(path)
        os.symlink(self.dice.choice(["x", "../..", "/etc/passwd", "n1"]),
                   self.full(path))
        self.have[path] = "l"

    def pipe(self):
        path = self.place()
        if path not in self.have:
            os.mkfifo(self.full(path))
            os.unlink(self.full(path))

    def folder(self):
        path = self.place()
        self.free(path)
        os.mkdir(self.full(path))
        self.have[path] = "d"
        for i in range(self.dice.randrange(4)):
            inner = path + "/c%d" % i
            with open(self.full(inner), "wb") as f:
                f.write(self.content())
            self.have[inner] = "f"

    def nest(self):
        """Folders in folders, faster than one can watch them."""
        path = self.place()
        self.free(path)
        for i in range(self.dice.randrange(2, 5)):
            os.mkdir(self.full(path))
            self.have[path] = "d"
            inner = path + "/f%d" % i
            with open(self.full(inner), "wb") as f:
                f.write(self.content())
            self.have[inner] = "f"
            path += "/deep"

    def rename(self):
        path, to = self.some("ffdl"), self.place()
        if not path or to == path or to.startswith(path + "/") or \
                path.startswith(to + "/"):
            return
        if "d" in (self.have[path], self.have.get(to, "")) or \
                self.same(path, to):
            self.free(to)
        if to in self.have:
            self.farewell(to)
        os.rename(self.full(path), self.full(to))
        self.have.pop(to, None)
        self.renamed(path, to)

    def rename_folder(self):
        path = self.some("d")
        if path:
            to = os.path.join(os.path.dirname(path), self.name())
            if to not in self.have:
                os.rename(self.full(path), self.full(to))
                self.renamed(path, to)

    def ring(self):
        """Two change places: by three renames, or all at once."""
        a, b = self.some("fdl"), self.some("fdl")
        if not a or a == b or a.startswith(b + "/") or \
                b.startswith(a + "/"):
            return
        if self.dice.random() < 0.5 and exchange(self.full(a),
                                                 self.full(b)):
            in_a, in_b = self.forget(a), self.forget(b)
            self.have.update((b + p[len(a):], k) for p, k in in_a.items())
            self.have.update((a + p[len(b):], k) for p, k in in_b.items())
            return
        os.rename(self.full(a), self.full("ring"))
        self.renamed(a, "ring")
        os.rename(self.full(b), self.full(a))
        self.renamed(b, a)
        os.rename(self.full("ring"), self.full(b))
        self.renamed("ring", b)

    def move_out(self):
        path = self.some("fd")
        if path and len(self.out) < 5:
            name = "out%d" % self.n
            self.farewell(path)
            os.rename(self.full(path), os.path.join(self.aside, name))
            gone = self.forget(path)
            self.out.append((name, {p[len(path):]: k
                                    for p, k in gone.items()}))

    def move_in(self):
        if self.out:
            name, entries = self.out.pop(self.dice.randrange(len(self.out)))
            to = self.place()
            self.free(to)
            os.rename(os.path.join(self.aside, name), self.full(to))
            self.have.update((to + p, k) for p, k in entries.items())

    def delete(self):
        path = self.some("fl")
        if path:
            self.free(path)

    def remove_folder(self):
        path = self.some("d")
        if path and (len(self.below(path)) < 25 or
                     len(self.have) > MOST):
            self.free(path)

    def mode(self):
        path = self.some("f")
        if path:
            os.chmod(self.touch(path),
                     self.dice.choice([0o600, 0o644, 0o755]))

    def times(self):
        path = self.some("f")
        if path:
            os.utime(self.touch(path), (0, self.n + self.dice.choice(
                [0, 10**9, 4 * 10**9])))

    GROW = [create, create, create, folder, nest, hard_link, link, move_in]
    CHANGE = [save, save, save_over, in_place, append, truncate, hold,
              held_write, held_write, let_go, rename, rename,
              rename_folder, ring, mode, times, pipe]
    SHRINK = [delete, delete, remove_folder, move_out]

    def step(self):
        self.n += 1
        grow = 0.35 if len(self.have) < MOST else 0.15
        which = self.dice.random()
        acts = self.GROW if which < grow else \
            self.CHANGE if which < 0.75 else self.SHRINK
        act = self.dice.choice(acts)
        self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
        act(self)

    def rest(self):
        """Every writer lets go."""
        self.written.clear()
        while self.open:
            self.open.popitem()[1].close()
