"""Batches through a network of which half is broken: each is in the log
once, in order.  Without batch ids, the control, some come twice."""

import json
import random

import proxy as proxies
import views
from publisher import Publisher, delete, put
from report import Tally, must_fail
from sweep import cloud_with_user

SOFT = [f for f in proxies.ALL if not f.startswith("413")]


def understood(a, counter):
    """An answer of ours to this very batch, and nothing else."""
    if a.status != 200 or "json" not in a.headers.get("content-type", ""):
        return False
    try:
        doc = json.loads(a.body)
    except ValueError:
        return False
    if not isinstance(doc, dict) or doc.get("success") is not True:
        return False
    batch = doc.get("batch") or {}
    return counter is None or batch.get("counter") == counter


def deliver(pub, body, counter, tries=400):
    for n in range(tries):
        try:
            a = pub.send(body)
        except OSError:
            continue
        assert a.status != 409, a
        if understood(a, counter):
            return n + 1
    raise AssertionError("not delivered in %d tries" % tries)


def storm(count, batch_ids=True):
    dice = random.Random(9)
    with cloud_with_user() as cloud:
        pub = Publisher(cloud.api(cloud.tokens[0]))
        px = proxies.Proxy(cloud.port)
        px.plan = lambda m, p: dice.choice(SOFT) if dice.random() < 0.5 \
            else ""
        tries = 0
        try:
            pub.api.port = px.port
            for n in range(1, count + 1):
                changes = [put("flips", "a%d" % n), put("flips", "b%d" % n),
                           put("new%d" % n), delete("new%d" % (n - 1))]
                body = pub.body(changes, None if batch_ids else 0)
                tries += deliver(pub, body, n if batch_ids else None)
                pub.counter += 1
        finally:
            px.close()
            pub.api.port = cloud.port
        want = count * 4 - 1
        events = pub.events()
        assert len(events) == want, "%d events of %d changes" % (
            len(events), want)
        flips = [e["change"]["hash"] for e in events
                 if e["change"]["path"] == "flips"]
        order = [put("x", t + str(n))["hash"] for n in range(1, count + 1)
                 for t in "ab"]
        assert flips == order, "out of order"
        views.agree({"listing": pub.listing(),
                     "replay": views.replay(events)})
    return Tally("%d batches in %d tries, %s" % (count, tries, ", ".join(
        "%s %d" % (k or "good", v) for k, v in sorted(px.counts.items()))),
        count, "9")


CLAIM = ("Q6", "batches through a network of which half is broken:"
         " each once, in order")
CASES = [
    ("fault proxy", lambda full: storm(5000 if full else 1500)),
    ("control: the same without batch ids",
     lambda full: must_fail(storm, 60, False)),
]
