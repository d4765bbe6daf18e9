"""The scenes with the member, in the order in which they are played."""

import os
import time

import compare
import material
from line import Line
from member import Member, Pull, Watch
from stage import Failed, free_port, heading, human, say, until

FOLDER = "takes/day-00"
VIDEO = "scenes/master-1.nut"
KILLED_HERE = "scenes/master-2.nut"
KILLED_THERE = "scenes/master-3.nut"

SLOW = 60_000_000  # bytes a second
CHUNK = 4 << 20  # bytes: what is fetched at once, and verified
EXTRA = 1.02  # TLS, HTTP


class Corridor:
    """A part of Demo; stage, measured and compared are there."""

    def prepare_line(self):
        """Where members reach the owner's agent: through a line of ours."""
        s = self.stage
        port = free_port()
        self.line = Line(port)
        folder = os.path.join(s.base, "config", "vsync")
        os.makedirs(folder, 0o700, exist_ok=True)
        with open(os.path.join(folder, "config"), "w", encoding="utf-8") as f:
            f.write("[agent]\n"
                    f"listen = 127.0.0.1:{port}\n"
                    f"advertise = https://127.0.0.1:{self.line.port}\n")

    def member(self):
        heading("A member: invited, joined, following")
        s = self.stage
        m = Member(s, "bob")
        s.run("vsync invite > ../bob.invite")
        with open(os.path.join(s.base, "bob.invite"), encoding="utf-8") as f:
            s.secrets.append(f.read().strip())
        m.run(f"vsync login {s.url} < ../bob.token")
        m.run("vsync join - ~/film < ../bob.invite")
        s.run("vsync members")
        start = time.monotonic()
        m.typed("vsync watch &")
        m.agent = m.background("vsync watch", "agent.log")
        s.member = m
        until("the member's agent answers", 20, m.agent_ready)
        seq = m.follows()
        took = time.monotonic() - start
        m.in_sync()
        st = m.status()
        entries = st["files"] + st["directories"]
        say(f"   it had all {entries:,} entries {took:.1f} s after its start")
        self.measured("a new member has the list",
                      f"{entries:,} entries, as of seq {seq:,}, {took:.1f} s")
        m.run("vsync status")
        m.run("vsync ls -l")
        self.compared("with the member")
        self.watch = Watch(m)

    # Pulling.

    def pulls(self):
        heading("The member pulls a folder, and a large video")
        s, m = self.stage, self.stage.member
        if material.parcel(s.root, FOLDER, (VIDEO, KILLED_HERE, KILLED_THERE)):
            s.in_sync()
            m.follows()
        m.run(f"vsync pull -n {FOLDER}")
        start = time.monotonic()
        m.run(f"vsync pull {FOLDER}")
        took = time.monotonic() - start
        files, size = self.pulled()
        self.measured("a folder pulled",
                      f"{files:,} files, {human(size)}, {took:.1f} s")
        self.video()
        m.run("vsync ls -l scenes")

    def video(self):
        size = os.path.getsize(self.path(VIDEO))
        start = time.monotonic()
        Pull(self.stage.member, f"vsync pull {VIDEO}").end()
        took = time.monotonic() - start
        self.same(VIDEO)
        self.measured("a video pulled and verified",
                      f"{human(size)}, {took:.1f} s, {human(size / took)}/s")

    def same(self, path):
        """sha256sum, for all to see."""
        m = self.stage.member
        theirs = self.stage.run(f"sha256sum {path}")
        if m.run(f"sha256sum {path}") != theirs:
            raise Failed(f"{path} is not the same on both sides")

    def pulled(self):
        return compare.pulled(self.stage.member, self.stage)

    def here_killed(self):
        heading("kill -9 of the member's agent in the middle of a pull")
        m = self.stage.member
        self.line.rate = SLOW
        self.line.carried = 0
        pull = Pull(m, f"vsync pull {KILLED_HERE}")
        before = m.halfway(KILLED_HERE, 0.3)
        m.kill_agent()
        time.sleep(0.3)  # what is on the line still gets lost
        carried = self.line.carried
        m.start_agent()
        self.resumed(pull, KILLED_HERE, before, carried)

    def there_killed(self):
        heading("kill -9 of the owner's agent in the middle of another")
        s, m = self.stage, self.stage.member
        self.line.rate = SLOW
        self.line.carried = 0
        pull = Pull(m, f"vsync pull {KILLED_THERE}")
        m.halfway(KILLED_THERE, 0.3)
        s.kill_agent()
        time.sleep(0.5)  # what came whole gets safe on the disk
        before = m.transfer(KILLED_THERE)
        carried = self.line.carried
        m.run("vsync transfers -n 1")
        s.start_agent()
        self.resumed(pull, KILLED_THERE, before, carried)

    def resumed(self, pull, path, before, carried):
        """The pull ends well, and fetches only what was not there."""
        start = time.monotonic()
        m, size = self.stage.member, before["size"]
        after = m.transfer(path)
        if (after is None or after["id"] != before["id"]
                or after["bytes"] < before["bytes"]):
            raise Failed(f"not resumed: {before} then {after}")
        pull.end()
        took = time.monotonic() - start
        fetched = self.line.carried - carried
        rest = size - before["bytes"]
        say(f"   {human(before['bytes'])} of {human(size)} were here before; "
            f"since then the line carried {human(fetched)}, for the "
            f"{human(rest)} that were missing")
        say(f"   in all it carried {human(self.line.carried)}: what was on "
            "its way at the kill, and not yet safe on the disk, came twice")
        if not rest * 0.5 <= fetched <= rest * EXTRA + CHUNK:
            raise Failed(f"{fetched} bytes were fetched for {rest}")
        self.line.rate = None
        self.same(path)
        whose = "member" if path == KILLED_HERE else "owner"
        self.measured(f"kill -9 of the {whose}'s agent in a pull",
                      f"{human(before['bytes'])} kept, {human(fetched)} "
                      f"fetched after, {took:.1f} s")

    def edited(self):
        heading("Edited here, and saved there: nothing is overwritten")
        s, m = self.stage, self.stage.member
        path = "notes/plan.txt"
        m.run(f"vsync pull {path}")
        m.run(f"echo 'Bob: or stop?' >> {path}")
        s.run(f"echo 'Three: end.' >> {path}")
        s.in_sync()
        m.follows()
        mine = compare.digest_of(os.path.join(m.root, path))
        m.run(f"vsync pull {path}", code=7)
        m.run(f"vsync ls {path}")
        if compare.digest_of(os.path.join(m.root, path)) != mine:
            raise Failed("the member's edit was overwritten")
        m.run(f"mv {path} {path}.mine && vsync pull {path}")
        m.run(f"mv {path}.mine ..")
        self.same(path)

    def clean(self):
        """No part of a pull is left behind."""
        m = self.stage.member
        left = os.path.join(m.root, ".vsync", "part")
        names = os.listdir(left) if os.path.isdir(left) else []
        if names:
            raise Failed(f"parts are left: {names}")
        files, size = self.pulled()
        say(f"-- compared what was pulled: {files:,} files, {human(size)}, "
            "every one the owner's")

    def flipped(self):
        """One bit of one pulled file, and the comparison has to see it."""
        m = self.stage.member
        m.run("vsync pull notes/plan.txt        # the newer one")
        self.pulled()
        name = next(p for p, one in sorted(compare.disk(
            os.path.join(m.root, FOLDER)).items()) if one[1] > 0)
        path = os.path.join(m.root, FOLDER, name)
        st = os.stat(path)
        with open(path, "r+b") as f:
            f.seek(st.st_size // 2)
            byte = f.read(1)[0]
            f.seek(st.st_size // 2)
            f.write(bytes([byte ^ 1]))
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
        try:
            self.pulled()
        except Failed as e:
            say(f"-- and a flipped bit of a pulled file: {e}")
        else:
            raise Failed("the comparison does not see a flipped bit")
        m.run(f"vsync pull {FOLDER}", code=7)
        m.run(f"vsync pull --force {FOLDER}")
        self.pulled()

    def end_line(self):
        if self.line:
            self.line.close()

