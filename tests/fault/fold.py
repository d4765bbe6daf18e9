"""A member's disk that takes names for one which differ in case only: what
stands under one of them is never replaced by the other."""

import contextlib

import harness
from harness import Member, write
from report import must_fail
from world import cloud_of, owner_of

TEXTS = {"README": b"the one", "ReadMe": b"the other, longer",
         "shots/a.mov": b"lower", "Shots/A.mov": b"upper case"}


@contextlib.contextmanager
def folding():
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
            member.start({"LD_PRELOAD": str(harness.BUILD / "fold.so"),
                          "FOLD_BELOW": str(member.root.resolve()),
                          "FOLD_PROG": "vsync-agent"})
            member.agree()
            yield owner, member
        finally:
            member.close()


def standing(member):
    """Path to text, of all files that are there."""
    return {str(p.relative_to(member.root)): p.read_bytes()
            for p in member.root.rglob("*")
            if p.is_file() and ".vsync" not in p.parts}


def one_after_another(member, *more):
    """The second name is refused, whichever comes first."""
    for first, second in (("README", "ReadMe"), ("Shots/A.mov",
                                                 "shots/a.mov")):
        member.pull(first)
        before = standing(member)
        assert before[first] == TEXTS[first]
        run = member.pull(second, *more, check=None)
        assert standing(member) == before, "%s was replaced: %s" % (
            first, standing(member))
        assert run.code == 7, run
        assert member.badges()[second] != "here"


def names_alike(full):
    with folding() as (owner, member):
        one_after_another(member)
        # what stands there goes on as ever
        write(owner.root / "README", b"the one, edited")
        owner.flush()
        member.flush()
        member.pull("README")
        assert standing(member)["README"] == b"the one, edited"
        assert member.pull("ReadMe", check=None).code == 7
    return "two files and two folders"


def at_once(full):
    """All in one pull: one of each pair is there, whole, the other is
    refused."""
    with folding() as (_, member):
        run = member.pull(*TEXTS, check=None)
        assert run.code == 7, run
        there = standing(member)
        assert len(there) == 2, there
        for path, text in there.items():
            assert text in (TEXTS[p] for p in TEXTS
                            if p.lower() == path.lower()), there
    return ", ".join(sorted(there))


def control(full):
    """One that is told to replace them must be found out."""
    with folding() as (_, member):
        said = must_fail(one_after_another, member, "--force")
    assert "replaced" in said, said
    return said


CLAIM = ("P7", "a member's disk that folds case: of two names that are one"
         " there, none overwrites the other")
CASES = [
    ("names alike, one after another", names_alike),
    ("names alike, at once", at_once),
    ("control: names alike, to be replaced", control),
]
