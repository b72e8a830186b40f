"""How a wire test begins: what it needs is there, and it has a network of its own where that can be had."""
import os
import shutil
import subprocess
import sys

from exchange import BINARY

MARK = "STROWGER_WIRE_ALONE"


def alone():
    """Begins the running script again in a network namespace that has only its own loopback, if this machine lets us (root);
    otherwise it goes on as it is. What others do on the loopback is then neither heard nor disturbed."""
    if os.environ.get(MARK) or os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return
    probe = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    if probe.returncode:
        return
    os.environ[MARK] = "1"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable] + sys.argv)


def begin(programs=(), root=False):
    """Ends the test with a clear line when something is missing."""
    sys.dont_write_bytecode = True
    missing = [p for p in programs if not shutil.which(p)]
    if not os.access(BINARY, os.X_OK):
        missing.append(BINARY)
    if missing:
        sys.exit("missing: %s; `./run setup test` installs programs, `./run build` makes strowger" % ", ".join(missing))
    if root and os.geteuid() != 0:
        sys.exit("this test captures packets, which needs root")
    alone()
