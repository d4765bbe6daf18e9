"""The sockets of the cloud as a client that is not ours hears them."""

import asyncio
import http.client
import json
import threading

import pytest
import websockets

from publisher import Publisher, delete, put
from wait import PATIENCE

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def pub(world, cloud):
    return Publisher(cloud.api(world.token))


class Ear:
    """One socket; what it hears is checked to be in order."""

    def __init__(self, ws, since):
        self.ws, self.seq, self.others = ws, since, []

    async def hear(self):
        doc = json.loads(await asyncio.wait_for(self.ws.recv(),
                                                 20 * PATIENCE))
        if doc["type"] == "PROJECT_EVENT_BATCH":
            events = doc["events"]
            assert 1 <= len(events) <= 500
            assert (doc.get("event") == events[0]) == (len(events) == 1)
            for e in events:
                assert e["seq"] == self.seq + 1
                self.seq = e["seq"]
            assert doc["seq"] == self.seq
        elif doc["type"].startswith("file_"):
            assert doc["data"]["seq"] == self.seq + 1
            self.seq = doc["data"]["seq"]
        else:
            self.others.append(doc)
        return doc

    async def until(self, seq):
        while self.seq < seq:
            await self.hear()

    async def closed(self):
        """The code it is closed with; what comes before is heard."""
        try:
            while True:
                await self.hear()
        except websockets.ConnectionClosed as e:
            return e.rcvd.code


async def listen(port, path, token, since=0, query=False):
    """Opens a socket and hears its hello."""
    mark = "&" if "?" in path else "?"
    url = "ws://127.0.0.1:%d%s%ssince_seq=%d" % (port, path, mark, since)
    headers = {}
    if query:
        url += "&token=" + token
    else:
        headers["Authorization"] = "Bearer " + token
    ws = await websockets.connect(url, extra_headers=headers)
    ear = Ear(ws, since)
    ear.hello = await ear.hear()
    assert ear.hello["type"] == "hello"
    return ear


def stream(pub):
    return pub.at("/events/stream")


def room(pub):
    return "/ws/projects/" + pub.project


async def thread(call, *args):
    return await asyncio.get_running_loop().run_in_executor(
        None, call, *args)


def member_of(world, pub, name="bob"):
    token = world.cloud.user(name)
    invite = pub.api.post(pub.at("/invites"), {}).json["token"]
    a = world.cloud.api(token).post("/api/invites/%s/accept" % invite, {})
    assert a.status == 200, a
    return token


@pytest.mark.parametrize("query", (False, True))
@pytest.mark.parametrize("base", ("/api", ""))
def test_backlog_then_live(world, pub, base, query):
    token = member_of(world, pub)
    for n in range(3):
        pub.publish(*[put("%d/%d" % (n, i)) for i in range(400)])

    async def main():
        paths = (base + stream(pub)[4:], base + room(pub))
        for n, path in enumerate(paths):
            ear = await listen(world.cloud.port, path, token, 7, query)
            assert ear.hello["seq"] >= 1200 and ear.hello["log_id"]
            await ear.until(1200)
            await thread(pub.publish, put("late%d" % n),
                         delete("0/%d" % n))
            await ear.until(ear.hello["seq"] + 2)
            await ear.ws.close()

    asyncio.run(main())
    assert token.encode() not in world.cloud.daemon.log_text()


