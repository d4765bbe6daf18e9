"""What is renamed is not read again: the agent counts the bytes it hashes."""

import os

from harness import write

FILES = 300
SIZE = 4096


def hashed(owner):
    """Bytes that the agent has hashed since its start."""
    text = owner.control.get("/metrics").body.decode()
    for line in text.splitlines():
        if line.startswith("vsync_hash_bytes_total{"):
            return int(float(line.split()[-1]))
    raise AssertionError("no count of hashed bytes")


def fill(folder):
    for i in range(FILES):
        write(folder / ("cam%d" % (i % 3)) / ("%03d.mov" % i),
              i.to_bytes(4, "big") * (SIZE // 4))


def moved(owner, head, old, new):
    """Each file of the new folder came from its old name, in order."""
    rows = [e["change"] for e in owner.events(head)]
    creates = [c for c in rows if c["op"] != "delete" and
               c["path"].endswith(".mov")]
    assert len(creates) == FILES
    for c in creates:
        assert c["path"].startswith(new + "/"), c
        assert c["renamed_from"] == old + c["path"][len(new):], c
    at = {(c["op"] == "delete", c["path"]): i for i, c in enumerate(rows)}
    for c in creates:
        assert at[False, c["path"]] < at[True, c["renamed_from"]], c


def test_folder(owner):
    fill(owner.root / "day1")
    owner.flush()
    head, before = owner.head(), hashed(owner)
    assert before >= FILES * SIZE, "nothing was counted"
    (owner.root / "day1").rename(owner.root / "day2")
    owner.agree()
    assert hashed(owner) == before, "a renamed file was read"
    moved(owner, head, "day1", "day2")


def test_folder_while_down(owner):
    fill(owner.root / "day1")
    owner.flush()
    head = owner.head()
    owner.kill()
    (owner.root / "day1").rename(owner.root / "other")
    owner.start()
    owner.agree()
    assert hashed(owner) == 0, "a renamed file was read"
    moved(owner, head, "day1", "other")


def test_file(owner):
    f = write(owner.root / "a.mov", os.urandom(SIZE))
    owner.flush()
    before = hashed(owner)
    for name in ("b.mov", "c.mov", "d.mov"):
        f = f.rename(owner.root / name)
        owner.agree()
    assert hashed(owner) == before
    write(f, os.urandom(SIZE))
    owner.agree()
    assert hashed(owner) == before + SIZE, "an edit was not read"


def test_hard_links(owner):
    first = write(owner.root / "0", os.urandom(SIZE))
    for i in range(1, 50):
        os.link(first, owner.root / str(i))
    owner.flush()
    assert len(owner.agree()) == 50
    assert hashed(owner) <= 3 * SIZE, "each name was read"


def test_folder_and_an_edit(owner):
    """What was edited just before or after is read, and nothing else."""
    fill(owner.root / "day1")
    owner.flush()
    before = hashed(owner)
    write(owner.root / "day1" / "cam0" / "000.mov", b"x" * SIZE)
    (owner.root / "day1").rename(owner.root / "day2")
    write(owner.root / "day2" / "cam1" / "001.mov", b"y" * SIZE)
    owner.agree()
    assert hashed(owner) <= before + 4 * SIZE, "more was read"


def test_folder_again_and_back(owner):
    fill(owner.root / "day1")
    owner.flush()
    before = hashed(owner)
    for name in ("day2", "day3", "day1", "day4"):
        next(owner.root.glob("day*")).rename(owner.root / name)
    owner.agree()
    (owner.root / "day4").rename(owner.root / "day1")
    owner.agree()
    assert hashed(owner) == before, "a renamed file was read"


def test_folder_into_an_ignored_name_and_out(owner):
    write(owner.root / "kept", b"kept")
    write(owner.root / ".stignore", b"hidden\n")
    for i in range(50):
        write(owner.root / "day1" / ("%03d.mov" % i), os.urandom(SIZE))
    owner.flush()
    (owner.root / "day1").rename(owner.root / "hidden")
    owner.flush()
    assert sorted(map(str, owner.listing())) == ["kept"]
    (owner.root / "hidden").rename(owner.root / "day1")
    owner.flush()
    assert len(owner.listing()) == 52, owner.listing()
