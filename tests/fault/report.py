"""What a fault suite found, case by case, and its closing line."""

import time
import traceback


class Skip(Exception):
    """This case cannot be tried here; why."""


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def case(self, name, func, *args):
        """Runs one case; what it returns is printed beside its name."""
        start = time.monotonic()
        try:
            said = func(*args)
        except Skip as e:
            self.skipped += 1
            print("skipped %s: %s" % (name, e), flush=True)
            return
        except Exception as e:  # a broken case must not hide the others
            self.failed += 1
            where = "" if isinstance(e, AssertionError) else \
                traceback.format_exc()
            print("FAILED  %s: %s\n%s" % (name, e, where), flush=True)
            return
        self.passed += 1
        print("ok      %s%s (%.1f s)" % (
            name, ": " + said if said else "", time.monotonic() - start),
            flush=True)

    def close(self):
        print("%d passed, %d failed, %d skipped" % (
            self.passed, self.failed, self.skipped))
        return 1 if self.failed else 0


def must_fail(func, *args, known=AssertionError):
    """A control: what it found, or AssertionError if it found nothing."""
    try:
        func(*args)
    except known as e:
        return str(e).split("\n")[0][:100]
    raise AssertionError("the control stayed green: nothing is proven")
