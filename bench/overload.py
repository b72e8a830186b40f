"""The row of overload: what is carried when 1, 2, 5 and 10 times as much is offered as can be. One core cannot offer ten times what
another one carries, so the server's is made slower by a CPU quota (cgroup)."""
import os

from driver import drive
from rows import STROWGER, find_most
from servers import CannotRun

CGROUP_1, CGROUP_2 = "/sys/fs/cgroup/cpu", "/sys/fs/cgroup"
QUOTA_US = 1000      # the least that the kernel takes
PERIODS_US = {"calm": 4000, "slow": 8000}    # a quarter of a core, an eighth; longer ones make every datagram wait
GUESS = {"calm": 1500, "slow": 700}          # calls a second
RUSH_S = 8


class Quota:
    """A control group whose processes have QUOTA_US of CPU in each period. CannotRun: there is no such here."""

    def __init__(self, period_us):
        self.period_us = period_us
        self.folder = None

    def __enter__(self):
        if os.path.isfile(os.path.join(CGROUP_1, "cpu.cfs_quota_us")):
            root, settings = CGROUP_1, [("cpu.cfs_period_us", self.period_us), ("cpu.cfs_quota_us", QUOTA_US)]
        elif os.path.isfile(os.path.join(CGROUP_2, "cgroup.subtree_control")):
            root, settings = CGROUP_2, [("cpu.max", "%d %d" % (QUOTA_US, self.period_us))]
        else:
            raise CannotRun("there are no control groups here")
        folder = os.path.join(root, "strowger-bench-%d" % os.getpid())
        try:
            os.mkdir(folder)
            self.folder = folder
            for name, value in settings:
                with open(os.path.join(folder, name), "w", encoding="ascii") as f:
                    f.write(str(value))
        except OSError as e:
            self.__exit__()
            raise CannotRun("a CPU quota cannot be set here: %s" % e.strerror) from e
        return self

    def join(self):
        with open(os.path.join(self.folder, "cgroup.procs"), "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    def __exit__(self, *_):
        if self.folder:
            os.rmdir(self.folder)
            self.folder = None


def ended_well(told):
    """Of the calls that were answered, how many had a 200 for their BYE in time."""
    latency = told["latency_us"]
    return latency["bye"]["n"] / latency["answer"]["n"] if "bye" in latency else 0


KEYS = ("goodput-%d", "overload-%d-median", "overload-%d-well")


def no_figures(bench, several, why):
    for times in several:
        bench.say("%d times: %s" % (times, why))
        for key in KEYS:
            bench.table.add(key % times, STROWGER, None, why)


def one(bench, period, rate):
    """What comes late does not count: calls that are not over 2 s after the last one has begun have failed."""
    with Quota(PERIODS_US[period]) as quota:
        return bench.run(STROWGER, "calls", int(rate), RUSH_S, how=drive, quota=quota, load=["--hold", "0.5", "--drain", "1"])


def at(bench, period, several):
    """Its most is the best that was seen: what is carried without a failure, or what is done of more."""
    with Quota(PERIODS_US[period]) as quota:
        most, why = find_most(bench, STROWGER, GUESS[period], 4, quota=quota)
    if why:
        no_figures(bench, several, why)
        return
    runs = {times: one(bench, period, most * times) for times in sorted({2} | set(several))}
    peak = max([most] + [run.done_per_s() for run, why in runs.values() if not why])
    for times in several:
        run, why = runs[times]
        if why:
            no_figures(bench, [times], why)
            continue
        bench.say("%d times: %.0f/s, the most is %.0f/s; %s" % (times, run.done_per_s(), peak, run.told["causes"]))
        for key, figure in zip(KEYS, (100 * run.done_per_s() / peak, run.latency_ms("answer", "p50"), 100 * ended_well(run.told))):
            bench.table.add(key % times, STROWGER, figure)


def overload(bench):
    for times in (1, 2, 5, 10):
        bench.table.row("goodput-%d" % times, "%d times its most offered, under a quota: done, of its most" % times, "%")
        bench.table.row("overload-%d-median" % times, "... INVITE to 200 of those admitted, median", "ms")
        bench.table.row("overload-%d-well" % times, "... of answered calls, ended well", "%")
    for period, several in (("calm", (1, 2, 5)), ("slow", (10,))):
        try:
            at(bench, period, several)
        except CannotRun as e:
            no_figures(bench, several, str(e))
