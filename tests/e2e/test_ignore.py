"""What the rules hide is not in the project, and comes and goes with them."""

import os
import shutil

import pytest

from harness import save_over, write
from wait import never, wait_for


def paths(owner):
    """What is published, after log, manifest and cloud were seen to agree."""
    owner.flush()
    owner.settle()
    listing = owner.listing()
    assert owner.replay() == listing
    assert owner.manifest() == listing
    return set(listing)


def rules(owner, text, name=".stignore"):
    save_over(owner.root / name, text.encode())


def fill(owner, *names):
    for n in names:
        write(owner.root / n, n.encode())


def deletions(owner):
    return [e["change"]["path"] for e in owner.events()
            if e["change"]["op"] == "delete"]


def test_rules_from_the_first_scan(world, cloud):
    owner = world.owner()
    fill(owner, "a.mov", "a.tmp", "cache/x", "sub/cache/y", "sub/b.mov")
    rules(owner, "// ours\n*.tmp\r\ncache\n")
    rules(owner, "!/sub/cache/y\n", ".vsyncignore")
    owner.setup()
    assert paths(owner) == {"a.mov", "sub", "sub/b.mov", "sub/cache",
                            "sub/cache/y"}
    assert deletions(owner) == []


def test_change_while_running(owner):
    fill(owner, "a.mov", "b.tmp", "d/c.tmp", "d/e.mov")
    everything = {"a.mov", "b.tmp", "d", "d/c.tmp", "d/e.mov"}
    assert paths(owner) == everything
    rules(owner, "*.tmp\n")
    assert paths(owner) == {"a.mov", "d", "d/e.mov"}
    assert sorted(deletions(owner)) == ["b.tmp", "d/c.tmp"]
    # nothing happened to the person's files, and what comes stays hidden
    assert (owner.root / "d/c.tmp").read_bytes() == b"d/c.tmp"
    fill(owner, "new.tmp", "d/new.tmp", "d/new.mov")
    assert paths(owner) == {"a.mov", "d", "d/e.mov", "d/new.mov"}
    rules(owner, "!b.tmp\n*.tmp\n/d\n")
    assert paths(owner) == {"a.mov", "b.tmp"}
    (owner.root / ".stignore").unlink()
    assert paths(owner) == everything | {"new.tmp", "d/new.tmp", "d/new.mov"}


def test_change_by_itself(owner):
    """Nobody asks: the watcher alone."""
    fill(owner, "a.mov", "b.tmp")
    owner.flush()
    rules(owner, "*.tmp\n")
    wait_for(lambda: set(owner.listing()) == {"a.mov"}, "the rule", 10)
    rules(owner, "")
    wait_for(lambda: "b.tmp" in owner.listing(), "no rule", 10)


def test_change_while_the_agent_is_down(owner):
    fill(owner, "a.mov", "b.tmp", "d/c", "d/e")
    owner.flush()
    owner.stop()
    rules(owner, "*.tmp\n/d/c\n")
    fill(owner, "f.tmp")
    owner.start()
    assert paths(owner) == {"a.mov", "d", "d/e"}
    owner.stop()
    rules(owner, "/d\n")
    owner.start()
    assert paths(owner) == {"a.mov", "b.tmp", "f.tmp"}


def test_hidden_folders_are_not_watched(owner):
    fill(owner, "keep/a", "big/%d" % 0, *["big/%d/x" % i for i in range(1, 9)])
    owner.flush()
    wait_for(lambda: owner.status()["dirs_watched"] == 11, "all watched", 10)
    rules(owner, "/big\n")
    assert paths(owner) == {"keep", "keep/a"}
    assert owner.status()["dirs_watched"] == 2


