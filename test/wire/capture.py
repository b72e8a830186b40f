"""Packet captures of the loopback by tcpdump."""
import os
import re
import shutil
import signal
import socket

from program import Missing, Program, wait_until

START_S = 10


def can_capture():
    """Root, and tcpdump is there."""
    return os.geteuid() == 0 and shutil.which("tcpdump") is not None


class Tcpdump:
    """Captures to `path`, from start() to stop(), what goes from and to that port of the exchange and what the phones at
    these addresses say to each other."""

    def __init__(self, path, exchange, phones, log=None):
        self.path = path
        self.phone = phones[0]
        of = "(%s)" % " or ".join("%s host " + a for a in phones)
        argv = ["tcpdump", "-i", "lo", "-n", "-s", "0", "-U", "--immediate-mode", "-B", "16384", "-Z", "root", "-w", path,
                "(host %s and port %d) or (udp and %s and %s)" % (*exchange, of.replace("%s", "src"), of.replace("%s", "dst"))]
        self.program = Program("tcpdump", argv, log=log or path + ".log")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.program.start()
        try:
            wait_until(lambda: "listening on" in self.program.errors() or not self.program.runs(), START_S, "tcpdump listens")
        except Missing:
            self.stop()
            raise
        if not self.program.runs():
            raise Missing("tcpdump does not run (it needs root): " + self.program.errors())

    def flush(self):
        """Everything that was sent before this call is in the file when it returns."""
        mark = b"mark " + os.urandom(12).hex().encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((self.phone, 0))
            s.sendto(mark, (self.phone, 9))
        wait_until(lambda: self._holds(mark), START_S, "the capture is written")

    def _holds(self, mark):
        with open(self.path, "rb") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(max(0, size - 65536))
            return mark in f.read()

    def stop(self):
        if self.program.process:
            self.program.signal(signal.SIGINT)
            self.program.stop()
            lost = re.search(r"^([1-9]\d*) packets dropped by kernel", self.program.errors(), re.M)
            if lost:
                raise Missing("tcpdump dropped %s packets" % lost[1])
