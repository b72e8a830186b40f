#!/usr/bin/env python3
"""The blind transfer with baresip as A, as B and as C, our phone in the other roles, over UDP and over TCP: with sound both
ways, judged by --check from the exchange's own trace and, over UDP, from a capture by tcpdump."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from baresip import Baresip  # noqa: E402
from begin import begin  # noqa: E402
from capture import Tcpdump  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402


class OurPhone:
    """Our phone with the few moves that all phones here have."""

    def __init__(self, phone):
        self.phone = phone
        self.tone, self.who = phone.tone, phone.who
        self.last = 0

    def call(self, number):
        self.phone.say("call " + number)
        self.last = self.phone.wait("calling")["call"]

    def answer(self):
        self.last = self.phone.wait("incoming")["call"]
        self.phone.say("answer")
        self.phone.wait("confirmed", call=self.last)

    def transfer(self, number):
        self.phone.say("transfer " + number)
        self.phone.wait("transfer-accepted", call=self.last)

    def gone(self):
        self.phone.wait("ended", call=self.last)

    def transferred(self):
        self.last = self.phone.wait("transfer-asked")["new_call"]

    def hears(self, other):
        self.phone.hears(other, self.last)

    def hang_up(self):
        self.phone.say("hangup %d" % self.last)


class Foreign(Baresip):
    def gone(self):
        self.wait("CALL_CLOSED", 20)

    def transferred(self):
        self.wait("TRANSFER")


class BaresipRoles(unittest.TestCase):
    def play(self, role, transport):
        name, number, ip, hz = PEOPLE[role]
        with Scene(letters="ABC".replace(role, "")) as scene, \
                Tcpdump(scene.path("capture.pcap"), scene.exchange.address, [p[2] for p in PEOPLE.values()],
                        log=scene.path("tcpdump.log")) as capture, \
                Foreign(name, number, scene.password(number), scene.exchange.where, ip, hz, scene.folder, transport) as foreign:
            foreign.registered()
            a, b, c = (foreign if letter == role else OurPhone(scene[letter]) for letter in "ABC")
            a.call("1002")
            b.answer()
            a.hears(b)
            b.hears(a)
            # baresip follows a Refer-To by its transport; over TCP it always speaks from 127.0.0.1, so a transfer that led
            # it from TCP to UDP would look like one by somebody else
            b.transfer("1003" if transport == "udp" or role != "A" else foreign.uri("1003") + ";transport=tcp")
            a.transferred()
            c.answer()
            a.hears(c)
            c.hears(a)
            b.gone()
            a.hang_up()
            c.gone()
            scene.check()
            if transport == "udp":
                capture.flush()
                scene.check(source=capture.path)

    def test_as_a(self):
        self.play("A", "udp")

    def test_as_b(self):
        self.play("B", "udp")

    def test_as_c(self):
        self.play("C", "udp")

    def test_as_a_by_tcp(self):
        self.play("A", "tcp")

    def test_as_b_by_tcp(self):
        self.play("B", "tcp")

    def test_as_c_by_tcp(self):
        self.play("C", "tcp")


if __name__ == "__main__":
    begin(programs=["baresip", "tcpdump"], root=True)
    unittest.main(verbosity=2)
