"""Where to put the polls of a job: GETs and lag of 10,000 simulated jobs.

Their times are lognormal with a median of 120 s. The lag is the time from a job's end to the poll that sees it. The
flow of `wait` itself runs here, against a simulated clock. The history is that of 100 other jobs.
"""

import math
import random
from statistics import quantiles

from lipsync_nodes.flows import Policy, Sleep, Took, quiet_seconds, wait
from lipsync_nodes.flows._wait import FEWER, MORE
from lipsync_nodes.service import Answer
from tests.bench.frame import Row

JOBS = 10_000
MEDIAN, SIGMA = 120.0, 0.42
INTERVAL = 7.5


def lengths(seed):
    chance = random.Random(seed)
    return [MEDIAN * math.exp(chance.gauss(0, SIGMA)) for _ in range(JOBS)]


def ours(seconds, chance, quiet=None):
    """Run the flow for a job that ends after so many seconds. Return its GETs and its lag."""
    policy = Policy(chance=chance.random)
    options = {"timeout": 36_000, "poll_interval": INTERVAL, "just_submitted": True, "quiet": quiet}
    flow = wait("j", policy, pause=policy.spread(INTERVAL), **options)
    now, gets, reply = 0.0, 0, None
    while True:
        try:
            effect = flow.send(reply)
        except StopIteration:
            return gets, now - seconds
        reply = None
        if isinstance(effect, Sleep):
            now += effect.seconds
            reply = now
        elif hasattr(effect, "method"):
            gets += 1
            ended = b'"completed", "output": "https://x/v.mp4"' if now >= seconds else b'"processing"'
            reply = Answer(200, {}, b'{"id": "j", "status": %s}' % ended)


def by_pauses(pauses):
    """Return how a poller does whose pauses the iterator yields."""

    def one(seconds, chance):
        now = 0.0
        for gets, pause in enumerate(pauses(chance), 1):
            now += pause
            if now >= seconds:
                return gets, now - seconds
        raise AssertionError

    return one


def fixed(chance):
    yield INTERVAL * chance.random()
    while True:
        yield INTERVAL


def spread_by_a_third(chance):
    while True:
        yield INTERVAL * (2 + 2 * chance.random()) / 3


def two_levels(quiet, slow, quick):
    """Return a poller with slow polls until *quiet* and quick ones from then on."""

    def pauses(chance):
        now = slow * (1 + chance.random()) / 2
        yield now
        while True:
            pause = slow if now + slow <= quiet else quick
            now += pause
            yield pause

    return by_pauses(pauses)


def figures(one, jobs):
    """Return the GETs a job, and the median and the 99th percentile of the lag."""
    chance = random.Random(7)
    gets, lags = zip(*(one(seconds, chance) for seconds in jobs), strict=True)
    cuts = quantiles(lags, n=100)
    return sum(gets) / JOBS, cuts[49], cuts[98]


def rows():
    jobs = lengths(1)
    quiet = quiet_seconds([Took(seconds, None, None) for seconds in lengths(2)[:100]], None, None)
    base = figures(by_pauses(fixed), jobs)
    kinds = {
        "each interval spread by a third": (by_pauses(spread_by_a_third), "", "", ""),
        "without history": (ours, "<= 1.02", "<= 1.02", "<= 1.02"),
        "with history": (lambda seconds, chance: ours(seconds, chance, quiet), "<= 1.02", "<= 0.85", "<= 1.2"),
    }
    for name, (one, *targets) in kinds.items():
        for what, figure, plain, target in zip(
            ("GETs a job", "median lag", "p99 lag"), figures(one, jobs), base, targets, strict=True
        ):
            unit = "" if "GETs" in what else "s"
            yield Row(f"{name}: {what}", figure, "fixed 7.5 s", plain, unit, target)


def front():
    """Print the front: other lengths of the two intervals, and other shares of the history that count as unlikely."""
    jobs, before = lengths(1), lengths(2)
    print("fixed", *(f"{figure:.2f}" for figure in figures(by_pauses(fixed), jobs)))
    for share in (1, 2, 5, 10):
        quiet = quantiles(before, n=100)[share - 1]
        for slow in (10.0, 12.5, 15.0, 20.0):
            for quick in (5.0, 5.5, 6.0, 6.25, 6.5):
                gets, median, late = figures(two_levels(quiet, slow, quick), jobs)
                if gets <= 18.6:
                    print(f"{share} % quiet {quiet:.0f} s, {slow}/{quick}: {gets:.2f} GETs, {median:.2f}, {late:.2f}")


if __name__ == "__main__":
    print(f"of the flow: {FEWER:.2f} and {MORE:.2f} of the interval")
    front()
