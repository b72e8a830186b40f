"""The rows of reading a message: parse_bench's, which has strowger's own parser and those of three libraries read the same fields."""
import json
import os
import subprocess

from rows import STROWGER

LIBRARY = "fastest library"
LIBRARIES = ("libosip2", "sofia-sip", "libre")
TORTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "torture")

# key, title, and what parse_bench calls the messages
ROUTING = [("route-invite", "an INVITE of 748 octets read, with all that routing needs", "INVITE"),
           ("route-route", "the same with a Route, 796 octets", "INVITE with Route")]
FULL = ("read-full", "a message of a call, all fields that each library is asked for too", "call, transfer, REGISTER")


def measure(bench):
    """{(messages, reader): ns} of one run."""
    core = bench.server_core
    argv = [os.path.join(bench.binaries.folder, "bench", "parse_bench"), "--json", TORTURE]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True,
                          preexec_fn=lambda: core is None or os.sched_setaffinity(0, {core}))
    return {(one["corpus"], one["reader"]): one["ns"] for one in json.loads(done.stdout)}


def add_full(bench, ns):
    key, title, messages = FULL
    found = {name: ns[messages, name] for name in LIBRARIES if (messages, name) in ns}
    fastest = min(found, key=found.get) if found else None
    why = None if found else "no library is installed (./run setup bench)"
    bench.table.row(key, title, "ns")
    bench.table.add(key, STROWGER, ns[messages, "strowger"])
    bench.table.add(key, LIBRARY, fastest and found[fastest], why)
    bench.say("%s: strowger %.0f ns, %s" % (title, ns[messages, "strowger"], why or "%s %.0f ns" % (fastest, found[fastest])))


def reading(bench):
    for _ in range(bench.rounds):
        ns = measure(bench)
        for key, title, messages in ROUTING:
            bench.table.row(key, title, "ns")
            bench.table.add(key, STROWGER, ns[messages, "route"])
            bench.say("%s: %.0f ns" % (title, ns[messages, "route"]))
        add_full(bench, ns)
