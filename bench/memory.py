"""The rows of memory, and of the start with many bindings."""
import shutil
import tempfile
import time

from driver import drive_well, end, start, command
from rows import KAMAILIO, STROWGER
from servers import CannotRun

SETTLE_S = 1.0


def measured(server):
    """Once it has settled."""
    time.sleep(SETTLE_S)
    return server.octets()


def missing_or(bench, name, measure):
    why = bench.missing(name)
    try:
        return (None, why) if why else measure(name)
    except CannotRun as e:
        return None, str(e)


def idle(bench):
    bench.table.row("idle", "idle, default workers", "MB")

    def one(name):
        with bench.server(name, workers=None) as server:
            return measured(server) / 1e6, None

    for name in (KAMAILIO, STROWGER):
        figure, why = missing_or(bench, name, one)
        bench.say("%s, idle: %s" % (name, why or "%.1f MB" % figure))
        bench.table.add("idle", name, figure, why)


# ---- bindings ----

def fill(bench, server, n):
    """So many phones register, a hundred at a time."""
    run = drive_well(server, bench.binaries, bench.generator_core, "refresh", 1, 1, users=n)
    bench.say("%s: %d bindings after %.0f s" % (server.name, n, run.told["prepared_s"]))


def bindings(bench, n=1000000):
    """strowger is stopped and started again: so no memory counts that only the registering took."""
    table = bench.table
    table.row("binding", "a binding, of %d" % n, "octets")
    table.row("start", "start with %d bindings" % n, "s")

    def kamailio(name):
        with bench.server(name) as server:
            before = measured(server)
            fill(bench, server, n)
            return (measured(server) - before) / n, None

    def strowger(name):
        data = tempfile.mkdtemp(prefix="strowger-bench-")
        try:
            with bench.server(name, data=data) as server:
                before = measured(server)
                fill(bench, server, n)
            with bench.server(name, data=data) as server:
                table.add("start", name, server.start_s)
                return (measured(server) - before) / n, None
        finally:
            shutil.rmtree(data, ignore_errors=True)

    for name, measure in ((KAMAILIO, kamailio), (STROWGER, strowger)):
        figure, why = missing_or(bench, name, measure)
        bench.say("%s, a binding: %s" % (name, why or "%.0f octets" % figure))
        table.add("binding", name, figure, why)
        if why:
            table.add("start", name, None, why)


# ---- what grows ----

def growth(bench, name, kind, rate, moments, load=(), users=1000):
    """Octets for each piece of work that has begun between two moments (s after the first one), while nothing else changes: the
    trace is full by then, and as much of what lingers ends as begins. A call's record in a mapped file counts, on disk or not yet."""
    seconds = moments[1] + 2
    with bench.server(name) as server:
        process = start(command(server, bench.binaries, kind, rate, seconds, users=users, more=load), bench.generator_core)
        began, samples = time.monotonic(), []
        try:
            for moment in moments:
                time.sleep(max(0, began + moment - time.monotonic()))
                if process.poll() is not None:
                    end(process)
                    raise CannotRun("the generator ended too early")
                samples.append((time.monotonic(), server.octets(clean=True)))
        finally:
            process.terminate()
            process.communicate()
    (t0, m0), (t1, m1) = samples
    bench.say("%s, %s at %d/s: %.1f MB after %d s, %.1f MB after %d s" % (name, kind, rate, m0 / 1e6, moments[0], m1 / 1e6, moments[1]))
    return (m1 - m0) / (rate * (t1 - t0)), None


def grown(bench, key, title, names, *args, **more):
    bench.table.row(key, title, "octets")
    for name in names:
        figure, why = missing_or(bench, name, lambda n: growth(bench, n, *args, **more))
        bench.table.add(key, name, figure, why)


def state(bench):
    grown(bench, "held", "a held call, of 100 000", [STROWGER], "calls", 1000, (60, 101), load=["--hold", "3600"], users=10000)
    grown(bench, "ringing-octets", "a ringing call, of 50 000", [KAMAILIO, STROWGER], "calls", 1000, (30, 50), load=["--ring", "3600"],
          users=10000)
    grown(bench, "linger", "a finished transaction that lingers, of 100 000", [STROWGER], "refresh", 4000, (16, 28))
