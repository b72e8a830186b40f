"""The rows of speed: CPU time at a common rate, most calls a second, latency. Each is a function of a Bench, which adds figures to
its table; servers take turns within a round, so that all had the same machine."""
from driver import LIMIT, drive, drive_well
from servers import CannotRun, Kamailio, Relay, Strowger

PLAIN, RELAY, KAMAILIO, STROWGER = "relay (6 sent)", "relay", "Kamailio", "strowger"
DURABLE = "Kamailio, durable"
PATIENCE_S = 2      # of a run that looks for the most


class Bench:
    """What all rows need. seconds: of one run; core: the server's and the generator's, or None."""

    def __init__(self, binaries, table, rounds, seconds, say, quick=False):
        self.binaries = binaries
        self.table = table
        self.rounds = rounds
        self.seconds = seconds
        self.say = say
        self.quick = quick
        self.disturbed = 0      # the largest share of a run in which others had the generator's core
        self.server_core, self.generator_core = binaries.cores

    def server(self, name, pinned=True, **more):
        kinds = {PLAIN: (Relay, {"full": False}), RELAY: (Relay, {}), KAMAILIO: (Kamailio, {}), STROWGER: (Strowger, {}),
                 DURABLE: (Kamailio, {"durable": True})}
        kind, given = kinds[name]
        if kind is Relay:
            more = {k: v for k, v in more.items() if k == "quota"}
        cores = {self.server_core} if pinned and self.server_core is not None else None
        return kind(self.binaries, cores=cores, **dict(given, **more))

    def missing(self, name):
        """Why this server cannot be had; None: it can."""
        if name == KAMAILIO and not self.binaries.kamailio:
            return "it is not installed (./run setup bench)"
        if name == DURABLE and not self.binaries.kamailio_sqlite:
            return "its SQLite module is not installed (./run setup bench)"
        return None

    def run(self, name, kind, rate, seconds, how=drive_well, load=(), users=1000, **more):
        """(run, None), or (None, why there is none)."""
        why = self.missing(name)
        if why:
            return None, why
        try:
            with self.server(name, users=users, **more) as server:
                run = how(server, self.binaries, self.generator_core, kind, rate, seconds, users=users, more=load)
        except CannotRun as e:
            return None, str(e)
        self.disturbed = max(self.disturbed, run.told["generator_waited"])
        return run, run.why


def cpu(bench, key, title, servers, kind, rate, seconds=None, parts=False, rounds=None, **more):
    """µs of CPU for each piece of work; with `parts` user mode and kernel apart too. rounds: at most so many."""
    table = bench.table
    table.row(key, title, "µs CPU")
    if parts:
        table.row(key + "-user", title + ", user mode", "µs CPU")
        table.row(key + "-kernel", title + ", kernel", "µs CPU")
    for _ in range(min(bench.rounds, rounds or bench.rounds)):
        for name in servers:
            run, why = bench.run(name, kind, rate, seconds or bench.seconds, **more)
            bench.say("%s, %s: %s" % (title, name, why or "%.1f µs" % run.cpu_us()))
            table.add(key, name, not why and run.cpu_us(), why)
            if parts:
                table.add(key + "-user", name, not why and run.user_us(), why)
                table.add(key + "-kernel", name, not why and run.cpu_us() - run.user_us(), why)


def calls(bench, rate):
    cpu(bench, "call-%d" % rate, "a call at %d/s" % rate, [RELAY, KAMAILIO, STROWGER], "calls", rate, parts=True)


def transfers(bench):
    cpu(bench, "transfer", "a blind transfer at 500/s", [KAMAILIO, STROWGER], "transfers", 500, rounds=2)


