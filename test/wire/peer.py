"""A phone that does only what the test says: SIP over UDP, written out, with digest. For what no proper phone would do."""
import hashlib
import random
import re
import socket
import time

from packets import Message
from program import Missing


def token():
    return "%016x" % random.getrandbits(64)


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class Peer:
    """One user at one address. A call at a time: its dialog is what the last INVITE, sent or received, made."""

    def __init__(self, number, password, exchange, ip):
        self.number, self.password, self.exchange = number, password, exchange
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, 0))
        self.ends = self.socket.getsockname()
        self.contact = "<sip:%s@%s:%d>" % (number, *self.ends)
        self.aor = "<sip:%s@%s>" % (number, exchange.ip)
        self.seen = set()
        self.call_id = self.local = self.remote = self.target = None
        self.routes = []
        self.cseq = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # ---- octets ----

    def put(self, start, rows, body=""):
        text = "\r\n".join([start] + rows + ["Content-Length: %d" % len(body), "", body])
        self.socket.sendto(text.encode(), self.exchange.address)
        return text

    def expect(self, method, status=None, timeout_s=10):
        """The next message that is not a repeat and not a 100: it must be that one."""
        end = time.monotonic() + timeout_s
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                octets, where = self.socket.recvfrom(65535)
            except socket.timeout as e:
                raise Missing("%s: %s %s did not come in %g s" % (self.number, method, status or "", timeout_s)) from e
            if octets in self.seen or octets.startswith(b"SIP/2.0 100"):
                continue
            self.seen.add(octets)
            m = Message(octets.decode(), (*where, *self.ends))
            if (m.method, m.status) != (method, status):
                raise Missing("%s: %s instead of %s %s" % (self.number, m, method, status or ""))
            return m

    # ---- requests ----

    def via(self):
        return "Via: SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK%s" % (*self.ends, token())

    def login(self, challenge, method, uri):
        name = "proxy-authenticate" if challenge.status == 407 else "www-authenticate"
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.header(name)))
        cnonce, nc = token(), "00000001"
        response = md5(md5(self.number, given["realm"], self.password), given["nonce"], nc, cnonce, "auth", md5(method, uri))
        return ('%s: Digest username="%s",realm="%s",nonce="%s",uri="%s",response="%s",cnonce="%s",nc=%s,qop=auth,algorithm=MD5'
                % ("Proxy-Authorization" if challenge.status == 407 else "Authorization", self.number, given["realm"],
                   given["nonce"], uri, response, cnonce, nc))

    def ask(self, method, uri, rows, status=200):
        """A request with its answer to a challenge, to its final answer, which must have that status."""
        extra = []
        for _ in range(2):
            self.cseq += 1
            self.put("%s %s SIP/2.0" % (method, uri), [self.via(), "Max-Forwards: 70", "CSeq: %d %s" % (self.cseq, method)] + rows + extra)
            if extra:
                break
            m = self.first_answer(method)
            if m.status not in (401, 407):
                return self.must(m, status)
            extra = [self.login(m, method, uri)]
            if method == "INVITE":
                self.put("ACK %s SIP/2.0" % uri, [self.header_of(m, "via"), "Max-Forwards: 70", "CSeq: %d ACK" % self.cseq,
                                                  rows[0], self.header_of(m, "to"), rows[2]])
        return self.must(self.first_answer(method), status)

    @staticmethod
    def header_of(m, name):
        return "%s: %s" % (name.capitalize(), m.header(name))

    def first_answer(self, method):
        end = time.monotonic() + 40
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            octets, where = self.socket.recvfrom(65535)
            m = Message(octets.decode(), (*where, *self.ends))
            if m.status and m.status >= 200 and m.method == method and int(m.cseq) == self.cseq:
                self.seen.add(octets)
                return m

    def must(self, m, status):
        if m.status != status:
            raise Missing("%s: %s instead of %d" % (self.number, m, status))
        return m

    def register(self):
        self.ask("REGISTER", "sip:" + self.exchange.ip, ["From: %s;tag=%s" % (self.aor, token()), "To: " + self.aor, "Call-ID: " + token(),
                                                         "Contact: " + self.contact, "Expires: 600"])

    # ---- calls ----

    def call(self, number):
        """INVITE; to be answered by the other end, then answered(). Challenged as need be."""
        self.call_id, uri = token(), "sip:%s@%s" % (number, self.exchange.ip)
        self.local, to = "%s;tag=%s" % (self.aor, token()), "<%s>" % uri
        m = self.ask("INVITE", uri, ["From: " + self.local, "To: " + to, "Call-ID: " + self.call_id, "Contact: " + self.contact])
        self.remote, self.target = m.header("to"), re.search(r"<([^>]+)>", m.header("contact")).group(1)
        self.routes = list(reversed(self.record_routes(m)))
        self.within("ACK", self.cseq)

    def take_call(self, m):
        """An INVITE has come: 180 is not sent, 200 is."""
        self.call_id, self.remote, self.local = m.call_id, m.header("from"), "%s;tag=%s" % (m.header("to"), token())
        self.target = re.search(r"<([^>]+)>", m.header("contact")).group(1)
        self.routes = self.record_routes(m)
        self.answer(m, "200 OK", ["Record-Route: " + r for r in self.routes] + ["Contact: " + self.contact], to=self.local)

    @staticmethod
    def record_routes(m):
        return [r.strip() for row in re.findall(r"^record-route\s*:\s*(.*?)\r?$", m.text, re.I | re.M) for r in row.split(",")]

    def within(self, method, cseq=None, rows=()):
        """A request in the dialog; its answer is expected by expect()."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.put("%s %s SIP/2.0" % (method, self.target),
                 [self.via(), "Max-Forwards: 70", "CSeq: %d %s" % (cseq, method), "From: " + self.local, "To: " + self.remote,
                  "Call-ID: " + self.call_id, "Contact: " + self.contact] + ["Route: " + r for r in self.routes] + list(rows))

    def answer(self, m, status, rows=(), to=None):
        vias = ["Via: " + v for v in re.findall(r"^via\s*:\s*(.*?)\r?$", m.text, re.I | re.M)]
        self.put("SIP/2.0 " + status, vias + ["From: " + m.header("from"), "To: " + (to or m.header("to")), "Call-ID: " + m.call_id,
                                              "CSeq: %s %s" % (m.cseq, m.method)] + list(rows))
