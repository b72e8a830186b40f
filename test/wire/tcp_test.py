#!/usr/bin/env python3
"""Phones over TCP and over UDP, in all mixtures: the blind transfer with sound, Record-Route doubled where transports differ,
with one worker and with four; and a call over TCP that outlives kill -9 of the exchange (PROTOCOL 4.4)."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import strowger  # noqa: E402
from program import Missing, wait_until  # noqa: E402
from scene import Scene  # noqa: E402


def mixed(letters, **more):
    """A scene whose phones named in `letters` use TCP."""
    return Scene(options={letter: ["--tcp"] for letter in letters}, **more)


def tcp_messages(scene, pcap):
    """SIP messages of the exchange's own trace, as text: the capture that it writes holds them whole."""
    done = strowger("flow", "--live", "--data", scene.exchange.data, "--pcap", pcap)
    if done.returncode:
        raise Missing(done.stderr)
    with open(pcap, "rb") as f:
        return f.read().decode("latin-1")


class Tcp(unittest.TestCase):
    def transfer(self, letters, workers):
        with mixed(letters, workers=workers) as scene:
            new = scene.transfer(scene.talk())
            scene.hang_up("A", new)
            scene.check()
            for letter, phone in scene.phones.items():
                ready = phone.has("ready")[0]
                self.assertEqual(ready["transport"], "tcp" if letter in letters else "udp")
            text = tcp_messages(scene, scene.path("trace.pcap"))
            invites = [m for m in re.split(r"(?=INVITE sip:|SIP/2\.0 |ACK sip:|BYE sip:)", text) if m.startswith("INVITE sip:")]
            for callee in ("1002", "1003"):
                arrived = [m for m in invites if m.startswith("INVITE sip:%s@127.0.0.1" % callee) and "Record-Route" in m]
                self.assertTrue(arrived, "no INVITE went to " + callee)
                rows = len(re.findall(r"^Record-Route: ", arrived[0].split("\r\n\r\n", 1)[0], re.M))
                same = ("A" in letters) == ({"1002": "B", "1003": "C"}[callee] in letters)
                self.assertEqual(rows, 1 if same else 2, arrived[0])


def add(letters, workers):
    def test(self):
        self.transfer(letters, workers)
    setattr(Tcp, "test_tcp_%s_workers_%d" % (letters, workers), test)


for mixture in ("A", "B", "C", "AB", "AC", "BC", "ABC"):
    for number in (1, 4):
        add(mixture, number)


class Restart(unittest.TestCase):
    def outlives(self, letters):
        """A and B talk; kill -9; once both are back on a connection the BYE passes."""
        with mixed(letters, workers=2) as scene:
            calls = scene.talk()
            before = sorted(b["number"] for b in scene.exchange.ask("bindings")["bindings"])
            scene.exchange.kill()
            scene.exchange.start()
            self.assertEqual(sorted(b["number"] for b in scene.exchange.ask("bindings")["bindings"]), before)
            scene["A"].say("hangup")
            scene["A"].wait("ended", 40, call=calls["A"], why="hung-up")
            scene["B"].wait("ended", 40, call=calls["B"], why="far-hung-up")
            wait_until(lambda: not scene.exchange.ask("calls")["calls"], 10, "the call is over")

    def test_udp(self):
        self.outlives("")

    def test_caller_by_tcp(self):
        self.outlives("A")

    def test_callee_by_tcp(self):
        self.outlives("B")

    def test_both_by_tcp(self):
        self.outlives("AB")


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
