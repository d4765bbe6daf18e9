"""A member's disk that takes names for one which differ in case only: what
stands under one of them is never replaced by the other."""

import contextlib

import harness
from harness import Member, write
from report import must_fail
from world import cloud_of, owner_of

TEXTS = {"README": b"the one", "ReadMe": b"the other, longer",
         "shots/a.mov": b"lower", "Shots/A.mov": b"upper case"}


PAIRS = (("README", "ReadMe"), ("Shots/A.mov", "shots/a.mov"))
AS = {"ReadMe": "ReadMe~case1", "shots/a.mov": "Shots/a.mov~case1"}


@contextlib.contextmanager
def folding(**more):
    """An owner with all of TEXTS, and a member on such a disk."""
    with cloud_of() as cloud, owner_of(cloud) as owner:
        for path, text in TEXTS.items():
            write(owner.root / path, text)
        cloud.start()
        owner.setup()
        owner.agree()
        member = Member(owner, cloud.user("bob"))
        try:
            member.login()
            member.join()
            member.env.update(
                LD_PRELOAD=str(harness.BUILD / "fold.so"),
                FOLD_BELOW=str(member.base.resolve()),
                FOLD_PROG="vsync-agent", **more)
            member.start()
            member.agree()
            yield owner, member
        finally:
            member.close()


def standing(root):
    """Path to text, of all files that are there."""
    return {str(p.relative_to(root)): p.read_bytes()
            for p in root.rglob("*")
            if p.is_file() and ".vsync" not in p.parts}


def one_after_another(member, *more):
    """The second one stands beside the first."""
    want = {}
    for first, second in PAIRS:
        member.pull(first)
        want[first] = TEXTS[first]
        run = member.pull(second, *more, check=None)
        there = standing(member.root)
        assert there.get(first) == want[first], "%s was replaced: %s" % (
            first, there)
        assert run.code == 0, run
        want[AS[second]] = TEXTS[second]
        assert there == want, there
        assert b"%s: here as %s~case1," % (
            second.encode(), second.encode()) in run.err, run


def told(member):
    """Both names, wherever one looks."""
    listed = member.cli("ls", "-R", "--json", "--project", member.project)
    rows = {r["path"]: r for r in listed.json["files"]}
    for path in TEXTS:
        place = rows[path].get("place")
        # a folder that is one there is written as the project has it
        assert place == (path + "~case1" if path in AS else None), rows[path]
        assert rows[path]["badge"] == "=", rows[path]
    short = member.cli("ls", "--project", member.project, check=0)
    assert "ReadMe  (here as ReadMe~case1)" in short.text, short
    status = member.status()
    assert status["renamed_files"] == 2, status
    assert "names of 2 files" in member.cli("status", check=0).text
    assert member.cli("status", "--check").code == 0
    doc = member.pull("ReadMe", "--json").json
    assert doc["files"][0]["place"] == "ReadMe~case1", doc


def names_alike(full):
    with folding() as (owner, member):
        one_after_another(member)
        told(member)
        # each goes on as ever, in its place
        write(owner.root / "README", b"the one, edited")
        write(owner.root / "ReadMe", b"the other, edited")
        owner.flush()
        member.flush()
        member.restart()
        member.pull("ReadMe", "README")
        there = standing(member.root)
        assert there["README"] == b"the one, edited", there
        assert there["ReadMe~case1"] == b"the other, edited", there
        assert len(there) == 4, there
    return "two files and two folders"


def at_once(full):
    """All in one pull: one of each pair has its name, the other its place."""
    with folding() as (_, member):
        run = member.pull(*TEXTS, check=None)
        assert run.code == 0, run
        there = standing(member.root)
        assert sorted(there.values()) == sorted(TEXTS.values()), there
        for path, text in there.items():
            own = path.replace("~case1", "").lower()
            assert text in [TEXTS[p] for p in TEXTS if p.lower() == own]
        again = member.pull(*TEXTS, check=None)
        assert again.code == 0, again
        assert standing(member.root) == there
    return ", ".join(sorted(there))


def elsewhere(full):
    """A folder of another disk has places of its own."""
    with folding() as (_, member):
        out = member.base / "stick"
        out.mkdir()
        member.pull("ReadMe", "-o", str(out))
        run = member.pull("README", "-o", str(out))
        assert b"here as README~case1" in run.err, run
        there = standing(out)
        assert there == {"ReadMe": TEXTS["ReadMe"],
                         "README~case1": TEXTS["README"]}, there
    return ", ".join(sorted(there))


def control(full):
    """A disk that lists names as they are asked for cannot be seen through:
    one that is told to replace must be found out."""
    with folding(FOLD_LIES="1") as (_, member):
        said = must_fail(one_after_another, member, "--force")
    assert "replaced" in said, said
    return said


CLAIM = ("P7", "a member's disk that folds case: of two names that are one"
         " there, none overwrites the other, and both files are there")
CASES = [
    ("names alike, one after another", names_alike),
    ("names alike, at once", at_once),
    ("names alike, in another folder", elsewhere),
    ("control: names alike, and the disk does not say so", control),
]