def opening(port, path, method="GET", **change):
    """The status of an opening with headers changed (None: left out)."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade",
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
    headers.update({k.replace("_", "-"): v for k, v in change.items()})
    conn = http.client.HTTPConnection("127.0.0.1", port,
                                      timeout=20 * PATIENCE)
    conn.request(method, path, headers={
        k: v for k, v in headers.items() if v is not None})
    r = conn.getresponse()
    accept = r.getheader("Sec-WebSocket-Accept")
    conn.close()
    return r.status, accept


def test_openings(world, pub):
    port, bearer = world.cloud.port, "Bearer " + world.token
    stranger = "Bearer " + world.cloud.user("eve")
    for path in (stream(pub), room(pub)):
        assert opening(port, path) == (401, None)
        assert opening(port, path, Authorization="Bearer x")[0] == 401
        assert opening(port, path + "?token=x")[0] == 401
        assert opening(port, path, Authorization=stranger)[0] == 404
        assert opening(port, path + "?since_seq=x",
                       Authorization=bearer)[0] == 400
        for change in ({"Upgrade": None}, {"Upgrade": "h2c"},
                       {"Sec_WebSocket_Version": "8"},
                       {"Sec_WebSocket_Key": "short"},
                       {"Sec_WebSocket_Key": None}):
            assert opening(port, path, Authorization=bearer,
                           **change)[0] == 426, change
        # the example of RFC 6455, 1.3
        assert opening(port, path, Authorization=bearer) == (
            101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        assert opening(port, path, Connection="keep-alive, Upgrade",
                       Authorization=bearer)[0] == 101
    # a token in the query is for sockets alone
    assert opening(port, pub.at("/files") + "?token=" + world.token)[0] == 401
    assert pub.publish(put("still here"))["last_seq"] == 1


def test_rights_end(world, pub):
    """A member that is removed and a token that is revoked hear nothing of
    the next commit."""
    bob, carl = member_of(world, pub), member_of(world, pub, "carl")
    port = world.cloud.port
    me = world.cloud.api(bob).get("/api/me").json["user"]["id"]

    async def main():
        ears = [await listen(port, p, t)
                for t in (bob, carl) for p in (stream(pub), room(pub))]
        await thread(pub.publish, put("a"))
        for ear in ears:
            await ear.until(1)
        assert (await thread(pub.api.raw, "DELETE",
                             pub.at("/members/" + me))).status == 200
        for ear in ears[:2]:
            assert await ear.closed() == 1008
        await thread(world.cloud.revoke, "carl")
        await thread(pub.publish, put("secret"))
        for ear in ears[2:]:
            assert await ear.closed() == 4401
        assert [ear.seq for ear in ears] == [1] * 4

    asyncio.run(main())


def test_many(world, pub):
    """Sixty sockets that come at any moment, under a steady stream."""
    token = member_of(world, pub)
    rounds, each = 60, 7

    def publish():
        for n in range(rounds):
            pub.publish(*[put("%d/%d" % (n, i)) for i in range(each)])

    async def one(n):
        await asyncio.sleep(n * 0.01)
        path = (stream, room)[n % 2](pub)
        ear = await listen(world.cloud.port, path, token, n % 3)
        await ear.until(rounds * each)
        await ear.ws.close()
        return ear.seq

    async def main():
        writer = threading.Thread(target=publish)
        writer.start()
        got = await asyncio.gather(*[one(n) for n in range(60)])
        await thread(writer.join)
        assert got == [rounds * each] * 60

    asyncio.run(main())


def test_through_a_crash(world, pub):
    """The cloud dies: whoever comes back with since_seq has lost nothing."""
    token = member_of(world, pub)

    async def main():
        ear = await listen(world.cloud.port, stream(pub), token)
        for n in range(3):
            await thread(pub.publish, put("a%d" % n), put("b%d" % n))
            await ear.hear()
            world.cloud.kill()
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await ear.hear()
            world.cloud.start()
            await thread(pub.publish, put("c%d" % n))
            ear = await listen(world.cloud.port, stream(pub), token, ear.seq)
            await ear.until(3 * n + 3)
        return ear.seq

    assert asyncio.run(main()) == 9


def test_stop(world, pub):
    token = member_of(world, pub)

    async def main():
        ears = [await listen(world.cloud.port, p, token)
                for p in (stream(pub), room(pub))]
        stopping = asyncio.ensure_future(thread(world.cloud.stop))
        codes = [await ear.closed() for ear in ears]
        await stopping
        return codes

    assert asyncio.run(main()) == [1001, 1001]


def test_transfer(world, pub):
    """A download is told to the source's owner, its end to both."""
    token = member_of(world, pub)
    bob = world.cloud.api(token)
    pub.publish(put("film.mov", "frames"))

    async def main():
        owner = await listen(world.cloud.port, room(pub), world.token, 1)
        member = await listen(world.cloud.port, room(pub), token, 1)
        a = await thread(bob.post, pub.at("/files/download"),
                         {"file_path": "film.mov"})
        assert a.status == 200, a
        at = pub.at("/transfers/" + a.json["download_id"])
        asked = await owner.hear()
        assert asked["type"] == "transfer_requested"
        assert asked["data"]["id"] == a.json["download_id"]
        assert asked["data"]["file_path"] == "film.mov"
        body = json.dumps({"status": "completed"}).encode()
        assert (await thread(bob.raw, "PATCH", at, body)).status == 200
        for ear in (owner, member):
            done = await ear.hear()
            assert done["type"] == "transfer_complete"
            assert done["data"]["status"] == "completed"

    asyncio.run(main())
