"""What the wire tests share: a running exchange on loopback, stopped by pid, in a data folder of its own."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from program import Missing, Program  # noqa: E402

SOURCE = os.environ.get("STROWGER_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("STROWGER_BINARY") or os.path.join(SOURCE, "build", "release", "strowger")
START_S = 20


def free_port(address):
    """A port that is free for UDP and TCP now; a clash with another program is possible, and seen at start."""
    for _ in range(50):
        port = random.randint(20000, 30000)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as t:
                u.bind((address, port))
                t.bind((address, port))
                return port
        except OSError:
            continue
    raise RuntimeError("no free port on " + address)


def strowger(*words, timeout_s=60, **options):
    """Runs the program to its end: the finished process, with its output as text."""
    return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=timeout_s, check=False,
                          stdin=subprocess.DEVNULL, **options)


def dying(text):
    """The environment in which a program is killed before it sends that; None: the usual one."""
    library = os.path.join(os.path.dirname(BINARY), "die_before.so")
    return text and dict(os.environ, LD_PRELOAD=library, STROWGER_DIE_BEFORE=text,
                         ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))


class Exchange:
    """`strowger serve` on 127.0.0.10 with options; use as a context. die_before: how a datagram begins that it is not to live
    to send; counts until it has been started again."""

    def __init__(self, options=(), address="127.0.0.10", workers=2, data=None, log=None, die_before=None):
        self.ip = address
        self.options = list(options)
        self.workers = workers
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="strowger-wire-")
        self.log = log
        self.program = None
        self.die_before = die_before
        self.port = free_port(address)
        self.address = (self.ip, self.port)
        self.where = "%s:%d" % self.address

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            if self.own_data:
                shutil.rmtree(self.data, ignore_errors=True)

    def arguments(self):
        return [BINARY, "serve", "--data", self.data, "--listen", "udp:" + self.where, "--listen", "tcp:" + self.where,
                "--workers", str(self.workers)] + self.options

    def start(self):
        env, self.die_before = dying(self.die_before), None
        self.program = Program("the exchange", self.arguments(), log=self.log or os.path.join(self.data, "serve.log"), env=env)
        self.program.start()
        try:
            self.program.find(lambda: "ready" in self.program.lines, START_S, "'ready'")
        except Missing as e:
            raise Missing("%s; its errors: %s" % (e, self.program.errors()[-1000:] or "none")) from e

    def stop(self):
        program, self.program = self.program, None
        status = program.stop() if program else None
        if status not in (None, 0, -signal.SIGKILL):
            raise RuntimeError("the exchange ended with status %d" % status)

    def kill(self):
        """kill -9; start() begins again on the same data and port."""
        self.program.kill()
        self.program = None

    def wait_for_death(self):
        """die_before comes true; start() begins again. It may have been stopped just before that."""
        self.program.signal(signal.SIGCONT)
        self.program.process.wait(START_S)
        self.program.kill()
        self.program = None

    def user(self, number, password, name=None):
        words = ["user", "add", number, "--password", password, "--data", self.data] + (["--name", name] if name else [])
        done = strowger(*words)
        if done.returncode:
            raise RuntimeError("user add %s: %s" % (number, done.stderr.strip()))

    def ask(self, *words):
        """An administrative command with --json: its answer."""
        done = strowger(*words, "--json", "--data", self.data)
        try:
            return json.loads(done.stdout)
        except ValueError as e:
            raise RuntimeError("strowger %s: %s%s" % (" ".join(words), done.stdout, done.stderr)) from e

    def answers_options(self, wait_s=2.0):
        """A plain OPTIONS from a fresh socket gets its 200."""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.9", 0))
        port = s.getsockname()[1]
        token = "%016x" % random.getrandbits(64)
        message = ("OPTIONS sip:%s:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:%d;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"
                   "From: <sip:probe@127.0.0.9>;tag=%s\r\nTo: <sip:%s:%d>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n"
                   "Content-Length: 0\r\n\r\n") % (self.ip, self.port, port, token, token, self.ip, self.port, token)
        end = time.monotonic() + wait_s
        s.settimeout(0.5)
        try:
            while time.monotonic() < end:
                s.sendto(message.encode(), self.address)
                try:
                    if s.recv(65535).startswith(b"SIP/2.0 200"):
                        return True
                except OSError:
                    continue
            return False
        finally:
            s.close()