def test_shown_inside_of_hidden(owner):
    """A hidden folder is published for what a "!" rule shows in it."""
    rules(owner, "!*.mov\n*\n")
    fill(owner, "x/y/z.txt", "x/w.txt", "q.txt")
    assert paths(owner) == set()
    fill(owner, "x/y/z.mov")
    assert paths(owner) == {"x", "x/y", "x/y/z.mov"}
    fill(owner, "new/deep/er/a.mov", "new/b.txt")
    assert paths(owner) == {"x", "x/y", "x/y/z.mov", "new", "new/deep",
                            "new/deep/er", "new/deep/er/a.mov"}
    (owner.root / "x/y/z.mov").unlink()
    os.rename(owner.root / "new/deep", owner.root / "x/y/deep")
    assert paths(owner) == {"x", "x/y", "x/y/deep", "x/y/deep/er",
                            "x/y/deep/er/a.mov"}
    shutil.rmtree(owner.root / "x")
    assert paths(owner) == set()


def test_include(owner):
    fill(owner, "a.one", "a.two", "a.three", "sub/b.one")
    write(owner.root / "rules/main.txt", b"*.two\n#include more.txt\n")
    write(owner.root / "rules/more.txt", b"*.three\n")
    rules(owner, "/rules\n#include rules/main.txt\n*.one\n")
    assert paths(owner) == {"sub"}
    # a hidden file of rules is seen by the next full scan
    write(owner.root / "rules/more.txt", b"// none\n")
    owner.cli("rescan", check=0)
    assert paths(owner) == {"sub", "a.three"}
    rules(owner, "#include rules/main.txt\n*.one\n")
    assert paths(owner) == {"sub", "a.three", "rules", "rules/main.txt",
                            "rules/more.txt"}
    save_over(owner.root / "rules/more.txt", b"*.txt\n")
    wait_for(lambda: "rules/more.txt" not in owner.listing(), "by itself", 10)
    assert paths(owner) == {"sub", "a.three", "rules"}


def test_broken_rules_keep_those_of_before(owner):
    rules(owner, "*.tmp\n")
    fill(owner, "a.mov", "b.tmp")
    assert paths(owner) == {"a.mov"}
    rules(owner, "*.tmp\n// fine\n[a-z\n")
    wait_for(lambda: "ignore_rules" in owner.problems(), "the problem", 10)
    problem = owner.problems()["ignore_rules"]
    assert ".stignore:3: " in problem["message"], problem
    assert problem["severity"] == "error"
    fill(owner, "c.tmp", "c.mov")
    assert paths(owner) == {"a.mov", "c.mov"}
    assert owner.cli("status", "--check").code == 3
    assert ".stignore:3: " in owner.cli("status").text
    rules(owner, "#include missing\n")
    wait_for(lambda: "missing" in
             owner.problems()["ignore_rules"]["message"], "the other", 10)
    assert paths(owner) == {"a.mov", "c.mov"}
    rules(owner, "*.mov\n")
    wait_for(lambda: "ignore_rules" not in owner.problems(), "mended", 10)
    assert paths(owner) == {"b.tmp", "c.tmp"}


@pytest.mark.parametrize("how", ["syntax", "folder", "link"])
def test_broken_from_the_start(world, cloud, how):
    """Nobody knows what is to be hidden: nothing is published."""
    owner = world.owner()
    fill(owner, "a.mov", "secret.tmp")
    path = owner.root / ".stignore"
    if how == "syntax":
        path.write_text("secret.tmp\n{a,b\n")
    elif how == "folder":
        path.mkdir()
    else:
        path.symlink_to("elsewhere")
    owner.login()
    owner.init()
    owner.start()
    wait_for(lambda: "ignore_rules" in owner.problems(), "the problem", 10)
    problem = owner.problems()["ignore_rules"]
    assert "nothing is sent" in problem["message"], problem
    assert owner.status()["state"] == "degraded"
    run = owner.cli("flush")
    assert run.code != 0 and ".stignore" in run.said, run
    assert owner.cli("rescan").code != 0
    never(owner.listing, "published without rules", 1)
    if how == "folder":
        path.rmdir()
    else:
        path.unlink()
    path.write_text("*.tmp\n")
    owner.stop()
    owner.start()
    assert paths(owner) == {"a.mov"}


