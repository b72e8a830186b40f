#!/usr/bin/env python3
"""Sound that is sealed (SDES-SRTP): our phone and baresip call each other, each in each role, and the exchange's own ends; what
was on the wire is looked at."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from baresip import Baresip  # noqa: E402
from begin import begin  # noqa: E402
from exchange import strowger  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402

SUITE = "AES_CM_128_HMAC_SHA1_80"


class Srtp(unittest.TestCase):
    def foreign(self, scene, mode):
        name, number, ip, hz = PEOPLE["B"]
        return Baresip(name, number, scene.password(number), scene.exchange.where, ip, hz, scene.folder,
                       mediaenc=mode)

    def talk_sealed(self, scene, ours, theirs, call):
        ours.hears(theirs, call)
        theirs.hears(ours)
        ours.wait("sound", call=call)
        ours.say("hold")
        ours.wait("on-hold", call=call)
        ours.say("resume")
        ours.wait("off-hold", call=call)
        ours.wait("sound", call=call)   # (baresip's recording does not go on after a hold, sealed or not)
        ours.say("hangup")
        said = ours.wait("call-statistics", call=call)
        self.assertEqual(said["srtp"], SUITE)
        self.assertGreater(said["received"], 10)
        path = scene.path("saved.pcap")
        done = strowger("flow", "--live", "--data", scene.exchange.data, "--pcap", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, "rb") as f:
            saved = f.read()
        self.assertIn(b"inline:****", saved)
        self.assertIsNone(re.search(rb"inline:[^*]", saved), "a key is in what was saved")

    def ours_calls(self, ours, theirs):
        with Scene(letters="A", options={"A": ["--srtp", ours]}) as scene, self.foreign(scene, theirs) as phone:
            phone.registered()
            scene["A"].say("call 1002")
            phone.answer()
            self.talk_sealed(scene, scene["A"], phone, scene["A"].wait("answered")["call"])

    def theirs_calls(self, ours, theirs):
        with Scene(letters="A", options={"A": ["--srtp", ours, "--auto-answer"]}) as scene, self.foreign(scene, theirs) as phone:
            phone.registered()
            phone.call("1001")
            self.talk_sealed(scene, scene["A"], phone, scene["A"].wait("confirmed")["call"])

    def test_ours_must_theirs_must(self):
        self.ours_calls("required", "srtp-mand")

    def test_ours_would_theirs_would(self):
        self.ours_calls("optional", "srtp")

    def test_theirs_must_ours_would(self):
        self.theirs_calls("optional", "srtp-mand")

    def test_theirs_would_ours_must(self):
        self.theirs_calls("required", "srtp")

    def test_who_must_is_refused_by_who_cannot(self):
        with Scene(letters="AC", options={"A": ["--srtp", "required"]}) as scene:
            scene["A"].say("call 1003")
            scene["A"].wait("ended", why="refused", code=488)

    def test_a_conference_of_sealed_and_plain(self):
        with Scene(letters="AC", options={"A": ["--srtp", "required"]}) as scene, self.foreign(scene, "srtp-mand") as phone:
            phone.registered()
            for ours in (scene["A"], scene["C"]):
                ours.say("call 801")
                ours.wait("answered")
            phone.call("801")
            phone.wait("CALL_ESTABLISHED")
            scene["A"].hears(scene["C"], 1)
            scene["C"].hears(scene["A"], 1)
            scene["A"].hears(phone, 1)
            scene["C"].hears(phone, 1)
            phone.hears(scene["A"])
            phone.hears(scene["C"])


if __name__ == "__main__":
    begin(programs=["baresip"])
    unittest.main(verbosity=2)
