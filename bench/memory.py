"""The rows of memory, and of the start with many bindings."""
import json
import shutil
import socket
import tempfile
import time

from driver import command, drive_well, start
from rows import KAMAILIO, STROWGER
from servers import CALLER_IP, SERVER_IP, CannotRun

SETTLE_S = 1.0
TRACE_OCTETS = 160 * 1024 * 1024    # more than is ever kept
KEPT_UP = 0.98      # of what was to be there at a rate


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


def bindings(bench, n=1000000, n_rival=200000):
    """strowger is stopped and started again: so no memory counts that only the registering took. A fifth of them is enough to tell
    what one costs the rival."""
    table = bench.table
    table.row("binding", "a binding, of %d (Kamailio: of %d)" % (n, n_rival), "octets")
    table.row("start", "start with %d bindings" % n, "s")

    def kamailio(name):
        with bench.server(name) as server:
            before = measured(server)
            fill(bench, server, n_rival)
            return (measured(server) - before) / n_rival, None

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


# ---- calls and transactions ----

def fill_trace(server):
    """Its memory is taken before anything is counted: ACKs that belong to nothing are recorded, and leave nothing else behind."""
    ack = ("ACK sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%%d\r\nMax-Forwards: 70\r\nFrom: <sip:1@%s>;tag=1\r\nTo: <sip:2@%s>;tag=2\r\n"
           "Call-ID: trace-%%d\r\nCSeq: 1 ACK\r\nSubject: %s\r\nContent-Length: 0\r\n\r\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((CALLER_IP, 0))
        me = "%s:%d" % s.getsockname()
        text = ack % (server.where, me, me, server.where, "x" * 600)
        for i in range(TRACE_OCTETS // len(text)):
            s.sendto((text % (i, i // 8)).encode(), (SERVER_IP, server.port))
            if i % 100 == 99:
                time.sleep(0.003)   # what is lost is not recorded


def begin(bench, server, kind, rate, seconds, load):
    return start(command(server, bench.binaries, kind, rate, seconds, more=load), bench.generator_core)


def end(process, rate, seconds, reached):
    """How many there were; CannotRun where they are not as many as the rate wants. reached: the latency that says so."""
    process.terminate()
    out, errors = process.communicate()
    if not out:
        raise CannotRun(errors.strip())
    told = json.loads(out)
    n = told["latency_us"].get(reached, {"n": 0})["n"]
    if n < KEPT_UP * rate * seconds:
        raise CannotRun("only %d of %d came so far (%d begun; %s)" % (n, rate * seconds, told["offered"], told["causes"]))
    return n


def each(bench, name, kind, rate, seconds, reached, load=()):
    """Octets for each of the `rate` * `seconds` that have begun, when all are there."""
    with bench.server(name) as server:
        fill_trace(server)
        before = measured_with_files(server)
        process = begin(bench, server, kind, rate, seconds, load)
        try:
            time.sleep(seconds + 1)
            after = server.octets_with_files()
        finally:
            n = end(process, rate, seconds, reached)
    bench.say("%s: %.1f MB, with %d of them %.1f MB" % (name, before / 1e6, n, after / 1e6))
    return (after - before) / n, None


def growth(bench, name, kind, rate, moments, reached, load=()):
    """Octets by which it grows for each that begins between two moments, when as much of what lingers ends as begins."""
    with bench.server(name) as server:
        fill_trace(server)
        process, began, seen = begin(bench, server, kind, rate, moments[1] + 1, load), time.monotonic(), []
        try:
            for moment in moments:
                time.sleep(began + moment - time.monotonic())
                seen.append(server.octets_with_files())
        finally:
            end(process, rate, moments[1], reached)
    bench.say("%s: %.1f MB after %d s, %.1f MB after %d s" % (name, seen[0] / 1e6, moments[0], seen[1] / 1e6, moments[1]))
    return (seen[1] - seen[0]) / (rate * (moments[1] - moments[0])), None


def measured_with_files(server):
    time.sleep(3 * SETTLE_S)
    return server.octets_with_files()


def state(bench):
    for key, title, names, how, more in (
            ("held", "a held call, from 57 000 to 99 000 at 1500/s", [STROWGER], growth,
             ("calls", 1500, (38, 66), "answer", ["--hold", "3600"])),
            ("ringing-octets", "a ringing call, of 50 000", [KAMAILIO, STROWGER], each, ("calls", 2000, 25, "ringing", ["--ring", "3600"])),
            ("linger", "a finished transaction that lingers, of 112 000", [STROWGER], each, ("refresh", 4000, 28, "register"))):
        bench.table.row(key, title, "octets")
        for name in names:
            figure, why = missing_or(bench, name, lambda n: how(bench, n, *more))
            bench.table.add(key, name, figure, why)