def test_saved_in_two_steps(owner):
    """An editor takes the file away and writes it anew, slowly."""
    rules(owner, "*.tmp\n")
    fill(owner, "a.mov", "b.tmp")
    assert paths(owner) == {"a.mov"}
    os.rename(owner.root / ".stignore", owner.root / "stignore.old")
    never(lambda: "b.tmp" in owner.listing(), "shown meanwhile", 0.5)
    with open(owner.root / ".stignore", "w", encoding="utf-8") as f:
        never(lambda: "b.tmp" in owner.listing(), "shown while written", 3)
        f.write("*.tmp\n")
    assert "b.tmp" not in paths(owner)


def test_a_mass_removal_by_a_rule_is_held(owner):
    fill(owner, *["old/%d" % i for i in range(300)], "new")
    assert len(paths(owner)) == 302
    rules(owner, "/old\n")
    owner.await_state("held")
    assert owner.listing().keys() >= {"old/7", "new"}
    # it was not meant: without the rule nothing is deleted
    rules(owner, "")
    wait_for(lambda: owner.status()["held"] == 0, "nothing held", 20)
    assert len(paths(owner)) == 302
    assert deletions(owner) == []
    rules(owner, "/old\n")
    owner.await_state("held")
    owner.cli("held", "approve", "--yes", check=0)
    assert paths(owner) == {"new"}
    assert (owner.root / "old/7").exists()


def test_classes(owner):
    hidden = [".DS_Store", "a/._clip.mov", "a/Thumbs.db", "clip.mov.part",
              ".syncthing.a.mov.tmp", "a/.~lock.plan.odt#", "a/CacheClip/x",
              ".stversions/a.mov", ".Trash-1000/files/a.mov"]
    fill(owner, *hidden, "a/clip.mov", "4913")
    assert paths(owner) == {"a", "a/clip.mov", "4913"}
    rules(owner, "!*.part\n!CacheClip\n!.stversions\n")
    assert paths(owner) == {"a", "a/clip.mov", "4913", "clip.mov.part",
                            "a/CacheClip", "a/CacheClip/x"}


def test_why(owner):
    rules(owner, "\n*.tmp\n")
    fill(owner, "a.tmp", "b.part")
    owner.flush()
    doc = owner.cli("why", "--json", owner.root / "a.tmp", check=0).json
    assert doc["stage"] == "ignored", doc
    assert doc["waits_for"] == ".stignore:2: *.tmp"
    doc = owner.cli("why", "--json", owner.root / "b.part", check=0).json
    assert doc["waits_for"] == "class partial: *.part"


