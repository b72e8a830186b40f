#!/usr/bin/env python3
"""The 4527 broken INVITEs of the PROTOS suite c07-sip, each with its teardown, over UDP and over TCP, against a running exchange:
after each it answers an OPTIONS within two seconds, and at the end it holds no more descriptors than before, nor memory without
bound, and ends in order. The cases are read from $STROWGER_CONFORMANCE; without that there is nothing to play."""
import glob
import os
import re
import socket
import struct
import sys
import tarfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import BINARY, Exchange  # noqa: E402
from program import Missing, wait_until  # noqa: E402

ALIVE_S = 2.0
CALLER, CALLEE, PROBE = "127.0.0.7", "127.0.0.8", "127.0.0.9"
MAX_DATAGRAM = 65507
# The trace keeps 64 MiB; the others are for transactions that still wait for their ACKs, and for what the allocator does not
# give back. What leaks in a shard is told at the end, and all else in a build with sanitizers.
MORE_KB = (64 + 128) * 1024
BACK_S = 10                  # until the last connections are seen to be gone
TAGGED = re.compile(rb"<(To|From|From-Address|From-IP|Local-Port|Call-ID|Branch-ID|CSeq|Teardown-Method|Content-Length)>")
KEPT = re.compile(rb"^(?:via|v|from|f|to|t|call-id|i|cseq)[ \t]*:", re.I)


def read_cases(path):
    """Number, INVITE, teardown; tags as they are."""
    with tarfile.open(path) as archive:
        for member in archive:
            number = re.fullmatch(r"testcases/(\d{7})", member.name)
            if number:
                data = archive.extractfile(member).read()
                parts = []
                for _ in range(2):
                    size, _, data = data.partition(b" ")
                    parts.append(data[:int(size)])
                    data = data[int(size):].lstrip(b"\r\n") if len(parts) == 1 else b""
                yield int(number.group(1)), parts[0], parts[1]


def fill(text, values, teardown):
    values = dict(values, **{"Teardown-Method": teardown})
    text = TAGGED.sub(lambda m: m.group(0) if m.group(1) == b"Content-Length" else values[m.group(1).decode()], text)
    body = text.partition(b"\r\n\r\n")[2]
    return text.replace(b"<Content-Length>", b"%d" % len(body))


class Callee(threading.Thread):
    """A phone that is always busy, and does not mind what it is asked by."""

    def __init__(self, exchange):
        super().__init__(daemon=True)
        self.asked = 0
        self.exchange = exchange
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((CALLEE, 0))
        self.socket.settimeout(5)
        host = "%s:%d" % self.socket.getsockname()
        self.say("REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr\r\nMax-Forwards: 70\r\nFrom: <sip:1002@%s>;tag=r\r\n"
                 "To: <sip:1002@%s>\r\nCall-ID: register\r\nCSeq: 1 REGISTER\r\nContact: <sip:1002@%s>\r\nExpires: 3600\r\n"
                 "Content-Length: 0\r\n\r\n" % (exchange.ip, host, exchange.ip, exchange.ip, host))
        if not self.socket.recv(65536).startswith(b"SIP/2.0 200 "):
            raise Missing("1002 is not registered")
        self.socket.settimeout(None)
        self.start()

    def say(self, text):
        self.socket.sendto(text if isinstance(text, bytes) else text.encode(), self.exchange.address)

    def run(self):
        while True:
            octets = self.socket.recv(65536)
            if octets == b"end":
                return
            if octets.startswith((b"SIP/2.0 ", b"ACK ")):
                continue
            self.asked += octets.startswith(b"INVITE ")
            rows = re.sub(rb"\r\n[ \t]+", b" ", octets.partition(b"\r\n\r\n")[0]).split(b"\r\n")[1:]
            status = b"SIP/2.0 486 Busy Here" if octets.startswith(b"INVITE ") else b"SIP/2.0 200 OK"
            self.say(b"\r\n".join([status] + [row for row in rows if KEPT.match(row)] + [b"Content-Length: 0", b"", b""]))

    def end(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"end", self.socket.getsockname())
        self.join(5)
        self.socket.close()


