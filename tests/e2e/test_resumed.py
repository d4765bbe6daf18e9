"""A first scan that is killed again and again reads nothing twice: what was
committed costs a stat at the next start, and no more."""

import time

from harness import write
from test_moved import hashed

FILES = 12000
SIZE = 4096
# not durable yet when the agent dies: a transaction, and hashes under way
BATCH = (500 + 256) * SIZE
KILLS = 3


def killed_after(owner, least):
    """Kills the agent once it has hashed so much; how much it had."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        now = hashed(owner)
        if now >= least:
            owner.kill()
            return now
        time.sleep(0.002)
    raise AssertionError("%d bytes were not hashed in a minute" % least)


def test_first_scan_killed(world, cloud):
    owner = world.owner()
    for i in range(FILES):
        write(owner.root / ("d%d" % (i % 40)) / ("%05d.mov" % i),
              i.to_bytes(4, "big") * (SIZE // 4))
    owner.setup()
    total = 0
    for _ in range(KILLS):
        total += killed_after(owner, 2 * BATCH)
        owner.start()
    assert len(owner.agree(timeout=120)) == FILES + 40
    total += hashed(owner)
    assert total >= FILES * SIZE - KILLS * BATCH, "nothing was counted"
    assert total <= FILES * SIZE + KILLS * BATCH, (
        "%d bytes were read for %d" % (total, FILES * SIZE))
