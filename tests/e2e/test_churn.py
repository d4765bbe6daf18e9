"""Random operations of every kind on a real folder; the folder itself is the
oracle.  A failure names its seed."""

import os
import random
import shutil
import time

import pytest

from harness import write


class Churn:
    """Does one random thing after another to a tree."""

    def __init__(self, root, seed):
        self.root, self.dice = root, random.Random(seed)
        self.n = 0

    def some(self, kind):
        """Something of that kind in the tree, or None."""
        found = []
        for top, dirs, files in os.walk(self.root):
            if ".vsync" in dirs:
                dirs.remove(".vsync")
            names = dirs if kind == "dir" else files
            found += [os.path.join(top, x) for x in sorted(names)
                      if kind == "dir" or not os.path.islink(
                          os.path.join(top, x))]
        return self.dice.choice(sorted(found)) if found else None

    def place(self):
        """Where something new may go."""
        top = self.dice.choice([self.root, self.some("dir") or self.root])
        if os.path.islink(top):
            top = self.root
        return os.path.join(top, "n%d" % self.dice.randrange(40))

    def free(self, path):
        """Whatever is there goes."""
        if os.path.islink(path) or os.path.isfile(path):
            os.unlink(path)
        elif os.path.isdir(path):
            shutil.rmtree(path)

    def save(self):
        path = self.some("file") or self.place()
        if os.path.isdir(path):
            return
        write(path, b"%d " % self.n * self.dice.randrange(1, 3000))

    def create(self):
        path = self.place()
        self.free(path)
        write(path, b"new %d" % self.n)

    def append(self):
        path = self.some("file")
        if path:
            with open(path, "ab") as f:
                f.write(b"more")

    def folder(self):
        path = self.place()
        self.free(path)
        os.mkdir(path)
        for i in range(self.dice.randrange(4)):
            write(os.path.join(path, "c%d" % i), b"%d" % self.n)

    def link(self):
        path = self.place()
        self.free(path)
        os.symlink(self.dice.choice(["x", "../..", "/etc/passwd", "n1"]),
                   path)

    def rename(self):
        path = self.some(self.dice.choice(["file", "file", "dir"]))
        to = self.place()
        if not path or (to + "/").startswith(path + "/") or \
                (path + "/").startswith(to + "/"):
            return
        self.free(to)
        os.rename(path, to)

    def swap(self):
        a, b = self.some("file"), self.some("file")
        if a and b and a != b:
            temp = os.path.join(self.root, "swap")
            os.rename(a, temp)
            os.rename(b, a)
            os.rename(temp, b)

    def delete(self):
        path = self.some("file")
        if path:
            os.unlink(path)

    def remove_folder(self):
        path = self.some("dir")
        if path and self.dice.random() < 0.4:
            self.free(path)

    def mode(self):
        path = self.some("file")
        if path:
            os.chmod(path, self.dice.choice([0o600, 0o644, 0o755]))

    def step(self):
        self.n += 1
        act = self.dice.choice([
            self.save, self.save, self.create, self.create, self.append,
            self.folder, self.link, self.rename, self.rename, self.swap,
            self.delete, self.remove_folder, self.mode])
        act()


@pytest.mark.parametrize("seed", range(3))
def test_random_operations(owner, seed):
    churn = Churn(str(owner.root), seed)
    for _ in range(6):
        for _ in range(60):
            churn.step()
            if churn.dice.random() < 0.2:
                time.sleep(churn.dice.random() * 0.05)
        owner.agree()


def test_random_operations_and_kills(world, owner):
    churn = Churn(str(owner.root), 77)
    for n in range(12):
        for _ in range(30):
            churn.step()
        if n % 3 == 0:
            owner.restart()
        elif n % 3 == 1:
            world.cloud.kill()
            churn.step()
            world.cloud.start()
        if n % 4 == 3:
            owner.agree(timeout=60)
    owner.agree(timeout=60)


def test_second_scan_says_nothing(owner):
    """After any history, another full scan makes no event."""
    churn = Churn(str(owner.root), 5)
    for _ in range(150):
        churn.step()
    owner.agree()
    head = owner.head()
    owner.cli("rescan", "--data", check=0)
    owner.restart()
    owner.agree()
    assert owner.head() == head