def test_check_ignore(owner):
    rules(owner, "// ours\n*.tmp\n!/keep/x\n/keep\n")
    rules(owner, "#include more.txt\n", ".vsyncignore")
    fill(owner, "a.mov", "b.tmp", "keep/x", "keep/y", "c.part")
    write(owner.root / "more.txt", b"\n/more.txt\n")
    assert paths(owner) == {"a.mov", "keep", "keep/x"}

    def check(*args, **more):
        return owner.cli("check-ignore", *args, cwd=owner.root, **more)

    run = check("a.mov", "b.tmp", "none.tmp", "keep/y", check=0)
    assert run.text == "b.tmp\nnone.tmp\nkeep/y\n"
    run = check("a.mov", "keep/x", ".")
    assert run.code == 1 and run.text == "" and run.said == ""
    run = check("-v", "a.mov", "b.tmp", "keep/x", "c.part", "more.txt",
                ".vsync/root-id", check=0)
    assert run.text == (".stignore:2:*.tmp\tb.tmp\n"
                        ".stignore:3:!/keep/x\tkeep/x\n"
                        "class partial::*.part\tc.part\n"
                        "more.txt:2:/more.txt\tmore.txt\n"
                        "class own::/.vsync\t.vsync/root-id\n")
    run = check("-vn", "a.mov", "b.tmp", check=0)
    assert run.text == "::\ta.mov\n.stignore:2:*.tmp\tb.tmp\n"
    run = check("-vz", "b.tmp", "c.part", check=0)
    assert run.text == (".stignore\0" "2\0*.tmp\0b.tmp\0"
                        "class partial\0\0*.part\0c.part\0")
    many = ["%s/%d.%s" % (owner.root, i, "tmp" if i % 7 == 0 else "mov")
            for i in range(1000)]
    run = check("--stdin", input="\n".join(many).encode(), check=0)
    assert run.text.split() == many[::7]
    run = check("--stdin", "-0", input="\0".join(many).encode(), check=0)
    assert run.text == "".join(m + "\0" for m in many[::7])
    assert check("--stdin", input=b"").code == 1
    assert check().code == 2
    assert check("-n", "a").code == 2
    assert check("--stdin", "a").code == 2
    assert check("/etc/passwd").code == 2

    doc = check("--json", "a.mov", "b.tmp", "keep", "c.part", check=0).json
    assert doc["results"] == [
        {"path": "a.mov", "ignored": False, "entered": False, "rule": None,
         "source": None, "line": None, "class": None},
        {"path": "b.tmp", "ignored": True, "entered": False, "rule": "*.tmp",
         "source": ".stignore", "line": 2, "class": None},
        {"path": "keep", "ignored": False, "entered": True, "rule": "/keep",
         "source": ".stignore", "line": 4, "class": None},
        {"path": "c.part", "ignored": True, "entered": False,
         "rule": "*.part", "source": None, "line": None, "class": "partial"}]
    assert doc["fault"] == ""
    run = check("--json", "a.mov")
    assert run.code == 1 and not run.json["ok"] and run.json["exit"] == 1
    # rules that cannot be read: what is told is what holds
    rules(owner, "[\n")
    wait_for(lambda: "ignore_rules" in owner.problems(), "the problem", 10)
    run = check("b.tmp", check=0)
    assert run.text == "b.tmp\n" and ".stignore:1: " in run.said


def test_conflict_copies_are_reported(owner):
    copy = "d/a.sync-conflict-20251120-%06d-ABCDEFG.mov"
    fill(owner, "d/a.mov", *[copy % i for i in range(7)])
    assert copy % 3 in paths(owner)
    status = owner.status()
    assert status["state"] == "in_sync"
    assert status["conflicts"]["count"] == 7
    assert status["conflicts"]["first"][0] == copy % 0
    problem = owner.problems()["conflict_copies"]
    assert problem["message"].startswith("7 conflict copies"), problem
    assert "delete" in problem["hint"]
    text = owner.cli("status").text
    assert "copy     " + copy % 4 in text and "and 2 more" in text, text
    for i in range(6):
        (owner.root / (copy % i)).unlink()
    owner.flush()
    assert owner.status()["conflicts"] == {"count": 1, "first": [copy % 6]}
    assert owner.problems()["conflict_copies"]["message"].startswith("1 ")
    # who does not want them in the project hides them: then none is told
    rules(owner, "*.sync-conflict-*\n")
    assert paths(owner) == {"d", "d/a.mov"}
    assert owner.status()["conflicts"]["count"] == 0
    rules(owner, "")
    owner.flush()
    owner.stop()
    os.rename(owner.root / (copy % 6), owner.root / "d/b.mov")
    owner.start()
    owner.flush()
    assert "conflict_copies" not in owner.problems()


def test_init_tells_the_classes_and_the_line(world, cloud):
    owner = world.owner()
    owner.login()
    (owner.root / ".stfolder").mkdir()
    (owner.root / ".stignore").write_text("*.tmp\n// /.vsync\n")
    doc = owner.cli("init", "--json", "--name", "one", owner.root,
                    check=0).json
    assert doc["stignore"] == "/.vsync"
    assert [c.split(": ")[0] for c in doc["ignored"]] == [
        "own", "syncthing", "rules", "editor", "media", "os", "partial"]
    second = owner.base / "second"
    (second / ".stfolder").mkdir(parents=True)
    (second / ".stignore").write_bytes(b"*.tmp\r\n/.vsync\r\n")
    doc = owner.cli("init", "--json", "--name", "two", second, check=0).json
    assert doc["stignore"] is None
