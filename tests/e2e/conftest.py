import sys
import zlib
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "fault"):
    sys.path.insert(0, str(folder))

import harness  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "alone: disturbs what runs beside it, or is disturbed")


# Hundreds of tests that take no time: what is left for the end.
QUICK = ("test_api", "test_cli_fake")


def pytest_collection_modifyitems(config, items):
    """Workers get them in portions, by their order: so that none has all the
    slow ones, or begins with one when the others are done."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.path.stem in QUICK,
                                     zlib.crc32(item.nodeid.encode())))


class World:
    """A cloud and as many owners as a test wants; closed at its end."""

    def __init__(self):
        self.closing = []
        self.cloud = self.add(harness.Cloud())
        self.token = self.cloud.user("ada")

    def add(self, thing):
        self.closing.append(thing)
        return thing

    def owner(self, token=None, **more):
        return self.add(harness.Owner(self.cloud, token or self.token,
                                      **more))

    def member(self, owner, name="bob", **more):
        return self.add(harness.Member(owner, self.cloud.user(name), **more))

    def logs(self):
        for thing in self.closing:
            daemon = getattr(thing, "daemon", None)
            if daemon:
                yield daemon.name, daemon.log_text()

    def close(self):
        failures = []
        while self.closing:
            try:
                self.closing.pop().close()
            except AssertionError as e:
                failures.append(str(e))
        assert not failures, "\n".join(failures)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the ends of the programs' logs."""
    outcome = yield
    report = outcome.get_result()
    world = getattr(item, "funcargs", {}).get("world")
    if call.when == "call" and report.failed and world:
        for name, text in world.logs():
            report.sections.append(
                (name, text[-6000:].decode(errors="replace")))


@pytest.fixture
def world():
    w = World()
    yield w
    w.close()


@pytest.fixture
def cloud(world):
    """A cloud that serves."""
    return world.cloud.start()


@pytest.fixture
def owner(world, cloud):
    """An owner whose agent runs, on an empty folder."""
    return world.owner().setup()


@pytest.fixture
def member(world, owner):
    """A member of that owner's project whose agent runs."""
    return world.member(owner).setup()
