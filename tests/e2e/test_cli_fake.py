"""The real command line against an agent that says what a test wants: every
exit code, every document, every kind of hostile answer.

VSYNC_BIN names the program; else it is build/vsync.
"""

import errno
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from fake_agent import (  # noqa: E402
    FakeAgent, Lines, Raw, member, ok, project, refusal, status)
from wait import PATIENCE, wait_for  # noqa: E402

TOP = HERE.parents[1]
BIN = os.environ.get("VSYNC_BIN") or str(
    TOP / (os.environ.get("BUILD") or "build") / "vsync")
ID = project()["id"]
EVIL = "a b\n\x1b[31m\u202e'x"


class Run:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The one document, which has to agree with the exit code."""
        assert self.out.count(b"\n") >= 1 and self.out.endswith(b"\n")
        doc = json.loads(self.out)
        assert doc["schema"] == 1
        assert doc["ok"] == (self.code == 0), (self.code, doc)
        if not doc["ok"]:
            assert doc["exit"] == self.code
            assert set(doc["error"]) == {"code", "message", "hint", "path"}
        return doc

    def __repr__(self):
        return "<exit %d, out %r, err %r>" % (self.code, self.out, self.err)


class Place:
    """The directories of one user, and a folder to publish."""

    def __init__(self):
        self.base = Path(tempfile.mkdtemp(prefix="vsf", dir="/tmp"))
        self.root = self.base / "Film"
        (self.root / "scenes").mkdir(parents=True)
        self.socket = self.base / "run" / "vsync" / "agent.sock"
        self.trace = self.base / "trace"
        wrapper = self.base / "agent"
        wrapper.write_text('#!/bin/sh\nexec /usr/bin/python3 -B %s "$@"\n'
                           % (HERE / "fake_agent.py"))
        wrapper.chmod(0o755)
        self.env = {k: v for k, v in os.environ.items()
                    if k.endswith("SAN_OPTIONS")}
        self.env.update({
            "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "TERM": "xterm", "HOME": str(self.base),
            "XDG_CONFIG_HOME": str(self.base / "config"),
            "XDG_STATE_HOME": str(self.base / "state"),
            "XDG_RUNTIME_DIR": str(self.base / "run"),
            "VSYNC_AGENT": str(wrapper), "FAKE_TRACE": str(self.trace),
            "FAKE_ROOT": str(self.root)})
        self.agent = None

    def serve(self, **routes):
        """Starts the fake: serve(GET_status=...) for "GET /v1/status"."""
        self.agent = FakeAgent(self.socket, {
            "%s /v1/%s" % tuple(k.split("_")): v for k, v in routes.items()})
        if "GET /v1/status" not in self.agent.routes:
            self.agent.routes["GET /v1/status"] = status(
                project(root=str(self.root)))
        return self.agent

    def run(self, *args, input=b"", env=None, cwd=None, **more):
        done = subprocess.run(
            [BIN, *map(str, args)], env=dict(self.env, **(env or {})),
            input=input, cwd=cwd or self.base, capture_output=True,
            timeout=40 * PATIENCE, **more)
        return Run(done.returncode, done.stdout, done.stderr)

    def popen(self, *args, env=None, **more):
        return subprocess.Popen(
            [BIN, *map(str, args)], env=dict(self.env, **(env or {})),
            cwd=self.base, **dict({"stdin": subprocess.DEVNULL,
                                   "stdout": subprocess.PIPE,
                                   "stderr": subprocess.PIPE}, **more))

    def traces(self):
        return self.trace.read_text() if self.trace.exists() else ""

    def close(self):
        if self.agent:
            self.agent.close()
        shutil.rmtree(self.base, ignore_errors=True)


@pytest.fixture
def place():
    p = Place()
    yield p
    p.close()


def on_terminal(place, *args, keys=b"", env=None, until=(), cwd=None):
    """Runs with a terminal for all three; (exit code, what it showed).
    keys are pressed once it shows all of until."""
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd or place.base)
            os.execve(BIN, [BIN, *map(str, args)],
                      dict(place.env, **(env or {})))
        finally:
            os._exit(127)
    seen, sent = b"", False
    end = time.monotonic() + 20 * PATIENCE
    try:
        while time.monotonic() < end:
            if not select.select([fd], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(fd, 65536)
            except OSError as e:
                assert e.errno == errno.EIO
                data = b""
            if not data:
                break
            seen += data
            if keys and not sent and all(u in seen for u in until):
                os.write(fd, keys)
                sent = True
        else:
            os.kill(pid, signal.SIGKILL)
    finally:
        _, code = os.waitpid(pid, 0)
        os.close(fd)
    return os.waitstatus_to_exitcode(code), seen


READING = [("status",), ("ls",), ("log",), ("held",), ("why", "a"),
           ("check-ignore", "a"),
           ("rescan",), ("flush",), ("wait", "--in-sync"), ("pause",),
           ("resume",), ("members",), ("members", "remove", "bob"),
           ("pull", "."), ("pull", "-n", "a", "b"), ("transfers",),
           ("cancel", "--all")]


# No agent, and agents that are none

@pytest.mark.parametrize("argv", READING, ids=lambda a: a[0])
def test_without_agent_every_verb_says_69(place, argv):
    r = place.run(*argv)
    assert r.code == 69 and r.out == b""
    assert b"cannot reach the agent: no socket at " in r.err
    assert bytes(place.socket) in r.err
    assert b"start it with `vsync watch` or " \
        b"`systemctl --user start vsync-agent`" in r.err
    assert r.err.count(b"\n") == 1
    r = place.run(*argv, "--json")
    assert r.code == 69 and r.err == b""
    assert r.json["error"]["code"] == "no_agent"


def test_refused_socket_says_69(place):
    place.socket.parent.mkdir(parents=True)
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(place.socket))
    s.close()
    r = place.run("status")
    assert r.code == 69 and b"nobody listens at" in r.err


def test_too_long_a_socket_name_is_said(place):
    r = place.run("status", env={"XDG_RUNTIME_DIR": "/tmp/" + "x" * 120})
    assert r.code == 78
    assert b"too long a name" in r.err and b"XDG_RUNTIME_DIR" in r.err


def test_a_relative_directory_is_refused(place):
    r = place.run("status", "--json", env={"XDG_RUNTIME_DIR": "run"})
    assert r.code == 78
    assert "XDG_RUNTIME_DIR" in r.json["error"]["message"]


@pytest.mark.parametrize("answer", [
    Raw(b""), Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>"),
    Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"),
    Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"),
    Raw(b"HTTP/1.1 302 Found\r\nLocation: http://localhost/v1/x\r\n"
        b"Content-Length: 0\r\n\r\n"),
    (200, {"schema": 1, "ok": "yes"}), (500, {"schema": 1, "ok": True}),
    (503, {"schema": 1, "ok": False}), (200, {"schema": 1, "ok": False}),
    Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"[" * 200),
], ids=range(12))
def test_an_answer_that_is_none(place, answer):
    place.serve(GET_status=answer)
    r = place.run("status", "--json")
    assert r.code not in (0, 2) and r.code > 0
    assert r.json["error"]["message"]
    assert place.run("status").code == r.code


def test_an_agent_of_another_version(place):
    place.serve(GET_status={"schema": 2, "ok": True, "projects": []})
    r = place.run("status")
    assert r.code == 1
    assert b"protocol 2, this vsync 1" in r.err and b"restart" in r.err


def test_proxies_of_the_environment_are_not_asked(place):
    place.serve()
    dead = "http://127.0.0.1:9"
    r = place.run("status", env={"http_proxy": dead, "all_proxy": dead})
    assert r.code == 0, r


# Exit codes and documents

@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 10, 69, 75, 78])
@pytest.mark.parametrize("argv", READING[1:4] + READING[6:],
                         ids=lambda a: a[0])
def test_the_agents_exit_code_is_passed_on(place, argv, code):
    no = refusal(code, "why_code", "cannot", "try harder")
    place.serve(**{m + "_" + v: no for m in ("GET", "POST") for v in (
        "ls", "log", "held", "why", "rescan", "flush", "wait", "pause",
        "resume", "members", "members/remove", "pull", "transfers",
        "cancel")})
    r = place.run(*argv)
    assert r.code == code and r.out == b""
    assert r.err == b"vsync: cannot: try harder\n"
    r = place.run(*argv, "--json")
    assert r.code == code and r.err == b""
    assert r.json["error"] == {"code": "why_code", "message": "cannot",
                               "hint": "try harder", "path": None}


@pytest.mark.parametrize("code", [0, -1, 9, 256, 1 << 40])
def test_an_exit_code_that_does_not_exist_is_1(place, code):
    place.serve(POST_rescan=refusal(code))
    assert place.run("rescan", "--json").code == 1


def test_the_path_of_an_error_is_shown_quoted(place):
    place.serve(POST_rescan=refusal(4, path=EVIL))
    r = place.run("rescan")
    assert b"$'a b\\n\\e[31m\\u202e\\'x'" in r.err
    assert b"\x1b" not in r.err and r.err.count(b"\n") == 1


# The command line

@pytest.mark.parametrize("argv,near", [
    (("statsu",), "status"), (("lgo",), "log"), (("wacth",), "watch"),
    (("rescna",), "rescan"), (("hlep",), "help"), (("lss",), "ls")])
def test_an_unknown_verb_names_the_nearest(place, argv, near):
    r = place.run(*argv)
    assert r.code == 2 and r.out == b""
    assert ("did you mean `vsync %s`?" % near).encode() in r.err


@pytest.mark.parametrize("argv", [
    (), ("frobnicate",), ("-x",), ("--color", "status"), ("status", "x"),
    ("status", "--bogus"), ("ls", "a", "b"), ("why",), ("log", "--since"),
    ("log", "--since", "x"), ("log", "--since", "-1"), ("log", "-n", "1x"),
    ("log", "--limit", "9" * 30), ("wait",), ("flush", "--timeout", "nan"),
    ("flush", "-t", "-1"), ("status", "--color=blue"), ("pull",),
    ("status", "--json=1"), ("ls", "-0", "-l"), ("ls", "-0l"),
    ("held", "maybe"), ("help", "push"), ("login",), ("login", "ftp://x"),
    ("login", "http://u:p@h"), ("login", "https:///x"), ("init", "a", "b"),
    ("pull", "x", "--progress=bar"), ("pull", "x", "-o"), ("pull", ".", "-l"),
    ("join", "-"), ("join", "a", "b", "c"), ("join", "a b", "/tmp"),
    ("join", "", "/tmp"), ("invite", "x"), ("invite", "--expires", "1w"),
    ("cancel",), ("cancel", "1", "--all"), ("members", "bob"),
    ("members", "remove"), ("members", "add", "bob"),
    ("transfers", "x")])
def test_a_wrong_command_line_is_2(place, argv):
    r = place.run(*argv)
    assert r.code == 2 and r.out == b"", r
    assert r.err.startswith(b"vsync: ") and r.err.count(b"\n") == 1
    r = place.run(*argv, "--json")
    if argv[-1:] not in (("--since",), ("-o",)):  # they take the next word
        assert r.code == 2 and r.err == b"" and not r.json["ok"]


def test_a_double_dash_ends_the_options(place):
    place.serve(GET_why=ok(path="--json", stage="unknown", text="",
                           waits_for=None))
    r = place.run("why", "--", "--json", cwd=place.root)
    assert r.code == 0
    assert place.agent.params("GET /v1/why")["path"] == "--json"
    assert not r.out.startswith(b"{")


def test_help_lists_what_exists(place):
    out = place.run("help").out.decode()
    verbs = re.findall(r"^  ([a-z-]+) ", out, re.M)
    assert verbs == ["login", "init", "watch", "status", "ls", "log",
                     "rescan", "flush", "wait", "pause", "resume", "held",
                     "adopt", "why", "check-ignore", "invite", "join",
                     "members", "pull",
                     "transfers", "cancel", "version", "help"]
    for v in verbs:
        one = place.run("help", v)
        assert one.code == 0
        text = one.out.decode()
        assert text.index("Examples") < text.index("Usage")
        assert place.run(v, "--help").out == one.out
        for example in re.findall(r"^  (vsync [a-z-]+)", text, re.M):
            assert example.split()[1] in verbs
    for flag in ("--help", "-h"):
        assert place.run(flag).out.decode() == out


def manual_options():
    """verb -> the long options that vsync(1) says it takes."""
    page = (TOP / "man" / "vsync.1").read_text()
    rows = re.findall(r"^\.It Fl (.) , -([a-z-]+)", page, re.M)
    # Where two share a letter a verb's line has the whole word.
    letters = {c: word for c, word in rows
               if sum(c == other for other, _ in rows) == 1}
    found = {}
    for head in re.findall(r"^\.It Xo\n(.*?)^\.Xc", page, re.M | re.S):
        words = re.findall(r"^\.(?:Op )?Fl (.*)$", head, re.M)
        names = re.findall(r"(?<!\S)-([a-z-]+)", " ".join(words))
        for w in words:
            if not w.startswith("-"):
                names += [letters[c] for c in w.split()[0]]
        verb = re.search(r"^\.Cm ([a-z-]+)", head, re.M)[1]
        found.setdefault(verb, set()).update(names)
    return found


def test_help_and_manual_give_each_verb_the_same_options(place):
    manual = manual_options()
    assert len(manual) == 23 and manual["ls"] >= {"long", "null", "json"}
    for verb, names in manual.items():
        text = place.run("help", verb).out.decode()
        options = text[text.index("\nOptions\n"):]
        helped = set(re.findall(r"^  (?:-.,|   ) --([a-z-]+)", options, re.M))
        assert helped == names | {"color", "help"}, verb


def test_version_without_and_with_an_agent(place):
    r = place.run("version")
    assert r.code == 0 and b"not running" in r.out and r.err == b""
    assert place.run("version", "--json").json["agent"] is None
    assert place.run("--version").out == r.out
    place.serve(GET_version=ok(version="9.9", pid=4711))
    assert b"agent 9.9" in place.run("version").out
    assert place.run("version", "--json").json["agent"] == {
        "version": "9.9", "pid": 4711}


# status

def test_status_proves_that_it_is_in_sync(place):
    place.serve()
    r = place.run("status")
    assert r.code == 0
    first = r.out.decode().splitlines()[0]
    assert first == "film: in sync"
    for proof in ("tree equal to the cloud's at seq 7", "reconciled",
                  "2 folders watched (100 %)", "no overflow", "outbox empty"):
        assert proof in r.out.decode()
    assert place.run("status", "--check").code == 0
    assert place.run("status", "--check", "--json").json["projects"]


@pytest.mark.parametrize("lack", [
    {"last_scan_at": None}, {"outbox": 3}, {"tree_equal": None},
    {"tree_equal": False}, {"scanning": True}, {"in_sync": False},
    {"in_flight": 1}, {"held": 1}])
def test_in_sync_is_not_said_without_its_proof(place, lack):
    place.serve(GET_status=status(project(**lack)))
    r = place.run("status")
    assert r.code == 0
    assert ": in sync\n" not in r.out.decode()
    assert "not in sync: " in r.out.decode()
    r = place.run("status", "--check", "--json")
    assert r.code == (7 if "held" in lack else 3)
    assert r.json["projects"][0]["name"] == "film"


@pytest.mark.parametrize("state", [
    "scanning", "publishing", "offline", "paused", "root_lost",
    "diverged", "degraded", "something_new"])
def test_check_says_3_in_every_other_state(place, state):
    place.serve(GET_status=status(project(state=state, in_sync=False)))
    r = place.run("status", "--check")
    assert r.code == 3
    assert b"film is " in r.err
    assert state.replace("_", " ") in r.out.decode().splitlines()[0]


@pytest.mark.parametrize("severity,code", [
    ("error", 3), ("warning", 3), ("info", 0)])
def test_check_says_3_for_a_problem_though_in_sync(place, severity, code):
    p = {"code": "x", "severity": severity, "message": "bad", "hint": "h"}
    place.serve(GET_status=status(project(problems=[p])))
    r = place.run("status", "--check")
    assert r.code == code
    assert r.out.decode().splitlines()[0] == (
        "film: in sync, degraded" if code else "film: in sync")


def test_check_says_6_when_the_token_is_refused(place):
    place.serve(GET_status=status(project(state="auth", in_sync=False)))
    r = place.run("status", "--check")
    assert r.code == 6
    assert b"vsync login" in r.err


def test_check_says_7_when_a_person_must_decide(place):
    place.serve(GET_status=status(
        project(state="offline", in_sync=False),
        project(name="two", id="2", held=120, state="held", in_sync=False)))
    r = place.run("status", "--check", "--json")
    assert r.code == 7 and r.json["error"]["hint"] == "see `vsync held`"


def test_the_worst_comes_first_with_what_mends_it(place):
    problem = {"code": "root", "severity": "error", "hint": "mount it",
               "message": "the folder is not there"}
    place.serve(GET_status=status(
        project(name="good"),
        project(name="busy", state="publishing", in_sync=False, outbox=5),
        project(name="lost", state="root_lost", in_sync=False,
                problems=[problem],
                refused=[{"path": "x%d\n" % i, "reason": "no"}
                         for i in range(8)])))
    r = place.run("status")
    text = r.out.decode()
    assert text.index("lost: ") < text.index("busy: ") < text.index("good: ")
    assert "error    the folder is not there\n             -> mount it" in text
    assert "and 3 more" in text


def test_status_before_any_project(place):
    place.serve(GET_status=status(logged_in=False))
    r = place.run("status")
    assert r.code == 0
    for verb in (b"vsync init DIR", b"vsync join", b"vsync login URL"):
        assert verb in r.out
    assert place.run("status", "--check").code == 3


@pytest.mark.parametrize("state", ["in_sync", "following", "pulling"])
def test_status_of_a_member_proves_its_listing(place, state):
    place.serve(GET_status=status(member(state=state, pulls=1,
                                         pull_bytes=1 << 20)))
    r = place.run("status", "--check")
    assert r.code == 0, r
    text = r.out.decode()
    assert text.startswith("film: %s\n" % state.replace("_", " "))
    assert "listing equal to the cloud's at seq 7, 2 of 3 files here " \
        "(2.0 KiB), one pull under way (1.0 MiB to come)" in text
    assert "watched" not in text and "not in sync" not in text


@pytest.mark.parametrize("lack", [
    {"state": "catching_up"}, {"tree_equal": None}, {"tree_equal": False},
    {"in_sync": False}, {"state": "offline"}, {"state": "root_lost"}])
def test_status_of_a_member_says_what_lacks(place, lack):
    place.serve(GET_status=status(member(**lack)))
    assert place.run("status", "--check", "--json").code == 3


@pytest.mark.parametrize("broken", [
    {"name": 5}, {"state": None}, {"problems": {}}, {"outbox": "x"},
    {"in_sync": 1}])
def test_a_status_of_wrong_types_is_an_error(place, broken):
    place.serve(GET_status=status(project(**broken)))
    r = place.run("status", "--json")
    assert r.code == 1 and r.json["error"]["code"] == "protocol"


# ls

def row(path, **more):
    return dict({"path": path, "name": path.rsplit("/", 1)[-1], "size": 10,
                 "kind": "file", "hash": "ab" * 32, "version": 1, "seq": 5,
                 "modified_at": "2025-11-17T18:00:00.123Z", "badge": "="},
                **more)


def pages(*parts):
    """An answer to /v1/ls in parts, chained by cursors."""
    def answer(params):
        n = int(params.get("cursor", 0))
        return ok(project_id=ID, files=parts[n],
                  next_cursor=str(n + 1) if n + 1 < len(parts) else None)
    return answer


def test_ls_pages_and_shows_badges(place):
    place.serve(GET_ls=pages(
        [row("a.mov"), row("b", kind="directory", badge="~")], [],
        [row("c", badge="!"), row("d", badge="x"), row("e", badge="*"),
         row("l", kind="symlink", badge="-")]))
    r = place.run("ls")
    assert r.out.decode() == "= a.mov\n~ b/\n! c\nx d\n* e\n- l@\n"
    assert place.agent.count("GET /v1/ls") == 3
    files = place.run("ls", "--json").json["files"]
    assert [f["path"] for f in files] == ["a.mov", "b", "c", "d", "e", "l"]
    assert files[0]["hash"] == "ab" * 32


def test_ls_of_nothing(place):
    place.serve(GET_ls=pages([]))
    assert place.run("ls").out == b""
    assert place.run("ls", "--json").json["files"] == []


def test_ls_long_recursive_and_null(place):
    place.serve(GET_ls=pages([row("s/a.mov", size=3 << 20)],
                             [row("s/" + EVIL)]))
    out = place.run("ls", "-lR").out.decode()
    assert re.match(r"=  *3\.0 MiB  2025-11-17T18:00:00\.123Z  v1 +#5 +"
                    r"s/a\.mov\n", out)
    assert place.agent.params("GET /v1/ls")["recursive"] == "1"
    r = place.run("ls", "-0")
    assert r.out.decode() == "s/a.mov\0s/%s\0" % EVIL


def test_ls_that_breaks_off_is_no_success(place):
    def answer(params):
        return refusal(5) if "cursor" in params else ok(
            project_id=ID, files=[row("a")], next_cursor="1")
    place.serve(GET_ls=answer)
    r = place.run("ls", "--json")
    assert r.code == 5 and [f["path"] for f in r.json["files"]] == ["a"]
    assert place.run("ls").code == 5


def test_paths_are_seen_from_where_one_stands(place):
    place.serve(GET_ls=pages([]))

    def asked(arg=None, cwd=None):
        r = place.run("ls", *([] if arg is None else [arg]), cwd=cwd)
        assert r.code == 0, r
        return place.agent.params("GET /v1/ls")["path"]

    assert asked() == "" and asked(cwd=place.root) == ""
    assert asked(cwd=place.root / "scenes") == "scenes"
    assert asked("x/./y", cwd=place.root / "scenes") == "scenes/x/y"
    assert asked("..", cwd=place.root / "scenes") == ""
    assert asked("scenes/") == "scenes"
    assert asked("Film/scenes") == "scenes" and asked("a") == "a"
    assert asked(place.root / "a b") == "a b"
    assert asked(place.root) == ""
    link = place.base / "link"
    link.symlink_to(place.root)
    assert asked(link / "scenes" / "new") == "scenes/new"


@pytest.mark.parametrize("arg", ["..", "../..", "/etc/passwd", "a/../../b",
                                 ".vsync/x", "", "x" * 300, b"\xff"])
def test_a_path_outside_or_impossible_is_refused(place, arg):
    place.serve(GET_why=ok(path="x", stage="s", text="t"))
    done = subprocess.run([BIN, "why", "--json", "--", arg], env=place.env,
                          cwd=place.base, capture_output=True)
    r = Run(done.returncode, done.stdout, done.stderr)
    assert r.code == 2 and not r.json["ok"]
    assert place.agent.count("GET /v1/why") == 0


# Which project

def test_the_project_that_is_meant(place):
    other = place.base / "Other"
    other.mkdir()
    place.serve(GET_ls=pages([]), GET_status=status(
        project(root=str(place.root)),
        project(root=str(other), id="2", name="other")))
    r = place.run("ls", "--json")
    assert r.code == 2 and "--project" in r.json["error"]["hint"]

    def asked(*args, cwd=None):
        r = place.run("ls", *args, cwd=cwd)
        assert r.code == 0, r
        return place.agent.params("GET /v1/ls")["project"]

    assert asked(cwd=other) == "2"
    assert asked(other / "x") == "2"
    assert asked("-p", "other") == asked("--project=2") == "2"
    assert asked("-p", "film", cwd=other) == ID
    assert place.run("ls", "-p", "none").code == 4


def test_two_projects_of_one_name_need_the_id(place):
    place.serve(GET_ls=pages([]), GET_status=status(
        project(), project(id="2")))
    assert place.run("ls", "-p", "film").code == 2
    assert place.run("ls", "-p", "2").code == 0


# log

def event(seq, path="a", op="update", **change):
    return {"seq": seq, "created_at": "2025-11-17T18:00:00.123Z",
            "change": dict({"path": path, "op": op, "kind": "file",
                            "size": 10}, **change)}


def log_of(events):
    def answer(params):
        since, limit = int(params["since"]), int(params["limit"])
        page = [e for e in events if e["seq"] > since][:limit]
        head = events[-1]["seq"] if events else 0
        last = page[-1]["seq"] if page else head
        return ok(events=page, next_seq=last + 1, last_seq=head,
                  has_more=last < head)
    return answer


def test_log_pages_limits_and_starts_where_told(place):
    place.serve(GET_log=log_of([event(n) for n in range(1, 1202)]))

    def seqs(*args):
        return [e["seq"] for e in place.run("log", "--json", *args).json[
            "events"]]

    assert seqs() == list(range(1, 1202))
    assert seqs("--since", 1199) == [1200, 1201]
    assert seqs("--since=5000") == []
    assert seqs("-n", 3) == [1, 2, 3]
    assert seqs("-n", 0) == []
    assert seqs("--since", 10, "--limit", 700) == list(range(11, 711))
    lines = place.run("log", "--json-lines", "-n", 501).out.splitlines()
    assert [json.loads(x)["seq"] for x in lines] == list(range(1, 502))


def test_log_as_people_read_it(place):
    place.serve(GET_log=log_of([
        event(1, "b", "create", renamed_from="a"), event(2, "a", "delete"),
        event(3, "d", "create", kind="directory")]))
    lines = place.run("log").out.decode().splitlines()
    assert [re.sub(r"\s+", " ", x).strip() for x in lines] == [
        "1 2025-11-17T18:00:00.123Z create b <- a 10 B",
        "2 2025-11-17T18:00:00.123Z delete a",
        "3 2025-11-17T18:00:00.123Z create d/"]


def test_log_goes_on_with_what_comes(place):
    events = [event(1), event(2)]
    place.serve(GET_log=lambda p: log_of(events)(p))

    def add(n):
        return lambda: events.append(event(n)) or published(n)

    # Three came before the stream was there, and an event twice.
    place.agent.routes["GET /v1/watch"] = lambda p: events.append(
        event(3)) or stream(add(4), published(4), add(5), dict(
            project(last_seq=5), type="status"), pull_event("1", "queued"),
            lambda: events.append(event(6)) or {
                "type": "changed", "project": ID, "seq": 6, "path": "x"})
    r = place.run("log", "--follow", "--json-lines", "--since", 1)
    *got, last = [json.loads(x) for x in r.out.splitlines()]
    assert last["exit"] == r.code == 69
    assert last["error"]["message"] == "the agent ended"
    assert [e["seq"] for e in got] == [2, 3, 4, 5, 6]
    assert place.agent.params("GET /v1/watch") == {"project": ID}


def test_log_goes_on_up_to_its_limit(place):
    events = [event(1)]
    place.serve(GET_log=lambda p: log_of(events)(p))
    place.agent.routes["GET /v1/watch"] = lambda p: events.extend(
        [event(2), event(3)]) or stream(published(3),
                                        lambda: time.sleep(20))
    r = place.run("log", "-f", "-n", 2, "scenes")
    assert r.code == 0 and r.err == b"", r
    assert [x.split()[0] for x in r.out.splitlines()] == [b"1", b"2"]
    assert place.agent.params("GET /v1/log")["path"] == "scenes"


def test_a_log_that_does_not_get_on_ends(place):
    place.serve(GET_log=ok(events=[], next_seq=1, last_seq=9, has_more=True))
    r = place.run("log", "--json")
    assert r.code == 1 and "does not get on" in r.json["error"]["message"]


# rescan, flush, wait, pause, resume, why

def test_rescan_says_one_line(place):
    place.serve(POST_rescan=ok(entries=1234, changed=1, errors=0,
                               seconds=2.5))
    r = place.run("rescan")
    assert (r.code, r.err) == (0, b"")
    assert r.out == b"rescan: 1,234 entries looked at, one change, 2.5 s\n"
    r = place.run("rescan", "scenes", "--data", "--json")
    assert r.json["entries"] == 1234
    asked = place.agent.params("POST /v1/rescan")
    assert (asked["path"], asked["data"]) == ("scenes", True)


def test_rescan_with_unreadable_folders_fails(place):
    place.serve(POST_rescan=ok(entries=5, changed=0, errors=2, seconds=0))
    r = place.run("rescan")
    assert r.code == 1 and b"2 errors" in r.out and b"could not" in r.err
    assert place.run("rescan", "--json").json["errors"] == 2


def test_flush_and_wait(place):
    place.serve(POST_flush=ok(last_seq=1234, recording=2),
                POST_wait=ok(last_seq=9))
    r = place.run("flush", "--timeout", "1.5", "-p", "film")
    assert r.code == 0 and b"seq 1,234" in r.out
    assert b"2 files still being written" in r.err
    asked = place.agent.params("POST /v1/flush")
    assert asked == {"project": "film", "timeout_ms": 1500}
    r = place.run("wait", "--in-sync")
    assert r.out == b"in sync at seq 9\n"
    assert place.agent.params("POST /v1/wait") == {"cwd": str(place.base)}
    assert place.run("flush", "--json").json["last_seq"] == 1234


def test_an_agent_that_hangs_does_not_hang_the_rest(place):
    place.serve(GET_version=lambda p: time.sleep(10) or ok())
    start = time.monotonic()
    assert b"not running" in place.run("version").out
    assert time.monotonic() - start < 8


def test_pause_and_resume_mean_all_unless_told(place):
    place.serve(POST_pause=ok(), POST_resume=ok())
    assert place.run("pause", cwd=place.root).out == b"paused: all projects\n"
    assert place.agent.params("POST /v1/pause") == {}
    assert place.run("resume", "-p", "film").out == b"resumed: film\n"
    assert place.agent.params("POST /v1/resume") == {"project": "film"}
    assert place.run("pause", "--json").json["ok"]


def test_why_tells_the_stage_and_the_facts(place):
    place.serve(GET_why=ok(
        path="a.mov", stage="outbox", text="waits for its batch",
        waits_for="the server", disk={"size": 5, "kind": "file"},
        manifest=None, outbox={"op": "update"}, cloud=None))
    out = place.run("why", "a.mov").out.decode()
    assert out.startswith("a.mov: outbox: waits for its batch\n")
    assert "waits for the server" in out and "size 5, kind file" in out
    assert re.search(r"manifest +nothing", out)
    assert place.run("why", "a.mov", "--json").json["stage"] == "outbox"


# invite, join, members

def test_invite_prints_the_token_alone(place):
    r = place.run("invite", "--expires", "12h", "-p", "film")
    assert r.code == 0 and r.out == b"inv1te\n", r
    assert b"until 2025-11-24T18:00:00.123Z" in r.err
    assert b"secret" in r.err and b"vsync join - DIR" in r.err
    trace = place.traces()
    assert trace.startswith("started --attended --idle\n")
    assert '"expires_in": 43200' in trace and '"project": "film"' in trace
    r = place.run("invite", "--json")
    assert r.json["token"] == "inv1te" and r.err == b""
    assert "expires_in" not in place.traces().splitlines()[-2]


def test_invite_of_an_agent_that_runs(place):
    place.serve(POST_invite=refusal(6, message="only owners invite"))
    r = place.run("invite")
    assert r.code == 6 and r.out == b"" and b"only owners" in r.err
    place.agent.routes["POST /v1/invite"] = ok(token=5)
    assert place.run("invite", "--json").code == 1


@pytest.mark.parametrize("how", ["argument", "input", "terminal"])
def test_join_takes_the_invite(place, how):
    copy = place.base / "Copy"
    if how == "terminal":
        code, seen = on_terminal(place, "join", "-", copy, keys=b"inv1te\n",
                                 until=[b"Invite: "])
        assert code == 0 and b"inv1te" not in seen
    else:
        args = ("-",) if how == "input" else ("inv1te",)
        r = place.run("join", *args, copy, input=b" inv1te\r\nmore")
        assert r.code == 0, r
        seen = r.out
        assert b"inv1te" not in r.out + r.err
    assert b"joined film (p1) as member, in " + bytes(copy) in seen
    trace = place.traces()
    assert trace.startswith("started --attended --idle\n")
    assert '{"token": "inv1te", "dir": "%s"}' % copy in trace
    assert copy.is_dir()


def test_join_hides_the_invite_while_it_waits(place):
    place.serve(POST_join=lambda p: time.sleep(20) or ok())
    proc = place.popen("join", "s3cret", place.root, "--json")
    wait_for(lambda: place.agent.count("POST /v1/join"), "the request")
    line = Path("/proc/%d/cmdline" % proc.pid).read_bytes()
    assert b"join" in line and b"s3cret" not in line
    proc.kill()
    proc.communicate()


def test_join_that_fails_leaves_no_folder(place):
    copy = place.base / "Copy"
    r = place.run("join", "used", copy, "--json")
    assert r.code == 6 and r.json["error"]["message"] == "the invite was used"
    assert not copy.exists()
    copy.mkdir()
    assert place.run("join", "used", copy).code == 6
    assert copy.is_dir()
    r = place.run("join", "inv1te", place.base / "no" / "Copy")
    assert r.code == 4 and b"name the folder" in r.err
    assert place.traces().count("POST /v1/join") == 2
    doc = place.run("join", "inv1te", copy, "--json").json
    assert (doc["role"], doc["root"]) == ("member", str(copy))


def test_members(place):
    place.serve(GET_members=ok(members=[
        {"user_id": "u1", "name": "ada", "role": "owner",
         "joined_at": "2025-11-17T18:00:00.123Z"},
        {"user_id": "u2", "name": EVIL, "role": "member",
         "joined_at": None}]))
    place.agent.routes["POST /v1/members/remove"] = lambda p: (
        ok() if p["user"] == "bob" else refusal(4, message="no such member"))
    lines = place.run("members").out.decode().split("\n", 1)
    assert lines[0].split() == ["owner", "2025-11-17T18:00:00.123Z", "u1",
                                "ada"]
    assert b"\x1b[31m" not in on_terminal(place, "members",
                                          env={"NO_COLOR": "1"})[1]
    assert len(place.run("members", "--json").json["members"]) == 2
    r = place.run("members", "remove", "bob", "-p", "film")
    assert (r.code, r.out) == (0, b"removed: bob\n")
    assert place.agent.params("POST /v1/members/remove") == {
        "project": "film", "user": "bob"}
    assert place.run("members", "remove", "eve", "--json").code == 4


# pull

def plan(*rows, pulls=(), **more):
    """rows are (action, path, size[, reason])."""
    def count(action):
        return sum(1 for r in rows if r[0] == action)

    def size(action):
        return sum(r[2] for r in rows if r[0] == action)
    return ok(**dict({
        "files": [{"action": r[0], "path": r[1], "size": r[2],
                   "reason": r[3] if len(r) > 3 else ""} for r in rows],
        "fetch_files": count("fetch"), "fetch_bytes": size("fetch"),
        "have_files": count("have"), "have_bytes": size("have"),
        "conflicts": count("conflict"), "space": 1 << 40, "enough": True,
        "pulls": pulls}, **more))


def transfer(n, state="completed", bytes=0, **more):
    return dict({"id": n, "path": "f" + n, "state": state, "size": 1 << 20,
                 "bytes": bytes, "error": "", "endpoint": "",
                 "ended_at": None}, **more)


def steps(*answers):
    """Answers /v1/transfers with one list after the other, then the last."""
    asked = []

    def answer(_):
        asked.append(1)
        return ok(transfers=answers[min(len(asked), len(answers)) - 1])
    return answer


TWO = plan(("fetch", "f1", 1 << 20), ("fetch", "f2", 1 << 20),
           ("have", "f3", 5), pulls=["1", "2"])


def test_pull_waits_for_all_of_it(place):
    place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1", "fetching", 1 << 19), transfer("2", "queued")],
        [transfer("2", "verifying", 1 << 20), transfer("1")],
        [transfer("2"), transfer("1"), transfer("9", "failed")]))
    r = place.run("pull", "scenes", "f1", cwd=place.root)
    assert r.code == 0 and r.err == b"", r
    assert re.fullmatch(
        rb"pulled 2 files, 2\.0 MiB in [^ ]+ m?s \([^ ]+ [KM]iB/s\), "
        rb"512 KiB of it resumed; one file here already\n", r.out), r.out
    assert place.agent.params("POST /v1/pull") == {
        "project": ID, "paths": ["scenes", "f1"], "dry": False,
        "force": False, "out": None}
    assert place.agent.params("GET /v1/transfers")["project"] == ID
    assert place.agent.count("GET /v1/transfers") == 3


def test_pull_as_a_document(place):
    place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1"), transfer("2", bytes=5)]))
    doc = place.run("pull", ".", "--json", cwd=place.root).json
    assert [t["state"] for t in doc["transfers"]] == ["completed"] * 2
    assert (doc["pulled_files"], doc["pulled_bytes"]) == (2, 2 << 20)
    assert doc["resumed_bytes"] == 0 and doc["seconds"] >= 0
    assert doc["fetch_files"] == 2 and len(doc["files"]) == 3
    assert place.agent.params("POST /v1/pull")["paths"] == [""]


def test_pull_with_nothing_to_fetch(place):
    place.serve(POST_pull=plan(("have", "a", 5)))
    r = place.run("pull", "a")
    assert r.code == 0 and r.out.startswith(b"pulled 0 files, 0 B in ")
    assert r.out.endswith(b"; one file here already\n")
    assert place.agent.count("GET /v1/transfers") == 0


def test_pull_resolves_every_path(place):
    place.serve(POST_pull=plan())
    scenes = place.root / "scenes"
    r = place.run("pull", "a", "..", "/../" + str(scenes / "x"), "b/../c",
                  cwd=scenes)
    assert r.code == 0, r
    assert place.agent.params("POST /v1/pull")["paths"] == [
        "scenes/a", "", "scenes/x", "scenes/c"]
    assert place.run("pull", "a", "b", "-p", "film").code == 0
    assert place.agent.params("POST /v1/pull")["paths"] == ["a", "b"]
    for bad in ("/etc/passwd", ".vsync/x", "../../..", ""):
        r = place.run("pull", "a", bad, "--json", cwd=place.root)
        assert r.code not in (0, 69) and not r.json["ok"], bad
    assert place.agent.count("POST /v1/pull") == 2


def test_pull_into_another_folder(place):
    place.serve(POST_pull=lambda p: plan() if p["out"] and not
                p["out"].endswith("Bad") else refusal(8))

    def out():
        return place.agent.params("POST /v1/pull")["out"]

    assert place.run("pull", "-o", "new", "a").code == 0
    assert out() == str(place.base / "new") and Path(out()).is_dir()
    assert place.run("pull", "a", "--out", place.root / "..").code == 0
    assert out() == str(place.base)
    # A plan makes no folder, nor does a pull that is refused keep one.
    assert place.run("pull", "-n", "-o", "dry/", "a").code == 0
    assert out() == str(place.base / "dry") and not Path(out()).exists()
    assert place.run("pull", "-o", "Bad", "a").code == 8
    assert not (place.base / "Bad").exists()
    n = place.agent.count("POST /v1/pull")
    assert place.run("pull", "-o", "no/such", "a").code == 4
    assert place.agent.count("POST /v1/pull") == n


def test_pull_shows_its_plan(place):
    place.serve(POST_pull=plan(
        ("fetch", "a.mov", 3 << 20), ("have", EVIL, 5),
        ("conflict", "notes", 9, "changed here")))
    r = place.run("pull", "-n", ".")
    text = r.out.decode()
    assert text.startswith("fetch       3.0 MiB  a.mov\nhave")
    assert "conflict        9 B  notes: changed here\n" in text
    for line in ("to fetch: one file, 3.0 MiB\n",
                 "here already: one file, 5 B\n",
                 "changed here, left alone: one file\n",
                 "space: 1.0 TiB free, enough\n"):
        assert line in text
    assert place.agent.params("POST /v1/pull")["dry"] is True
    assert place.agent.count("GET /v1/transfers") == 0
    assert r.code == 7
    doc = place.run("pull", "--dry-run", ".", "--json").json
    assert doc["exit"] == 7 and doc["error"]["path"] == "notes"
    assert b"\x1b" not in on_terminal(place, "pull", "-n", ".",
                                      env={"NO_COLOR": "1"})[1]


@pytest.mark.parametrize("change,code,words", [
    ({"enough": False, "space": 1024}, 8, b"not enough space"),
    ({"conflicts": 2}, 7, b"--force"), ({"enough": False}, 8, b"-o")])
def test_pull_of_a_plan_that_is_not_whole(place, change, code, words):
    place.serve(POST_pull=plan(("fetch", "a", 2048), **change))
    for argv in (("pull", "a"), ("pull", "-n", "a"),
                 ("pull", "--no-wait", "a")):
        r = place.run(*argv)
        assert r.code == code and words in r.err, (argv, r)
        assert place.run(*argv, "--json").json["exit"] == code


def test_pull_leaves_local_edits_and_says_so(place):
    place.serve(
        POST_pull=plan(("fetch", "f1", 1 << 20), ("conflict", "b", 1),
                       pulls=["1"]),
        GET_transfers=steps([transfer("1")]))
    r = place.run("pull", ".")
    assert r.code == 7 and r.out.startswith(b"pulled one file, 1.0 MiB in")
    assert b"vsync: b: changed here\n" in r.err
    assert place.agent.params("POST /v1/pull")["force"] is False
    place.agent.routes["POST /v1/pull"] = plan(("fetch", "b", 1))
    assert place.run("pull", "--force", ".").code == 0
    assert place.agent.params("POST /v1/pull")["force"] is True


@pytest.mark.parametrize("code", [4, 5, 6, 7, 8, 10, 75])
def test_pull_passes_on_why_one_failed(place, code):
    place.serve(POST_pull=TWO, GET_transfers=steps([
        transfer("1", "failed", error="it broke", exit=code),
        transfer("2")]))
    r = place.run("pull", ".")
    assert r.code == code
    assert r.err.splitlines()[0] == b"vsync: f1: it broke"
    assert b"1 of 2 files not pulled: f1: it broke" in r.err
    assert r.out.startswith(b"pulled one file, 1.0 MiB in")
    doc = place.run("pull", ".", "--json").json
    assert doc["exit"] == code and doc["error"]["code"] == "not_pulled"
    assert [t["exit"] for t in doc["transfers"]] == [code, 0]


def test_pull_that_somebody_cancels(place):
    place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1", "cancelled"), transfer("2", "cancelled")]))
    r = place.run("pull", ".", "--json")
    assert r.code == 5 and r.json["error"]["code"] == "cancelled"


def test_pull_that_is_not_waited_for(place):
    place.serve(POST_pull=TWO)
    r = place.run("pull", ".", "--no-wait")
    assert (r.code, r.out) == (0, b"queued 2 files, 2.0 MiB\n")
    assert b"vsync transfers --follow" in r.err
    doc = place.run("pull", ".", "--no-wait", "--json").json
    assert doc["pulls"] == ["1", "2"] and "transfers" not in doc
    assert place.agent.count("GET /v1/transfers") == 0


def test_pull_tells_programs_how_far_it_is(place):
    place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1", "fetching", 1 << 19), transfer("2", "queued")],
        [transfer("1"), transfer("2")]))
    r = place.run("pull", ".", "--progress=json", "--json")
    lines = [json.loads(x) for x in r.err.splitlines()]
    assert [x["type"] for x in lines] == ["progress"] * 2
    assert (lines[0]["files"], lines[0]["bytes"]) == (2, 1 << 19)
    assert lines[0]["resumed"] == 1 << 19 and lines[0]["ended"] == 0
    assert lines[1]["ended"] == 2 and lines[1]["eta_seconds"] == 0
    assert r.json["pulled_files"] == 2


def test_pull_draws_on_a_terminal_only_until_it_is_done(place):
    place.serve(POST_pull=TWO, GET_transfers=steps(
        *[[transfer("1", "fetching", n << 16, path=EVIL),
           transfer("2", "queued")] for n in range(8)],
        [transfer("1"), transfer("2")]))
    code, seen = on_terminal(place, "pull", ".")
    assert code == 0
    assert b"0 of 2 files" in seen and b"fetching $'a b\\n" in seen
    assert b"/s" in seen and b"\x1b[31m" not in seen
    last = seen[seen.rfind(b"\x1b[J"):]
    assert b"fetching" not in last and b"pulled 2 files" in last
    assert b"\x1b" not in on_terminal(
        place, "pull", ".", "--progress=none", env={"NO_COLOR": "1"})[1]


def test_pull_interrupted_leaves_the_pulls(place):
    place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1", "fetching", 5), transfer("2", "queued")]))
    proc = place.popen("pull", ".")
    wait_for(lambda: place.agent.count("GET /v1/transfers") > 1, "a poll")
    proc.send_signal(signal.SIGINT)
    out, err = proc.communicate(timeout=10)
    assert proc.returncode == -signal.SIGINT and out == b""
    assert b"interrupted: the pulls go on" in err
    assert b"`vsync transfers`" in err and b"`vsync cancel`" in err
    assert place.agent.count("POST /v1/cancel") == 0


def test_pull_waits_for_an_agent_that_comes_back(place):
    agent = place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1", "fetching", 5), transfer("2", "queued")]))
    proc = place.popen("pull", ".")
    wait_for(lambda: agent.count("GET /v1/transfers") > 1, "a poll")
    agent.close()
    time.sleep(1)
    place.serve(GET_transfers=steps([transfer("1"), transfer("2")]))
    out, err = proc.communicate(timeout=20)
    assert proc.returncode == 0, err
    assert err == b"vsync: the agent went away, waiting for it\n"
    assert out.startswith(b"pulled 2 files")


def test_pull_gives_an_agent_up_that_stays_away(place):
    agent = place.serve(POST_pull=TWO, GET_transfers=steps(
        [transfer("1", "fetching", 5), transfer("2", "queued")]))
    proc = place.popen("pull", ".", "--json")
    wait_for(lambda: agent.count("GET /v1/transfers") > 1, "a poll")
    agent.close()
    place.agent = None
    out, err = proc.communicate(timeout=30)
    doc = Run(proc.returncode, out, err).json
    assert doc["exit"] == 69 and "pulls are kept" in doc["error"]["hint"]


@pytest.mark.parametrize("answer", [
    ok(), ok(files=[]), plan(fetch_files="1"), plan(enough=None),
    plan(files={}), plan(pulls="12")], ids=range(6))
def test_pull_of_a_plan_that_is_none(place, answer):
    place.serve(POST_pull=answer)
    r = place.run("pull", ".", "--json")
    assert r.code == 1 and r.json["error"]["code"] == "protocol"


# transfers and cancel

def test_transfers(place):
    place.serve(GET_transfers=ok(transfers=[
        transfer("1", "fetching", 1 << 19), transfer("2"),
        transfer("3", "failed", path=EVIL, error="no\nroute")]))
    lines = place.run("transfers", "-n", "20").out.decode()
    assert re.sub(" +", " ", lines).startswith(
        "1 fetching 50 % 1.0 MiB f1\n2 completed 100 % 1.0 MiB f2\n")
    assert lines.endswith(": no\\nroute\n")
    assert place.agent.params("GET /v1/transfers") == {
        "project": ID, "limit": "20"}
    assert len(place.run("transfers", "--json").json["transfers"]) == 3
    out = place.run("transfers", "--json-lines").out.splitlines()
    assert [json.loads(x)["id"] for x in out] == ["1", "2", "3"]
    place.agent.routes["GET /v1/transfers"] = ok(transfers=None)
    assert place.run("transfers", "--json").code == 1


def pull_event(n, state, bytes=0):
    return {"type": "pull", "project": ID, "pull": n, "path": "f" + n,
            "text": state, "size": 1 << 20, "n": bytes}


def test_transfers_goes_on_with_what_moves(place):
    place.serve(
        GET_transfers=ok(transfers=[transfer("1", "fetching", 5)]),
        GET_watch=stream(
            published(8), pull_event("1", "fetching", 1 << 19),
            pull_event("1", "completed", 1 << 20), pull_event("2", "queued")))
    r = place.run("transfers", "--follow")
    assert r.code == 69 and b"the agent ended" in r.err
    assert [x.split()[:2] for x in r.out.decode().splitlines()] == [
        ["1", "fetching"], ["1", "completed"], ["2", "queued"]]
    assert place.agent.count("GET /v1/transfers") == 1
    r = place.run("transfers", "-f", "--json-lines")
    *rows, last = [json.loads(x) for x in r.out.splitlines()]
    assert last["exit"] == r.code == 69
    assert [(x["id"], x["bytes"]) for x in rows] == [
        ("1", 5), ("1", 1 << 19), ("1", 1 << 20), ("2", 0)]


@pytest.mark.parametrize("verb", ["transfers", "log"])
def test_following_makes_no_document(place, verb):
    place.serve()
    r = place.run(verb, "--follow", "--json")
    assert r.code == 2 and "--json-lines" in r.json["error"]["hint"]


@pytest.mark.parametrize("argv", [("transfers", "-f"), ("log", "-f")])
def test_following_ends_well_on_a_signal(place, argv):
    place.serve(GET_transfers=ok(transfers=[transfer("1", "queued")]),
                GET_log=log_of([event(1)]),
                GET_watch=stream(lambda: time.sleep(20)))
    proc = place.popen(*argv)
    read_until(proc, b"1")
    wait_for(lambda: place.agent.count("GET /v1/watch"), "the stream")
    proc.send_signal(signal.SIGINT)
    _, err = proc.communicate(timeout=10)
    assert proc.returncode == 0 and err == b""


def test_cancel(place):
    place.serve(POST_cancel=lambda p: ok(cancelled=(
        3 if p["id"] is None else int(p["id"] == "1"))))
    r = place.run("cancel", "--all")
    assert (r.code, r.out) == (0, b"cancelled: 3 transfers\n")
    assert place.agent.params("POST /v1/cancel")["id"] is None
    assert place.run("cancel", "1", "-p", "film").code == 0
    assert place.agent.params("POST /v1/cancel") == {
        "project": "film", "id": "1"}
    r = place.run("cancel", "2")
    assert r.code == 4 and b"no transfer 2 runs" in r.err and r.out == b""
    assert place.run("cancel", "2", "--json").json["exit"] == 4
    place.agent.routes["POST /v1/cancel"] = ok()
    assert place.run("cancel", "-a", "--json").code == 1


# held

def held_routes(count=2):
    return dict(
        GET_held=ok(count=count, more=count > 2, held=[
            {"path": "a", "kind": "file", "size": 1},
            {"path": "b", "kind": "directory", "size": 0}][:count]),
        POST_held=lambda p: ok(count=count))


def test_held_lists(place):
    place.serve(**held_routes(120))
    r = place.run("held")
    assert (r.code, r.out) == (0, b"a\nb/\n")
    assert b"118 more" in r.err and b"vsync held approve" in r.err
    assert place.run("held", "-0").out == b"a\0b\0"
    assert place.run("held", "--json").json["count"] == 120


def test_held_approve_needs_a_person_or_yes(place):
    place.serve(**held_routes())
    r = place.run("held", "approve")
    assert r.code == 2 and b"--yes" in r.err
    assert place.agent.count("POST /v1/held") == 0
    r = place.run("held", "approve", "--yes")
    assert (r.code, r.out) == (0, b"approved: 2 deletions\n")
    assert place.agent.params("POST /v1/held")["approve"] is True
    r = place.run("held", "reject")
    assert (r.code, r.out) == (0, b"rejected: 2 deletions\n")
    assert place.agent.params("POST /v1/held")["approve"] is False
    assert place.run("held", "approve", "-y", "--json").json["count"] == 2


@pytest.mark.parametrize("keys,code,sent", [
    (b"y\n", 0, 1), (b"yes\n", 0, 1), (b"n\n", 7, 0), (b"\n", 7, 0),
    (b"\x04", 7, 0), (b"\x03", -signal.SIGINT, 0)])
def test_held_approve_asks_on_a_terminal(place, keys, code, sent):
    place.serve(**held_routes())
    got, seen = on_terminal(place, "held", "approve", keys=keys,
                            until=[b"[y/N]"])
    assert b"Delete 2 paths from the project, for everybody?" in seen
    assert got == code, seen
    assert place.agent.count("POST /v1/held") == sent


# login and init

def test_login_reads_the_token_from_standard_input(place):
    agent = place.serve(POST_login=lambda p: ok(
        server=p["url"], device_id="d1", user={"id": "u", "name": "ada"}))
    r = place.run("login", "http://127.0.0.1:1", input=b" s3cret \r\nmore")
    assert r.code == 0, r
    assert r.out == b"logged in to http://127.0.0.1:1 as ada, device d1\n"
    asked = agent.params("POST /v1/login")
    assert asked["token"] == "s3cret" and asked["device"]
    r = place.run("login", "http://127.0.0.1:1", "--device", "box", "--json",
                  input=b"s3cret")
    assert r.json["user"]["name"] == "ada"
    assert agent.params("POST /v1/login")["device"] == "box"
    assert b"s3cret" not in r.out + r.err


@pytest.mark.parametrize("token", [b"", b"\n", b"q w\n", b"q\0w\n",
                                   "q\u00e9\n".encode(), b"q" * 9000])
def test_login_refuses_what_is_no_token(place, token):
    place.serve()
    r = place.run("login", "http://127.0.0.1:1", input=token)
    assert r.code == 2 and b"the " in r.err
    assert b"q" not in r.err
    assert place.agent.count("POST /v1/login") == 0


def test_login_warns_before_a_token_goes_in_the_clear(place):
    place.serve(POST_login=lambda p: ok(server=p["url"], device_id="d"))
    for url, warns in (("http://example.org", True),
                       ("https://example.org", False),
                       ("http://localhost:1", False),
                       ("http://localhost.evil.org", True),
                       ("http://[::1]:1", False)):
        r = place.run("login", url, input=b"t")
        assert r.code == 0 and (b"unencrypted" in r.err) == warns, url


def test_login_on_a_terminal_echoes_nothing(place):
    place.serve(POST_login=lambda p: ok(server=p["url"], device_id="d"))
    code, seen = on_terminal(place, "login", "http://127.0.0.1:1",
                             keys=b"s3cret\n", until=[b"Token: "])
    assert code == 0 and b"s3cret" not in seen
    assert place.agent.params("POST /v1/login")["token"] == "s3cret"


def test_login_starts_an_idle_agent_for_its_own_length(place):
    r = place.run("login", "http://127.0.0.1:1", input=b"t0ken\n")
    assert r.code == 0, r
    assert r.err == b""
    trace = place.traces()
    assert trace.startswith("started --attended --idle\n")
    assert "POST /v1/login" in trace and trace.endswith("ended\n")
    assert not place.socket.exists()


def test_init_says_what_is_published(place):
    r = place.run("init", place.root, "--name", "film")
    assert r.code == 0, r
    text = r.out.decode()
    assert text.startswith("%s is the project film (p1)\n" % place.root)
    assert "not published  .vsync\n" + 17 * " " + ".stfolder\n" in text
    assert "/.stignore: /.vsync" in text
    assert place.traces().startswith("started --attended --idle\n")
    doc = place.run("init", "--json", cwd=place.root).json
    assert (doc["name"], doc["root"]) == ("Film", str(place.root))


def test_init_of_what_is_no_folder(place):
    assert place.run("init", place.base / "absent").code == 4
    assert place.run("init", "/etc/passwd", "--json").code == 4
    assert place.traces() == ""


def test_an_agent_that_cannot_start_says_why(place):
    r = place.run("init", place.root, env={"FAKE_MODE": "refuses"})
    assert r.code == 69
    assert b"held by process 99 (exit 73)" in r.err and b"<3>" not in r.err
    r = place.run("init", place.root, "--json", env={"FAKE_MODE": "config"})
    assert r.code == 78 and "did you mean url" in r.json["error"]["message"]


def test_an_agent_that_is_not_installed(place):
    r = place.run("init", place.root, env={"VSYNC_AGENT": "/nowhere/agent"})
    assert r.code == 69
    assert b"/nowhere/agent: No such file" in r.err
    assert b"VSYNC_AGENT" in r.err


# watch

def published(n, **more):
    return dict({"type": "published", "project": ID, "op": "update", "seq": n,
                 "path": "f%d" % n, "size": 2048,
                 "at": "2025-11-17T18:00:0%d.000Z" % (n % 10)}, **more)


def stream(*lines):
    return Lines(dict(project(), type="status"), *lines)


def test_watch_writes_a_line_for_each_thing(place):
    place.serve(GET_watch=stream(
        published(8), dict(project(), type="status"),
        {"type": "committed", "project": ID, "path": "quiet"},
        {"type": "held", "project": ID, "n": 120},
        {"type": "refused", "project": ID, "path": EVIL, "text": "bad"},
        {"type": "scanned", "project": ID, "n": 1},
        dict(project(state="offline"), type="status"),
        {"type": "committed", "project": ID, "path": "seen", "op": "create"},
        {"type": "state", "project": ID, "text": "offline"}))
    r = place.run("watch")
    assert r.code == 69 and b"the agent ended" in r.err
    lines = [x.split(" ", 1)[1] for x in r.out.decode().split("\n") if
             re.match(r"\d\d:\d\d:\d\d ", x)]
    assert lines[0].startswith("film in sync: tree equal to the cloud's")
    assert lines[1] == "film published update f8 (2.0 KiB) #8"
    assert lines[2] == "film held 120 deletions: see `vsync held`"
    assert lines[4] == "film scanned one entry"
    assert lines[5].startswith("film offline: ")
    assert lines[6] == "film committed create seen"
    assert lines[7] == "film now offline"
    assert b"18:00:08 film" in r.out
    assert b"attached to the agent" in r.err


def test_watch_of_a_member(place):
    place.serve(GET_watch=Lines(
        dict(member(), type="status"),
        {"type": "caught_up", "project": ID, "seq": 9, "n": 1000},
        {"type": "changed", "project": ID, "op": "update", "path": EVIL,
         "seq": 10, "size": 2048},
        pull_event("1", "fetching", 1), pull_event("1", "fetching", 2),
        pull_event("1", "completed", 1 << 20)))
    r = place.run("watch")
    lines = [x.split(" ", 1)[1] for x in r.out.decode().split("\n") if
             re.match(r"\d\d:\d\d:\d\d ", x)]
    assert lines[0].startswith("film following: listing equal to the cloud's")
    assert lines[1] == "film caught up: 1,000 events #9"
    assert lines[3:] == ["film pull f1 (1.0 MiB): fetching",
                         "film pull f1 (1.0 MiB): completed"]


def test_watch_passes_json_lines_on(place):
    place.serve(GET_watch=stream(published(8), published(9)))
    r = place.run("watch", "--json-lines")
    docs = [json.loads(x) for x in r.out.splitlines()]
    assert [d["type"] for d in docs[:3]] == ["status", "published",
                                             "published"]


def test_watch_does_not_take_any_line(place):
    place.serve(GET_watch=stream(b"{nonsense\n", published(8)))
    r = place.run("watch")
    assert r.code == 1 and b"makes no sense" in r.err
    assert b"f8" not in r.out


def test_watch_of_a_refusal(place):
    place.serve(GET_watch=refusal(6, message="no", hint="log in"))
    r = place.run("watch")
    assert (r.code, r.err.splitlines()[-1]) == (6, b"vsync: no: log in")


def test_watch_wants_a_projects_folder(place):
    place.serve(GET_watch=stream())
    r = place.run("watch", place.root / "scenes")
    assert r.code == 4
    assert b"vsync init %s" % bytes(place.root / "scenes") in r.err
    assert place.run("watch", place.root).err.endswith(b"`vsync watch`\n")
    assert place.agent.params("GET /v1/watch") == {"project": ID}
    place.agent.routes["GET /v1/status"] = status()
    r = place.run("watch")
    assert r.code == 4 and b"vsync init DIR" in r.err


def read_until(proc, what):
    seen = b""

    def more():
        nonlocal seen
        if select.select([proc.stdout], [], [], 0)[0]:
            seen += os.read(proc.stdout.fileno(), 65536)
        return what in seen

    wait_for(more, repr(what))
    return seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_watch_ends_the_agent_it_started(place, number):
    proc = place.popen("watch")
    read_until(proc, b"published create a.mov")
    assert place.socket.exists()
    proc.send_signal(number)
    _, err = proc.communicate(timeout=20)
    assert proc.returncode == 0, err
    assert b"agent started" in err and b"ending the agent" in err
    assert b"a warning\n" in err and b"mere news" not in err
    assert b"<4>" not in err
    trace = place.traces()
    assert trace.startswith("started --attended\n")
    assert trace.endswith("ended\n")


def test_watch_killed_takes_its_agent_along(place):
    proc = place.popen("watch")
    read_until(proc, b"published create a.mov")
    proc.kill()
    proc.communicate()
    wait_for(lambda: place.traces().endswith("ended\n"), "the agent's end")


def test_watch_leaves_an_agent_it_found(place):
    place.serve(GET_watch=stream(published(8), lambda: time.sleep(20)))
    proc = place.popen("watch")
    read_until(proc, b"f8")
    proc.send_signal(signal.SIGINT)
    _, err = proc.communicate(timeout=10)
    assert proc.returncode == 0 and b"ending" not in err
    assert place.run("status").code == 0


def test_watch_tells_how_its_agent_died(place):
    proc = place.popen("watch", env={"FAKE_MODE": "dies"})
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 69
    assert b"out of luck (exit 1)" in err
    proc = place.popen("watch", env={"FAKE_MODE": "ends"})
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 69
    assert b"ended" in err or b"went away" in err
    assert b"cancelled" not in err


def test_watch_of_a_reader_that_leaves_ends_the_agent(place):
    proc = place.popen("watch")
    proc.stdout.close()
    proc.stdout = None
    proc.communicate(timeout=20)
    assert proc.returncode == -signal.SIGPIPE
    assert place.traces().endswith("ended\n")


def test_the_live_view_is_drawn_and_left(place):
    place.serve(GET_watch=stream(
        published(8), dict(project(
            state="offline", outbox=1234, in_sync=False, problems=[{
                "code": "net", "severity": "warning", "hint": "wait",
                "message": "no\x1b[2J server"}]), type="status"),
        lambda: time.sleep(20)))
    code, seen = on_terminal(place, "watch", keys=b"\x03",
                             until=[b"\x1b[J", b"1,234 queued"])
    assert code == 0
    assert b"changes/s" in seen and b"1,234 queued" in seen
    assert b"no\\e[2J server" in seen and b"\x1b[2J" not in seen
    assert seen.rfind(b"\x1b[?7h") > seen.rfind(b"\x1b[?7l")


# Signals, pipes, colours, names

def cloud_said(**members):
    """A row in which every text is hostile, but for the members given."""
    names = ("path", "name", "op", "kind", "created_at", "renamed_from",
             "role", "joined_at", "user_id", "id", "state", "error", "action",
             "reason", "badge", "modified_at", "rule", "source", "class",
             "stage", "text", "waits_for", "severity", "message", "hint",
             "code", "hold_id", "started_at", "version", "server",
             "device_id", "watcher", "log_id", "last_scan_at")
    return dict({n: "\x1b[2J" for n in names}, size=9, seq=1, **members)


@pytest.mark.parametrize("name,args", [
    ("GET_log", ["log"]), ("GET_members", ["members"]),
    ("GET_transfers", ["transfers"]), ("POST_pull", ["pull", "-n", "."]),
    ("GET_ls", ["ls", "-l"]), ("GET_why", ["why", "x"]),
    ("GET_held", ["held"]), ("POST_check-ignore", ["check-ignore", "-v", "x"]),
    ("GET_version", ["version"]), ("GET_status", ["status"])])
def test_no_word_of_an_answer_drives_a_terminal(place, name, args):
    row = cloud_said()
    answer = ok(**cloud_said(
        events=[dict(row, change=row)], next_seq=2, last_seq=1,
        has_more=False, members=[row], transfers=[row], files=[row],
        held=[row], results=[row], count=1, fetch_files=1, fetch_bytes=9,
        have_files=0, have_bytes=0, conflicts=0, space=1, enough=True,
        pulls=[], fault=row["text"], agent=dict(row, version=row["text"]),
        pid=1, next_cursor=None, projects=[dict(
            project(problems=[row], refused=[row]), root=str(place.root),
            **{k: v for k, v in row.items() if k != "id"})]))
    place.serve(**{name: answer})
    seen = on_terminal(place, *args, env={"NO_COLOR": "1"})[1]
    assert b"\x1b" not in seen, seen
    assert b"\\e[2J" in seen, seen


def test_the_first_interrupt_ends_as_a_shell_expects(place):
    place.serve(POST_wait=lambda p: time.sleep(20) or ok(last_seq=1))
    proc = place.popen("wait", "--in-sync")
    wait_for(lambda: place.agent.count("POST /v1/wait"), "the request")
    proc.send_signal(signal.SIGINT)
    out, err = proc.communicate(timeout=10)
    assert proc.returncode == -signal.SIGINT
    assert out == b"" and b"interrupted" in err


def test_a_reader_that_leaves_is_no_error(place):
    place.serve(GET_ls=pages(*[[row("f%d" % (i * 500 + j)) for j in
                                range(500)] for i in range(40)]))
    proc = place.popen("ls", "-R")
    assert proc.stdout.readline() == b"= f0\n"
    proc.stdout.close()
    proc.stdout = None
    _, err = proc.communicate(timeout=20)
    assert proc.returncode == -signal.SIGPIPE and err == b""
    assert place.agent.count("GET /v1/ls") < 40


def test_a_full_disk_is_an_error(place):
    place.serve()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN, "status"], env=place.env, stdout=full,
                              stderr=subprocess.PIPE, cwd=place.base)
    assert done.returncode == 1 and b"No space left" in done.stderr


COLOUR = b"\x1b["


def test_colours_are_for_terminals_that_want_them(place):
    place.serve(GET_ls=pages([row("a", badge="!")]))
    assert COLOUR not in place.run("ls").out
    assert COLOUR in place.run("ls", "--color=always").out
    assert COLOUR in on_terminal(place, "ls")[1]
    for argv, env in ((("ls",), {"NO_COLOR": "1"}),
                      (("ls",), {"TERM": "dumb"}),
                      (("ls", "--color=never"), {})):
        assert COLOUR not in on_terminal(place, *argv, env=env)[1]
    assert COLOUR in on_terminal(place, "ls", env={"NO_COLOR": ""})[1]
    assert COLOUR in on_terminal(place, "ls", "--color", "always",
                                 env={"NO_COLOR": "1"})[1]


@pytest.mark.parametrize("name", [
    "plain", "a b", "it's", "-rf", "$(reboot)", "a\nb", "\x1b]0;x\x07",
    "\u202egnp.exe", "\u009b31m", "caf\u00e9", "a\\b", "*", "#x", "~",
    "tab\there", "\U000e0041", "new\u2028line", "'", "$'x'"])
def test_a_terminal_gets_names_that_a_shell_reads_back(place, name):
    place.serve(GET_ls=pages([row(name)]))
    code, seen = on_terminal(place, "ls", env={"NO_COLOR": "1"})
    assert code == 0
    shown = seen.decode()
    assert shown.startswith("= ") and shown.endswith("\r\n")
    shown = shown[2:-2]
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u202e\U000e0041]", shown)
    back = subprocess.run(["bash", "-c", "printf %s " + shown],
                          capture_output=True, env=place.env)
    assert back.stdout.decode() == name, shown
    # A pipe gets the bytes.
    assert place.run("ls").out == ("= %s\n" % name).encode()


def test_a_message_cannot_drive_the_terminal(place):
    place.serve(GET_status=status(project(problems=[{
        "code": "x", "severity": "error", "message": "a\n\x1b[2Jb\u202e",
        "hint": "run\rthis"}])))
    for out in (place.run("status").out, on_terminal(place, "status")[1]):
        assert b"a\\n\\e[2Jb\\u202e" in out and b"run\\rthis" in out
