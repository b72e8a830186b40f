#!/usr/bin/env python3
"""Music on hold (RFC 7088) over wires: our phone holds, the exchange has the music, and who is held hears it: our phone, linphone."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from baresip import write_tone  # noqa: E402
from begin import begin  # noqa: E402
from linphone import INCOMING, Linphone  # noqa: E402
from program import wait_until  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402

MUSIC_HZ = 880


class Tone:
    """What a phone is asked whether it hears it."""
    who, tone = "the exchange", MUSIC_HZ


class Music(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "music.wav")
        write_tone(self.file, MUSIC_HZ)

    def scene(self, letters):
        return Scene(letters=letters, options={"A": ["--music", "*65"]}, exchange_options=["--music", self.file])

    def hold(self, a):
        a.say("hold")
        a.wait("on-hold")

    def resume(self, a):
        a.say("resume")
        a.wait("off-hold")

    def test_our_phone_hears_it(self):
        with self.scene("AB") as scene:
            a, b = scene.phones["A"], scene.phones["B"]
            calls = scene.talk()
            self.hold(a)
            b.wait("held")
            b.hears(Tone, calls["B"])
            self.assertFalse(a.has("failed"))
            self.resume(a)
            b.wait("resumed")
            scene.hang_up("A", calls)

    def test_linphone_hears_it(self):
        name, number, ip, tone = PEOPLE["C"]
        with self.scene("A") as scene, \
                Linphone(name, number, scene.password(number), scene.exchange.where, ip, tone, scene.folder) as c:
            a = scene.phones["A"]
            wait_until(lambda: [b for b in scene.exchange.ask("bindings")["bindings"] if b["number"] == number], 20,
                       "linphone registers")
            a.say("call " + number)
            c.say("answer " + c.line(INCOMING)[1])
            a.wait("confirmed")
            c.hears(a)
            self.hold(a)
            c.hears(Tone)
            self.assertFalse(a.has("failed"))
            self.resume(a)
            c.hears(a)
            a.say("hangup")
            a.wait("ended")


if __name__ == "__main__":
    begin(programs=["linphonec"])
    unittest.main(verbosity=2)