def registers(bench):
    seconds = max(2, bench.seconds // 2)
    both = [KAMAILIO, STROWGER]
    cpu(bench, "refresh", "REGISTER, a refresh, nobody asked for a password, 2000/s", both, "refresh", 2000, seconds)
    cpu(bench, "digest", "REGISTER and again with digest, 2000/s", both, "register", 2000, seconds, digest=True)
    # Each phone once: all bindings are new. strowger has each on disk before its 200.
    cpu(bench, "durable", "the same, each binding new (strowger: durable), 2000/s", [KAMAILIO, DURABLE, STROWGER], "register", 2000,
        seconds, digest=True, users=2000 * seconds)


def within(bench):
    cpu(bench, "within", "INFO in a call at 4000/s", [RELAY, KAMAILIO, STROWGER], "within", 4000, max(2, bench.seconds // 2),
        rounds=1, load=["--held", "500"])


# ---- two workers ----

def workers(bench):
    """On both cores, which the generator shares: only one with the other can be compared."""
    bench.table.row("workers", "a call at 3000/s, both cores", "µs CPU")
    for _ in range(min(2, bench.rounds)):
        for n in (1, 2):
            name = "%s, %d worker%s" % (STROWGER, n, "s" if n > 1 else "")
            run, why = bench.run(STROWGER, "calls", 3000, bench.seconds, pinned=False, workers=n)
            bench.say("%s: %s" % (name, why or "%.1f µs" % run.cpu_us()))
            bench.table.add("workers", name, not why and run.cpu_us(), why)


# ---- the most ----

def one_trial(bench, name, rate, seconds, **more):
    """(this rate can be carried, why that is not known)"""
    run, why = bench.run(name, "calls", rate, seconds, how=drive, load=["--hold", "0.3", "--drain", str(PATIENCE_S)], **more)
    if why:
        return False, why
    return run.failed_share() <= 0.001, None


def find_most(bench, name, guess, seconds, step=1.3, close=1.05, **more):
    """(calls a second, None) or (None, why): the highest rate with at most 0.1 % failed, within `close`."""
    low, high, rate = None, None, guess
    while not (low and high and high / low <= close):
        good, why = one_trial(bench, name, int(rate), seconds, **more)
        bench.say("%s, %d calls/s: %s" % (name, rate, why or ("well" if good else "too much")))
        if why and not why.startswith(LIMIT):
            return None, why
        if why and low and rate / low <= close:
            return None, "over %d, where %s" % (low, why)
        if good:
            low = rate
        else:
            high, limit = rate, why
        if rate < 20:
            return None, "not even %d/s" % rate
        rate = low * step if not high else high / step if not low else (low * high) ** 0.5
    return (None, "over %d, where %s" % (low, limit)) if limit else (low, None)


def most(bench):
    bench.table.row("most", "calls a second on one core, at most 0.1 % failed", "1/s")
    guess = {KAMAILIO: 6000, STROWGER: 8000}
    for _ in range(1 if bench.quick else 2):
        for name in (KAMAILIO, STROWGER):
            figure, why = find_most(bench, name, guess[name], 3)
            bench.table.add("most", name, figure, why)
            guess[name] = figure or guess[name]


# ---- latency ----

def added_latency(bench):
    """At 10 % and 50 % of what each can carry, over what the plain relay takes at the same rate."""
    for share in (10, 50):
        for percentile in ("p50", "p99", "p99.9"):
            bench.table.row("added-%d-%s" % (share, percentile), "INVITE to 180 at %d %% of its most, over the relay's: %s" % (share, percentile),
                            "ms")
    for name in (KAMAILIO, STROWGER):
        top = bench.table.median("most", name)
        for share in (10, 50):
            one_added(bench, name, share, top and int(top * share / 100))


def one_added(bench, name, share, rate):
    why = None if rate else "its most is not known"
    plain = run = None
    if rate:
        plain, why = bench.run(PLAIN, "calls", rate, max(3, bench.seconds // 2))
    if not why:
        run, why = bench.run(name, "calls", rate, max(3, bench.seconds // 2))
    for percentile in ("p50", "p99", "p99.9"):
        added = None if why else run.latency_ms("ringing", percentile) - plain.latency_ms("ringing", percentile)
        bench.table.add("added-%d-%s" % (share, percentile), name, added, why)
        bench.say("%s, %s %% load, %s: %s" % (name, share, percentile, why or "%.3f ms more" % added))


def ringing(bench):
    bench.table.row("ringing", "INVITE to 180 at 200/s, default workers, any core: median", "ms")
    for _ in range(bench.rounds):
        for name in (PLAIN, KAMAILIO, STROWGER):
            more = {} if name == PLAIN else {"workers": None}
            run, why = bench.run(name, "calls", 200, max(3, bench.seconds // 2), pinned=False, **more)
            figure = None if why else run.latency_ms("ringing", "p50")
            bench.table.add("ringing", name, figure, why)
            bench.say("%s, INVITE to 180 at 200/s: %s" % (name, why or "%.3f ms" % figure))
