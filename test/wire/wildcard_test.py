#!/usr/bin/env python3
"""An exchange that listens on every address: what it answers leaves from the address that was hit, and what it writes about
itself names that address and a port where it listens, also over a connection that it has opened (RFC 3261 §18.1.1, §18.2.1)."""
import os
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import Exchange  # noqa: E402
from packets import Message  # noqa: E402
from peer import Peer, token  # noqa: E402

WORKERS = 4
FAR = "127.0.0.9"
HIT = ("127.0.0.2", "127.0.0.77")


class Everywhere(Exchange):
    """On 0.0.0.0 and [::], one port, UDP and TCP."""

    def __init__(self, **more):
        super().__init__(address="0.0.0.0", workers=WORKERS, **more)
        for kind in ("udp", "tcp"):
            self.options += ["--listen", "%s:[::]:%d" % (kind, self.port)]
        for ip in HIT:  # of this network, all of which is the machine's own, only 127.0.0.1 stands at the interface
            self.options += ["--domain", ip]
        for number in ("1001", "1002"):
            self.user(number, "secret-" + number)


class Face:
    """The exchange as it is seen at one of its addresses."""

    def __init__(self, exchange, ip):
        self.ip, self.address = ip, (ip, exchange.port)


def options(host, kind, ends):
    return ("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s:%d;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\n"
            "To: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            % (host, kind, *ends, token(), host, token())).encode()


def read_message(stream):
    """One message of a connection, without a body or with one."""
    text = b""
    while b"\r\n\r\n" not in text:
        more = stream.recv(65536)
        if not more:
            raise EOFError(text)
        text += more
    head, _, body = text.partition(b"\r\n\r\n")
    wants = int(re.search(rb"^content-length: *(\d+)", head, re.I | re.M).group(1))
    while len(body) < wants:
        body += stream.recv(65536)
    return Message(text.decode(), ("", 0, "", 0))


def uris(m, name):
    return re.findall(r"<sip:(?:[^@>]*@)?([\d.]+):(\d+)", "\n".join(re.findall(r"^%s:.*$" % name, m.text, re.I | re.M)))


class Wildcard(unittest.TestCase):
    def test_a_datagram_is_answered_from_where_it_was_sent_to(self):
        """By each of the workers: a socket that is tied to one address hears nothing from another."""
        with Everywhere() as x:
            for ip, family, host in ((HIT[0], socket.AF_INET, HIT[0]), (HIT[1], socket.AF_INET, HIT[1]),
                                     ("::1", socket.AF_INET6, "[::1]")):
                for _ in range(4 * WORKERS):
                    with socket.socket(family, socket.SOCK_DGRAM) as s:
                        s.settimeout(5)
                        s.connect((ip, x.port))
                        ends = s.getsockname()
                        s.send(options("%s:%d" % (host, x.port), "UDP", ("[::1]" if family == socket.AF_INET6 else ends[0], ends[1])))
                        self.assertTrue(s.recv(65536).startswith(b"SIP/2.0 200 "))

    def test_a_connection_that_it_opens_names_the_port_where_it_listens(self):
        """1002 is behind a proxy (RFC 3327): the exchange opens a connection to that, from a port of no meaning. The proxy's
        own request then goes to the port that Record-Route names, by another connection, and reaches the caller."""
        with Everywhere() as x, socket.create_server((FAR, 0)) as proxy:
            near = Face(x, HIT[0])
            with Peer("1001", "secret-1001", near, "127.0.0.11") as a, Peer("1002", "secret-1002", near, "127.0.0.12") as b:
                a.register()
                b.ask("REGISTER", "sip:" + near.ip,
                      ["From: %s;tag=%s" % (b.aor, token()), "To: " + b.aor, "Call-ID: " + token(), "Contact: " + b.contact,
                       "Path: <sip:%s:%d;transport=tcp;lr>" % proxy.getsockname(), "Supported: path", "Expires: 600"])
                for _ in range(WORKERS):
                    self.one_call(x, a, proxy, near)

    def one_call(self, x, a, proxy, near):
        caller = threading.Thread(target=a.call, args=("1002",), daemon=True)
        caller.start()
        proxy.settimeout(10)
        stream, whence = proxy.accept()
        with stream:
            stream.settimeout(10)
            m = read_message(stream)
            self.assertEqual(m.method, "INVITE")
            self.assertRegex(m.header("via"), r"^SIP/2\.0/TCP %s:%d;" % (re.escape(whence[0]), x.port))
            self.assertNotEqual(whence[1], x.port)
            self.assertEqual(uris(m, "Record-Route"), [(whence[0], str(x.port)), (near.ip, str(x.port))])
            to, rows = m.header("to") + ";tag=" + token(), re.findall(r"^(?:Via|Record-Route):.*\r$", m.text, re.M)
            stream.sendall(("SIP/2.0 200 OK\r\n%s\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s INVITE\r\n"
                            "Contact: <sip:1002@%s:%d;transport=tcp>\r\nContent-Length: 0\r\n\r\n"
                            % ("\n".join(rows), m.header("from"), to, m.call_id, m.cseq, *proxy.getsockname())).encode())
            self.assertEqual(read_message(stream).method, "ACK")
            caller.join(10)
        routes = [r for row in re.findall(r"^Record-Route: *(.*)\r$", m.text, re.M) for r in row.split(",")]
        with socket.create_connection((whence[0], x.port), 10, (FAR, 0)) as other:
            other.sendall(("BYE %s SIP/2.0\r\nVia: SIP/2.0/TCP %s:%d;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n%s\r\nFrom: %s\r\nTo: %s\r\n"
                           "Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
                           % (re.search("<(.*?)>", m.header("contact")).group(1), *other.getsockname(), token(),
                              "\r\n".join("Route: " + r for r in routes), to, m.header("from"), m.call_id)).encode())
            a.answer(a.expect("BYE"), "200 OK")
            self.assertEqual(read_message(other).status, 200)


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
