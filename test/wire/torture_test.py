#!/usr/bin/env python3
"""Torture messages against a running exchange, over UDP and over TCP.

Each message is sent from an address of its own; what comes back is compared with what its table allows, and afterwards the
exchange must still answer a plain OPTIONS. Own messages lie in test/torture; those of RFC 4475 and RFC 5118 are read from
$STROWGER_CONFORMANCE where it is set.
"""
import csv
import os
import re
import select
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exchange  # noqa: E402

WAIT_S = 1.0       # for an answer
MORE_S = 0.05      # for a second one behind it
NOT_NORMAL = {400, 413, 414, 415, 416, 420, 421, 500, 501, 505, 513}


def cases(table, columns, suffix, folder=None):
    """Name, octets, and the set of what may come, of each row of a table."""
    with open(table, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            ok = {word.strip() for column in columns for word in row[column].split(",") if word.strip()}
            with open(os.path.join(folder or os.path.dirname(table), row["name"] + suffix), "rb") as data:
                yield row["name"], data.read(), ok


def all_cases():
    root = os.environ.get("STROWGER_CONFORMANCE")
    sources = [("own/", os.path.join(exchange.SOURCE, "test", "torture", "index.tsv"), ["answer"], ".sip", None)]
    if root:
        sources.append(("rfc4475/", os.path.join(root, "rfc4475", "expectations.tsv"), ["ok_uas", "ok_proxy"], ".dat", None))
        sources.append(("rfc5118/", os.path.join(root, "rfc5118", "expectations.tsv"), ["ok_server"], ".dat",
                        os.path.join(root, "rfc5118", "wire")))
    for prefix, table, columns, suffix, folder in sources:
        for name, data, ok in cases(table, columns, suffix, folder):
            yield prefix + name, data, ok


def top_via_port(data):
    """The port that the top Via names: where the answer goes without rport."""
    head = re.sub(rb"\r\n[ \t]+", b" ", data)
    m = re.search(rb"^(?:via|v)\s*:\s*SIP\s*/\s*2\.0\s*/\s*\w+\s+(\[[^\]]*\]|[^:;,\s]+)\s*(?::\s*(\d+))?", head, re.I | re.M)
    if not m or not m.group(2):
        return 5060
    port = int(m.group(2))
    return port if 0 < port < 65536 else 5060


def status_of(octets):
    line = octets.split(b"\r\n", 1)[0]
    return int(line.split()[1]) if line.startswith(b"SIP/2.0 ") else None


def judge(finals, ok):
    """Is what came among what may come? `finals`: the final status codes of this message, in order; where there is none
    yet, its 100: then it has been sent on to somebody whom an earlier message has registered."""
    if len(set(finals)) > 1:
        return False
    if not finals:
        return "drop" in ok
    code = finals[0]
    return str(code) in ok or ("normal" in ok and code not in NOT_NORMAL)


def never_ends(data):
    """On a stream nobody can know that this message is over: its head or its body is not whole. Where that makes it bad beyond
    mending, or there is something else wrong, it is told so all the same; else when its sender has ended too."""
    head, empty, body = data.partition(b"\r\n\r\n")
    lengths = re.findall(rb"^(?:content-length|l)\s*:\s*(\d+)\s*$", head, re.I | re.M)
    return not empty or (len(lengths) == 1 and int(lengths[0]) > len(body))


def call_id(octets):
    m = re.search(rb"^(?:call-id|i)\s*:\s*(.*?)\s*$", re.sub(rb"\r\n[ \t]+", b" ", octets), re.I | re.M)
    return m.group(1) if m else b""


def over_udp(x, address, data):
    want = top_via_port(data)
    sockets = []
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((address, want))
    sockets.append(sender)
    sender.sendto(data[:65507], x.address)
    return collect_udp(sockets, data)


def collect_udp(sockets, data):
    finals, tries, end = [], [], time.monotonic() + WAIT_S
    while time.monotonic() < end:
        ready, _, _ = select.select(sockets, [], [], max(0, end - time.monotonic()))
        for s in ready:
            octets, _ = s.recvfrom(65535)
            code = status_of(octets)
            if code and call_id(octets) == call_id(data):  # others are late answers to earlier messages
                (finals if code >= 200 else tries).append(code)
                end = min(end, time.monotonic() + MORE_S) if code >= 200 else end
    for s in sockets:
        s.close()
    return finals or tries


def over_tcp(x, address, data):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind((address, 0))
    s.connect(x.address)
    s.sendall(data)
    s.settimeout(MORE_S)
    got, closed = b"", False
    for ended in (False, True):
        if ended:
            if got or closed or not never_ends(data):
                break
            s.shutdown(socket.SHUT_WR)
        got, closed = read_answers(s)
    s.close()
    answers = [b"SIP/2.0 " + part for part in got.split(b"SIP/2.0 ")[1:]]
    answers = [a for a in answers if call_id(a) == call_id(data)]  # what stands behind the message is another one here
    codes = [c for c in map(status_of, answers) if c]
    return [c for c in codes if c >= 200] or codes, closed


def read_answers(s):
    got, closed, end = b"", False, time.monotonic() + WAIT_S
    while time.monotonic() < end and not closed:
        try:
            more = s.recv(65536)
        except socket.timeout:
            continue
        except ConnectionError:
            more = b""
        closed = not more
        got += more
        if b"SIP/2.0 " in got and not got.startswith(b"SIP/2.0 1"):
            end = min(end, time.monotonic() + MORE_S)
    return got, closed


def main():
    failed = passed = own = 0
    with exchange.Exchange(["--auth", "none", "--domain", "example.com", "--domain", "example.net", "--domain", "example.org",
                            "--domain", "one.example.net", "--domain", "company.com"]) as x:
        n = 0  # messages sent
        # Registrations last: what they bind, others would be sent on to, and nobody is there to answer.
        for name, data, ok in sorted(all_cases(), key=lambda case: b"REGISTER" in case[1]):
            own += name.startswith("own/")
            for transport in ("udp", "tcp"):
                n += 1
                closed = False
                if transport == "udp":
                    finals = over_udp(x, "127.0.0.8", data)
                else:
                    finals, closed = over_tcp(x, "127.0.0.8", data)
                good = judge(finals, ok)
                if transport == "tcp" and not finals:
                    good = good or (closed and "400" in ok and not never_ends(data))
                if not x.answers_options():
                    good = False
                    name += " (and the exchange answers no OPTIONS any more)"
                if good:
                    passed += 1
                else:
                    failed += 1
                    print("%s over %s: got %s, allowed %s" % (name, transport, finals or "nothing", sorted(ok)))
    print("cases: %d own" % own)
    print("cases: %d outside" % ((n // 2) - own))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
