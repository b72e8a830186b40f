#!/usr/bin/env python3
"""Opus and G.722 with foreign phones: baresip and linphone against our phone, and in a conference of the exchange with others
who speak something else. Each hears the other; the codec is the one that was meant; keys pass."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from baresip import Baresip, write_tone  # noqa: E402
from begin import begin  # noqa: E402
from linphone import INCOMING, Linphone  # noqa: E402
from program import wait_until  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402

CODECS = {"opus": "opus/48000/2", "g722": "G722/16000"}   # here, and as baresip names them: RFC 3551's clock of 8000 it knows


class WithBaresip(unittest.TestCase):
    def both_ways(self, codec):
        name, number, ip, tone = PEOPLE["B"]
        with Scene(letters="A", options={"A": ["--codecs", codec + ",pcma"]}) as scene:
            a = scene.phones["A"]
            b = Baresip(name, number, scene.password(number), scene.exchange.where, ip, tone, scene.folder,
                        codec=CODECS[codec])
            with b:
                b.registered()
                for ours in (True, False):
                    if ours:
                        a.say("call " + number)
                        b.answer()
                    else:
                        b.call(a.user)
                        a.wait("incoming")
                        a.say("answer")
                    a.wait("confirmed")
                    a.wait("sound")
                    a.find(lambda: [e for e in a.has("hears") if abs(e["hz"] - tone) <= 0.03 * tone], 10, "baresip's tone")
                    b.hears(a)
                    a.say("dtmf 7")
                    b.wait("CALL_DTMF_START")
                    a.say("hangup")
                    a.wait("ended")
                    said = a.wait("call-statistics")
                    self.assertEqual(said["codec"].lower(), codec)
                    self.assertEqual(said["lost"], 0)
                    b.wait("CALL_CLOSED")

    def test_opus(self):
        self.both_ways("opus")

    def test_g722(self):
        self.both_ways("g722")

    def test_opus_and_a_law_in_a_conference(self):
        name, number, ip, tone = PEOPLE["B"]
        with Scene(letters="A", options={"A": ["--codecs", "pcma"]}) as scene:
            a = scene.phones["A"]
            b = Baresip(name, number, scene.password(number), scene.exchange.where, ip, tone, scene.folder,
                        codec=CODECS["opus"])
            with b:
                b.registered()
                b.call("801")
                b.wait("CALL_ESTABLISHED")
                a.say("call 801")
                a.wait("confirmed")
                b.hears(a)
                a.find(lambda: [e for e in a.has("hears") if abs(e["hz"] - tone) <= 0.03 * tone], 10, "baresip's tone")
                b.hang_up()
                b.wait("CALL_CLOSED")
                a.say("hangup")
                a.wait("ended")


class WithLinphone(unittest.TestCase):
    def registered(self, scene, number):
        wait_until(lambda: [b for b in scene.exchange.ask("bindings")["bindings"] if b["number"] == number], 20,
                   "linphone registers")

    def test_opus(self):
        name, number, ip, tone = PEOPLE["C"]
        with Scene(letters="A", options={"A": ["--codecs", "opus"]}) as scene:
            a = scene.phones["A"]
            with Linphone(name, number, scene.password(number), scene.exchange.where, ip, tone, scene.folder) as c:
                self.registered(scene, number)
                a.say("call " + number)
                c.say("answer " + c.line(INCOMING)[1])
                a.wait("confirmed")
                c.hears(a)
                a.find(lambda: [e for e in a.has("hears") if abs(e["hz"] - tone) <= 0.03 * tone], 10, "linphone's tone")
                a.say("hangup")
                a.wait("ended")
                self.assertEqual(a.wait("call-statistics")["codec"], "opus")

    def test_music_in_opus(self):
        name, number, ip, _ = PEOPLE["C"]
        with tempfile.TemporaryDirectory() as folder:
            music = os.path.join(folder, "music.wav")
            write_tone(music, 880)
            with Scene(letters="", exchange_options=["--music", music]) as scene, \
                    Linphone(name, number, scene.password(number), scene.exchange.where, ip, 880, scene.folder) as c:
                self.registered(scene, number)
                c.say("call sip:*65@" + scene.exchange.where)
                c.hears(c)      # the music is as high as its own tone
                c.say("terminate")


if __name__ == "__main__":
    begin(programs=["baresip", "linphonec"])
    unittest.main(verbosity=2)
