"""What the wire tests share: a running exchange on loopback, stopped by pid, in a data folder of its own."""
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SOURCE = os.environ.get("STROWGER_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("STROWGER_BINARY") or os.path.join(SOURCE, "build", "release", "strowger")


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


class Exchange:
    """`strowger serve` on 127.0.0.10 with options; use as a context."""

    def __init__(self, options=(), address="127.0.0.10", workers=2, data=None):
        self.ip = address
        self.options = list(options)
        self.workers = workers
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="strowger-wire-")
        self.process = None
        self.port = free_port(address)
        self.address = (self.ip, self.port)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def start(self):
        where = "%s:%d" % self.address
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.data, "--listen", "udp:" + where, "--listen", "tcp:" + where, "--workers",
             str(self.workers)] + self.options, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
        raise RuntimeError("the exchange does not start")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("the exchange did not end within 20 s of SIGTERM")
        if self.process:
            code = self.process.returncode
            self.process.stdout.close()
            self.process = None
            if code not in (0, -signal.SIGKILL):
                raise RuntimeError("the exchange ended with status %d" % code)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def user(self, number, password):
        subprocess.run([BINARY, "user", "add", number, "--password", password, "--data", self.data], check=True,
                       stdout=subprocess.DEVNULL)

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
