"""The member: another user, with an agent and a folder of its own, who sees
what is in the owner's folder and fetches from it what is wanted."""

import json
import os
import pty
import re
import subprocess
import threading
import time
import tty
import urllib.parse

from stage import Failed, User, say, until

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Member(User):
    def __init__(self, stage, name):
        super().__init__(os.path.join(stage.base, name), stage.build,
                         f"{name}$", stage.secrets)
        self.stage = stage

    def follows(self, seconds=30):
        """Waits until it has all that the log has now; that seq."""
        seq = self.stage.head()
        until("the member has the log", seconds,
              lambda: self.status()["last_seq"] >= seq)
        return seq

    def transfer(self, path):
        """The newest pull of path, or None."""
        rows = json.loads(self.control("/v1/transfers?limit=100"))
        for row in rows["transfers"]:
            if row["path"] == path:
                return row
        return None

    def halfway(self, path, share):
        """Waits until that share of path is safe on the disk; its row."""
        def row():
            t = self.transfer(path)
            if t is None:
                return None
            if t["state"] in ("completed", "failed", "cancelled"):
                raise Failed(f"the pull of {path} was over: {t}")
            return t if t["bytes"] >= share * t["size"] else None
        return until(f"{share:.0%} of {path}", 30, row)


class Watch(threading.Thread):
    """The member's stream of news: when each seq appeared there."""

    def __init__(self, member):
        super().__init__(daemon=True)
        self.at = {}  # seq -> (monotonic seconds, path)
        self.more = threading.Condition()
        self.over = None  # why it ended
        self.conn = member.connection(None)
        project = urllib.parse.quote(member.stage.project)
        self.conn.request("GET", f"/v1/watch?project={project}")
        self.answer = self.conn.getresponse()
        # The first line says that the rest will follow.
        self.answer.readline()
        self.start()

    def run(self):
        why = "the stream ended"
        try:
            while line := self.answer.readline():
                now = time.monotonic()
                e = json.loads(line)
                if e["type"] != "changed":
                    continue
                with self.more:
                    self.at[e["seq"]] = (now, e["path"])
                    self.more.notify_all()
        except (OSError, ValueError, KeyError, AttributeError) as e:
            why = repr(e)
        with self.more:
            self.over = why
            self.more.notify_all()

    def appeared(self, seq, path, seconds=30):
        """When path's event seq did; waits for it."""
        with self.more:
            if not self.more.wait_for(
                    lambda: seq in self.at or self.over, seconds):
                raise Failed(f"seq {seq} did not come in {seconds} s")
            if seq not in self.at:
                raise Failed(f"the member's stream: {self.over}")
            when, named = self.at[seq]
        if named != path:
            raise Failed(f"seq {seq} is {named} there, not {path}")
        return when


class Pull:
    """`vsync pull` on a terminal, while other things happen."""

    def __init__(self, member, command):
        self.command = command
        member.typed(command)
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            env=dict(member.env, TERM="xterm"),
            cwd=member.cwd,
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Shows of each frame of the progress the line with the sum, if that
        has moved, and all that stays."""
        text, last = b"", None
        try:
            while piece := os.read(self.master, 65536):
                *lines, text = (text + piece).split(b"\n")
                for line in lines:
                    line = ESCAPE.sub("", line.decode(errors="replace"))
                    line = line.replace("\r", "")
                    sum_of, _, _ = line.partition(")")
                    if line and not line.startswith("  ") and sum_of != last:
                        say(line)
                    last = sum_of if not line.startswith("  ") else last
        except OSError:
            pass  # the other end is closed

    def end(self, seconds=60):
        """Waits for its end, which has to be a good one."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"`{self.command}` took over {seconds} s") from None
        self.reader.join(5)
        os.close(self.master)
        if code != 0:
            raise Failed(f"`{self.command}` ended with {code}")
