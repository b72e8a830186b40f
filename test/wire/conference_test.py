#!/usr/bin/env python3
"""The exchange as an end, with real sockets and sound: three phones in a conference each hear both others; one is parked, hears
music, is fetched by another. By UDP and TCP."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from scene import Scene  # noqa: E402


class Conference(unittest.TestCase):
    def conference(self, options):
        with Scene(options=options, workers=2) as scene:
            phones = list(scene.phones.values())
            for phone in phones:
                phone.say("call 801")
                phone.wait("answered")
            for phone in phones:
                for other in phones:
                    if other is not phone:
                        phone.hears(other, 1)
            for phone in phones:
                self.assertFalse([e for e in phone.has("hears") if abs(e["hz"] - phone.tone) <= 0.03 * phone.tone],
                                 phone.who + " hears itself")
                phone.say("hangup")
                phone.wait("ended", why="hung-up")

    def test_three_phones_hear_each_other_by_udp(self):
        self.conference({})

    def test_three_phones_hear_each_other_by_tcp(self):
        self.conference({letter: ["--tcp"] for letter in "ABC"})


class Park(unittest.TestCase):
    def test_parked_and_fetched(self):
        with Scene(letters="AC") as scene:
            a, c = scene.phones["A"], scene.phones["C"]
            a.say("call 701")
            a.wait("answered")
            a.wait("hears", hz=880)   # of our own tune
            c.say("call 701")
            c.wait("answered")
            a.wait("ended", call=1, why="replaced")     # by the call that joins the two
            a.wait("confirmed", call=2)
            c.hears(a, 1)
            a.hears(c, 2)
            c.say("hangup")
            c.wait("ended", why="hung-up")
            a.wait("ended", call=2, why="far-hung-up")


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
