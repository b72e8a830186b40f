"""Packets of the loopback: out of a capture file, back into one, and as they pass (AF_PACKET, root)."""
import collections
import re
import socket
import struct
import threading
import time

Packet = collections.namedtuple("Packet", "time ends payload octets")   # ends: (source, its port, destination, its port)
FILE = struct.Struct("<IHHiIII")
HEAD = struct.Struct("<IIII")
ETHERNET, IP4, UDP = 1, 0x0800, 17
OUTGOING = 4   # PACKET_OUTGOING: on the loopback each packet passes twice


def udp_of(frame):
    """Ends and payload of an Ethernet frame with UDP over IPv4; None."""
    if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != IP4 or frame[14] >> 4 != 4 or frame[23] != UDP:
        return None
    ip = 14
    udp = ip + (frame[ip] & 15) * 4
    source, to, length = struct.unpack_from("!HHH", frame, udp)
    ends = (socket.inet_ntoa(frame[ip + 12:ip + 16]), source, socket.inet_ntoa(frame[ip + 16:ip + 20]), to)
    return ends, frame[udp + 8:udp + length]


def read_pcap(path):
    """All packets of a file as tcpdump writes it here: little endian, microseconds, Ethernet. What is not UDP has no ends."""
    with open(path, "rb") as f:
        data = f.read()
    magic, _, _, _, _, _, link = FILE.unpack_from(data)
    if magic != 0xa1b2c3d4 or link != ETHERNET:
        raise ValueError("%s: not a capture of the loopback" % path)
    packets, at = [], FILE.size
    while at < len(data):
        seconds, us, kept, _ = HEAD.unpack_from(data, at)
        frame = data[at + HEAD.size:at + HEAD.size + kept]
        ends, payload = udp_of(frame) or (None, b"")
        packets.append(Packet(seconds + us / 1e6, ends, payload, data[at:at + HEAD.size + kept]))
        at += HEAD.size + kept
    return packets


def write_pcap(path, packets):
    with open(path, "wb") as f:
        f.write(FILE.pack(0xa1b2c3d4, 2, 4, 0, 0, 262144, ETHERNET))
        f.writelines(p.octets for p in packets)


def sip_text(payload):
    """A SIP message as text; None when it is none."""
    if payload.startswith(b"SIP/2.0 ") or re.match(rb"[A-Z]+ \S+ SIP/2\.0\r\n", payload):
        return payload.decode("utf-8", "replace")
    return None


class Message:
    """One SIP message as it passed."""

    def __init__(self, text, ends):
        self.text = text
        self.ends = ends
        self.time = time.monotonic()
        self.start = text.split("\r\n", 1)[0]
        self.cseq, self.method = re.search(r"^cseq\s*:\s*(\d+)\s+(\w+)", text, re.I | re.M).groups()
        self.call_id = self.header("call-id")
        self.status = int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else None

    def header(self, name):
        m = re.search(r"^%s\s*:\s*(.*?)\r?$" % re.escape(name), self.text, re.I | re.M)
        return m.group(1) if m else None

    def __repr__(self):
        return "%s (%s %s) %s:%d > %s:%d" % (self.start, self.cseq, self.method, *self.ends)


class Sniffer:
    """SIP over UDP as it passes the loopback, from start() to stop(), in order."""

    def __init__(self):
        self.messages = []
        self.heard = threading.Condition()
        self.socket = None
        self.thread = None
        self.running = False

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.2)
        self.running = True
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        self.socket.close()

    def _listen(self):
        while self.running:
            try:
                frame, where = self.socket.recvfrom(65535)
            except socket.timeout:
                continue
            found = udp_of(frame) if where[2] != OUTGOING else None
            text = sip_text(found[1]) if found else None
            if text:
                with self.heard:
                    self.messages.append(Message(text, found[0]))
                    self.heard.notify_all()

    def story(self, letters, mark):
        """All messages as lines, those from index `mark` on with a star."""
        with self.heard:
            first = self.messages[0].time if self.messages else 0
            return "\n".join("%s %8.3f %s>%s %s (%s %s) %s" % (" *"[i >= mark], m.time - first, letters.get(m.ends[0], m.ends[0]),
                                                            letters.get(m.ends[2], m.ends[2]), m.start, m.cseq, m.method, m.call_id[:6])
                             for i, m in enumerate(self.messages))

    def wait(self, fits, timeout_s, since=0):
        """The first message from index `since` on that fits; None."""
        end = time.monotonic() + timeout_s
        with self.heard:
            while True:
                for m in self.messages[since:]:
                    if fits(m):
                        return m
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.heard.wait(left)
