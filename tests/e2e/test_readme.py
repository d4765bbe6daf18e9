"""README's quick start, typed as it stands: by the host, the owner and the
member, in a home of their own, on a network of their own."""

import os
import re
import subprocess

import pytest

from harness import BUILD, TOP, is_root, scratch

# What a line does that does not come back: the next one is typed elsewhere.
STAYS = re.compile(r"^vsync-cloud serve |^vsync watch$")

PRELUDE = """set -eu -o pipefail
sudo() { "$@"; }
/usr/bin/python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH22x", b"lo", 0x49))'
mount -t tmpfs none /srv
cd "$HOME"
"""
# People are slower than programs start.
WATCHES = """until vsync status >/dev/null 2>&1 || [ $? -ne 69 ]; do sleep 0.1
done
"""
SERVES = """until (: <>/dev/tcp/127.0.0.1/8765) 2>/dev/null; do sleep 0.1; done
"""
ALONE = ["unshare", "--mount", "--propagation", "private", "--net", "--pid",
         "--fork", "--kill-child", "--mount-proc"]


def blocks():
    """What is to be typed, block by block."""
    text = (TOP / "README.md").read_text()
    part = re.search(r"^## Quick start\n(.*?)^## ", text, re.M | re.S)
    return [re.sub(r"^ {4}", "", b, flags=re.M) for b in re.findall(
        r"(?:^ {4}.*\n)+", part.group(1), re.M)]


def typed(block):
    for line in block.splitlines():
        yield "echo '+ '%s >&2" % re.sub(r"([^\w/.-])", r"\\\1", line)
        yield line + (" >/dev/null &" if STAYS.match(line) else " || exit")


@pytest.mark.skipif(not is_root() or subprocess.run(
    [*ALONE, "true"], capture_output=True).returncode != 0,
    reason="needs root and namespaces")
def test_quick_start():
    host, service, owner, beside, member = blocks()
    assert "systemctl" in service  # there may be no systemd to try it with
    home = scratch("vsh")
    script = PRELUDE + "\n".join([
        *typed(host), SERVES, *typed(owner), WATCHES, *typed(beside),
        *typed(member), "cmp ~/Film/plan.txt ~/FilmCopy/plan.txt"])
    try:
        done = subprocess.run(
            [*ALONE, "bash", "-c", script], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=180, env={
                "HOME": str(home), "USER": "root", "LC_ALL": "C.UTF-8",
                "PATH": "%s:%s" % (BUILD, os.environ["PATH"])})
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)
    # a status of the owner's and one of the member's
    assert len(re.findall("in sync", done.stdout)) >= 2, done.stdout
    assert "plan.txt" in done.stdout
