"""What a fault suite found, case by case, and its closing line."""

import contextlib
import json
import os
import subprocess
import time
import traceback


class Skip(Exception):
    """This case cannot be tried here; why."""


class Tally(str):
    """What a case says, and how often it tried what from which seeds."""

    def __new__(cls, text, trials, seeds=""):
        self = super().__new__(cls, text)
        self.trials, self.seeds = trials, seeds
        return self


CONTROL = "control: "


class Report:
    """Cases, and what each claim that they stand for has behind it."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.claims = {}  # id -> what the summary says of it

    def case(self, name, claim, func, *args):
        """Runs one case of a claim, (id, text); what it returns is printed
        beside its name."""
        start = time.monotonic()
        said, verdict = "", "failed"
        try:
            said = func(*args) or ""
            verdict = "passed"
        except Skip as e:
            said, verdict = str(e), "skipped"
        except Exception as e:  # a broken case must not hide the others
            where = "" if isinstance(e, AssertionError) else \
                traceback.format_exc()
            said = "%s\n%s" % (e, where)
        seconds = time.monotonic() - start
        setattr(self, verdict, getattr(self, verdict) + 1)
        self._tell(name, verdict, said, seconds)
        self._count(name, claim, verdict, said, seconds)

    def _tell(self, name, verdict, said, seconds):
        if verdict == "passed":
            print("ok      %s%s (%.1f s)" % (
                name, ": " + said if said else "", seconds), flush=True)
        else:
            word = "skipped" if verdict == "skipped" else "FAILED "
            print("%s %s: %s" % (word, name, said), flush=True)

    def _count(self, name, claim, verdict, said, seconds):
        c = self.claims.setdefault(claim[0], {
            "id": claim[0], "claim": claim[1], "trials": 0, "failures": 0,
            "skipped": 0, "seeds": [], "seconds": 0, "cases": [],
            "controls": []})
        c["seconds"] = round(c["seconds"] + seconds, 1)
        trials = getattr(said, "trials", 1)
        seeds = getattr(said, "seeds", "")
        said = said.split("\n")[0]
        if name.startswith(CONTROL):
            red = None if verdict == "skipped" else verdict == "passed"
            c["controls"].append({"name": name[len(CONTROL):], "red": red,
                                  "said": said})
            return
        c["cases"].append({"name": name, "verdict": verdict, "said": said,
                           "seconds": round(seconds, 1)})
        if verdict == "passed":
            c["trials"] += trials
        c["failures"] += verdict == "failed"
        c["skipped"] += verdict == "skipped"
        if seeds:
            c["seeds"].append("%s: %s" % (name, seeds))

    def summary(self, path, full):
        """Writes all that was found for programs to read."""
        doc = {
            "schema": 1, "campaign": full, "commit": commit(),
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": {"kernel": os.uname().release,
                        "processors": os.cpu_count(),
                        "root": os.geteuid() == 0},
            "claims": [self.claims[k] for k in sorted(self.claims)]}
        with open(path, "w", encoding="utf-8") as f:
            json.dump(doc, f, indent=1, ensure_ascii=False)
            f.write("\n")

    def close(self):
        print("%d passed, %d failed, %d skipped" % (
            self.passed, self.failed, self.skipped))
        return 1 if self.failed else 0


def commit():
    """Of the tree that was tested; "" where git does not know."""
    with contextlib.suppress(OSError):
        done = subprocess.run(["git", "describe", "--always", "--dirty"],
                              capture_output=True, text=True)
        return done.stdout.strip()
    return ""


def must_fail(func, *args, known=AssertionError):
    """A control: what it found, or AssertionError if it found nothing."""
    try:
        func(*args)
    except known as e:
        return str(e).split("\n")[0][:100]
    raise AssertionError("the control stayed green: nothing is proven")