class Probe:
    """Is the exchange still there? One OPTIONS after the other from one socket, each repeated until its answer has come."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.n = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((PROBE, 0))

    def alive(self):
        self.n += 1
        call = b"probe-%d" % self.n
        message = (b"OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:p@x>;tag=p\r\n"
                   b"To: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
                   % (self.exchange.ip.encode(), PROBE.encode(), self.socket.getsockname()[1], call, self.exchange.ip.encode(), call))
        end = time.monotonic() + ALIVE_S
        while time.monotonic() < end:
            self.socket.settimeout(0.3)
            self.socket.sendto(message, self.exchange.address)
            try:
                while True:
                    octets = self.socket.recv(65536)
                    if octets.startswith(b"SIP/2.0 200 ") and call in octets:
                        return True
            except socket.timeout:
                continue
        return False


class Player:
    """Sends cases; counts what comes back."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.serial = 0
        self.answers = {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((CALLER, 0))
        self.udp.setblocking(False)

    def values(self, port):
        self.serial += 1
        token = b"%d-%d" % (self.serial, port)
        where = b"%s:%d" % (self.exchange.ip.encode(), self.exchange.port)
        return {"To": b"1002@" + where, "From": b"1001@%s:%d" % (CALLER.encode(), port), "From-Address": CALLER.encode(),
                "From-IP": CALLER.encode(), "Local-Port": b"%d" % port, "Call-ID": token, "Branch-ID": b"z9hG4bK" + token,
                "CSeq": b"%d" % self.serial}

    def note(self, octets):
        for code in re.findall(rb"SIP/2\.0 (\d\d\d) ", octets):
            self.answers[int(code)] = self.answers.get(int(code), 0) + 1

    def over_udp(self, invite, teardown, method):
        values = self.values(self.udp.getsockname()[1])
        for text in (invite, teardown):
            self.udp.sendto(fill(text, values, method)[:MAX_DATAGRAM], self.exchange.address)

    def read_udp(self):
        try:
            while True:
                self.note(self.udp.recv(65536))
        except BlockingIOError:
            pass

    def over_tcp(self, invite, teardown, method):
        """The connection, to be closed when the exchange has shown that it lives: by a reset, for which nobody waits."""
        s = socket.create_connection(self.exchange.address, 5, (CALLER, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        values = self.values(s.getsockname()[1])
        try:
            s.sendall(fill(invite, values, method) + fill(teardown, values, method))
        except OSError:
            pass  # it has been told to go, and by what was answered knows why
        return s

    def read_tcp(self, s):
        s.setblocking(False)
        try:
            self.note(s.recv(65536))
        except OSError:
            pass
        s.close()


def resident_kb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1))


def keeps_what_is_freed():
    """A build with AddressSanitizer does, and tells of leaks itself."""
    with open(BINARY, "rb") as f:
        return b"__asan_init" in f.read()


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def play(x, cases):
    pid, player, probe, callee = x.program.process.pid, Player(x), Probe(x), Callee(x)
    if not probe.alive():
        raise Missing("no OPTIONS is answered before anything has happened")
    before, memory = descriptors(pid), resident_kb(pid)
    for transport in ("udp", "tcp"):
        for number, invite, teardown in cases:
            method = b"ACK" if number % 2 else b"CANCEL"
            s = player.over_tcp(invite, teardown, method) if transport == "tcp" else player.over_udp(invite, teardown, method)
            if not probe.alive():
                raise Missing("after case %d over %s no OPTIONS is answered in %g s" % (number, transport, ALIVE_S))
            if s:
                player.read_tcp(s)
        player.read_udp()
    callee.end()
    before += x.workers   # each keeps one to ask for names
    wait_until(lambda: descriptors(pid) <= before, BACK_S, "no more than %d descriptors" % before)
    grown = resident_kb(pid) - memory
    if grown > MORE_KB and not keeps_what_is_freed():
        raise Missing("it holds %d KiB more than before" % grown)
    if callee.asked < len(cases) // 10 or not player.answers.get(400) or not player.answers.get(486):
        raise Missing("these were no calls: %d reached 1002, answers %s" % (callee.asked, player.answers))
    return callee.asked, player.answers, grown


def main():
    root = os.environ.get("STROWGER_CONFORMANCE")
    archives = glob.glob(os.path.join(root, "protos", "*.tar.gz")) if root else []
    if not archives:
        print("STROWGER_CONFORMANCE is not set, or has no protos/: nothing to play")
        return 0
    begin()
    begun = time.monotonic()
    cases = list(read_cases(archives[0]))
    with Exchange(["--auth", "none"]) as x:
        asked, answers, grown = play(x, cases)
        x.stop()
        with open(os.path.join(x.data, "serve.log.err"), encoding="utf-8", errors="replace") as f:
            leaks = [line for line in f if "stack.leak" in line]
    if leaks:
        raise Missing("".join(leaks))
    print("cases: %d outside" % (2 * len(cases)))
    print("%d were passed on; answers: %s; %d KiB more than before; %.0f s"
          % (asked, ", ".join("%d of %d" % (n, code) for code, n in sorted(answers.items())), grown, time.monotonic() - begun))
    return 0


if __name__ == "__main__":
    sys.exit(main())
