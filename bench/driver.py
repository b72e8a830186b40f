"""One run of `strowger load` against a server of servers.py."""
import json
import os
import subprocess

from servers import FIRST_USER, PASSWORD, CannotRun

LIMIT = "the generator was the limit"


class Run:
    """What one run came to. why: why there is no figure (None: it is one)."""

    def __init__(self, told, why=None):
        self.told = told
        self.why = why

    def cpu_us(self):
        return (self.told["server_user_us"] + self.told["server_system_us"]) / self.told["done"]

    def user_us(self):
        return self.told["server_user_us"] / self.told["done"]

    def latency_ms(self, what, percentile):
        return self.told["latency_us"][what][percentile] / 1000

    def failed_share(self):
        return self.told["failed"] / max(1, self.told["offered"])

    def done_per_s(self):
        return self.told["done"] / self.told["seconds"]


def command(server, binaries, kind, rate, seconds, users=1000, more=()):
    return [binaries.generator, "load", kind, "--server", server.where, "--users", "%d-%d" % (FIRST_USER, FIRST_USER + users - 1),
            "--password", PASSWORD, "--rate", str(rate), "--for", str(seconds), "--json", "--pid", ",".join(map(str, server.pids())),
            "--drain", "10"] + server.load + list(more)


def start(argv, core):
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: core is None or os.sched_setaffinity(0, {core}))


def end(process):
    try:
        out, errors = process.communicate()
    except BaseException:   # we are told to stop
        process.kill()
        process.wait()
        raise
    if not out:
        raise CannotRun("strowger load: " + (errors.strip() or "it ended with %d" % process.returncode))
    told = json.loads(out)
    if told["generator_was_limit"]:
        return Run(told, "%s (busy for %d %%, waited for its core for %d %%, work up to %d ms late)" %
                   (LIMIT, 100 * told["generator_share"], 100 * told["generator_waited"], told["latest_us"] / 1000))
    return Run(told)


def drive(server, binaries, core, kind, rate, seconds, **more):
    """A run, whatever share of it failed."""
    return end(start(command(server, binaries, kind, rate, seconds, **more), core))


def drive_well(*args, **more):
    """A run of which a figure may be made: at most 0.1 % has failed."""
    run = drive(*args, **more)
    if not run.why and run.failed_share() > 0.001:
        run.why = "%.1f %% failed (%s)" % (100 * run.failed_share(), ", ".join("%s: %d" % c for c in sorted(run.told["causes"].items())))
    return run
