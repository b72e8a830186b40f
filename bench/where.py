"""./run bench --profile: where the time of a call goes. A flame graph (perf's cpu-clock, since virtual machines have no hardware
counter), instructions per call (callgrind), system calls per call (strace)."""
import collections
import glob
import os
import re
import shutil
import subprocess
import time

import flame
from driver import command, drive, end, start
from rows import STROWGER
from servers import CALLEE_IP, CALLER_IP, CannotRun, Strowger, free_port

RATE, SECONDS, SAMPLES_HZ, STACK_OCTETS = 1500, 8, 499, 16384
SLOW_RATE, SLOW_SECONDS = 20, 15     # under callgrind, which makes it fifty times slower
VALGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes"]


def need(tool):
    if not shutil.which(tool):
        raise CannotRun("%s is missing; ./run setup bench installs it" % tool)


def same_phones(server):
    """What is measured is the second run: with ports of its own the bindings of the first would stay, and calls go there, too."""
    server.load = ["--local", ",".join("%s:%d" % (ip, free_port(ip)) for ip in (CALLER_IP, CALLEE_IP))]


def said_by(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, errors="replace")
    if done.returncode:
        raise CannotRun("%s: %s" % (argv[0], done.stderr.strip()[-300:]))
    return done.stdout


# ---- the flame graph ----

def fold(text):
    """perf script's stacks, innermost first and ended by an empty line, as {(outermost, ..., innermost): samples}."""
    folded, stack = collections.Counter(), []
    for line in text.splitlines() + [""]:
        frame = re.match(r"\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \((.*)\)$", line)
        if frame:
            name = frame.group(1) if frame.group(1) != "[unknown]" else "[%s]" % os.path.basename(frame.group(2))
            stack.append(name + " [k]" if "kernel" in frame.group(2) else name)
        elif not line.strip() and stack:
            folded[tuple(reversed(stack))] += 1
            stack = []
    return folded


def flame_graph(bench, folder):
    need("perf")
    data = os.path.join(folder, "perf.data")
    with bench.server(STROWGER) as server:
        load = start(command(server, bench.binaries, "calls", RATE, SECONDS), bench.generator_core)
        time.sleep(1.5)
        said_by(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_HZ), "--call-graph", "dwarf,%d" % STACK_OCTETS, "-o", data,
                 "-p", ",".join(map(str, server.pids())), "--", "sleep", str(SECONDS - 3)])
        end(load)
    folded = fold(said_by(["perf", "script", "--no-inline", "-F", "ip,sym,dso,symoff", "-i", data]))
    os.remove(data)
    with open(os.path.join(folder, "stacks.folded"), "w", encoding="utf-8") as f:
        f.writelines("%s %d\n" % (";".join(stack), n) for stack, n in sorted(folded.items()))
    title = "strowger: %d samples of its CPU time at %d calls/s" % (sum(folded.values()), RATE)
    with open(os.path.join(folder, "flame.svg"), "w", encoding="utf-8") as f:
        f.write(flame.svg(folded, title))
    return "%s: flame.svg, stacks.folded" % title


# ---- instructions ----

class UnderCallgrind(Strowger):
    def argv(self):
        return VALGRIND + ["--callgrind-out-file=" + os.path.join(self.folder, "out")] + super().argv()


def instructions(bench, folder):
    """Of the thread that carries the calls; a few phones, so that their REGISTERs do not count."""
    need("valgrind")
    with UnderCallgrind(bench.binaries) as server:
        same_phones(server)
        said_by(["callgrind_control", "-i", "on", str(server.process.pid)])
        drive(server, bench.binaries, bench.generator_core, "calls", SLOW_RATE, 3, users=20)    # all is loaded and translated then
        said_by(["callgrind_control", "-z", str(server.process.pid)])
        run = drive(server, bench.binaries, bench.generator_core, "calls", SLOW_RATE, SLOW_SECONDS, users=20)
        said_by(["callgrind_control", "-i", "off", str(server.process.pid)])
        if run.told["failed"]:
            raise CannotRun("under callgrind it could not carry %d calls/s: %s" % (SLOW_RATE, run.told["causes"]))
        server.stop()
        totals = {}
        for path in glob.glob(os.path.join(server.folder, "out-*")):
            with open(path, encoding="utf-8", errors="replace") as f:
                found = re.search(r"(?m)^totals: (\d+)", f.read())
            totals[path] = int(found.group(1)) if found else 0
        busiest = max(totals, key=totals.get)
        text = said_by(["callgrind_annotate", "--auto=no", "--threshold=95", busiest])
    with open(os.path.join(folder, "instructions.txt"), "w", encoding="utf-8") as f:
        f.write(text)
    return "%.0f instructions per call in its worker, %.0f in all threads: instructions.txt" % (
        totals[busiest] / run.told["done"], sum(totals.values()) / run.told["done"])


# ---- system calls ----

def counted(text):
    """strace's table as [(calls, name)]; the column of errors is empty where there were none."""
    return [(int(n), name) for n, name in re.findall(r"(?m)^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$", text) if name != "total"]


def system_calls(bench, folder):
    need("strace")
    path = os.path.join(folder, "system-calls.txt")
    with bench.server(STROWGER) as server:
        same_phones(server)
        drive(server, bench.binaries, bench.generator_core, "calls", SLOW_RATE, 1, users=20)
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", path, "-p", str(server.process.pid)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        tracer.stderr.readline()    # "attached"
        run = drive(server, bench.binaries, bench.generator_core, "calls", 400, 5, users=20)
        tracer.terminate()
        tracer.communicate()
    with open(path, encoding="utf-8") as f:
        named = sorted(((n / run.told["done"], name) for n, name in counted(f.read())), reverse=True)
    return "%.1f system calls per call at 400/s (%s): system-calls.txt" % (
        sum(n for n, _ in named), ", ".join("%s %.1f" % (name, n) for n, name in named if n >= 0.05))


def profile(bench, folder):
    """Each by itself: what a tool measures another one would disturb."""
    os.makedirs(folder, exist_ok=True)
    print("in %s:" % os.path.relpath(folder))
    bad = 0
    for part in (flame_graph, instructions, system_calls):
        try:
            print("  " + part(bench, folder), flush=True)
        except CannotRun as e:
            print("  not measured: %s" % e, flush=True)
            bad = 1
    return bad
