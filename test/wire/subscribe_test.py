#!/usr/bin/env python3
"""What baresip subscribes to: its message lamp and the presence of another, over UDP; kill -9 of the exchange in between."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from baresip import Baresip  # noqa: E402
from begin import begin  # noqa: E402
from program import wait_until  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402


class Subscriptions(unittest.TestCase):
    def phone(self, scene, **more):
        name, number, ip, hz = PEOPLE["A"]
        return Baresip(name, number, scene.password(number), scene.exchange.where, ip, hz, scene.folder, **more)

    def listed(self, scene, package):
        return [s for s in scene.exchange.ask("subscriptions", "1001")["subscriptions"] if s["package"] == package]

    def messages(self, scene, new, old):
        answer = scene.exchange.ask("user", "set", "1001", "mwi=%d/%d" % (new, old))
        self.assertTrue(answer["ok"], answer)

    def lamp(self, phone, text):
        phone.find(lambda: [e for e in phone.events if e.get("type") == "MWI_NOTIFY" and text in e.get("param", "")], 10,
                   "the message lamp: " + text)

    def test_the_message_lamp_outlives_the_exchange(self):
        with Scene(letters="") as scene, self.phone(scene, modules=["mwi"], told_to_register=True) as phone:
            phone.register()
            self.lamp(phone, "Messages-Waiting: no")
            self.messages(scene, 2, 8)
            self.lamp(phone, "Voice-Message: 2/8")
            before = self.listed(scene, "message-summary")
            self.assertEqual(len(before), 1)
            scene.exchange.kill()
            scene.exchange.start()
            self.messages(scene, 3, 8)
            self.lamp(phone, "Voice-Message: 3/8")
            after = self.listed(scene, "message-summary")
            self.assertEqual([s["call-id"] for s in after], [s["call-id"] for s in before])
            self.assertGreater(after[0]["told"], before[0]["told"])

    def test_the_presence_of_another(self):
        with Scene(letters="B") as scene, \
                self.phone(scene, modules=["presence"],
                           contacts='"Bob" <sip:1002@%s>;presence=p2p\n' % scene.exchange.where) as phone:
            phone.registered()
            wait_until(lambda: self.listed(scene, "presence"), 15, "baresip's subscription to 1002")
            self.assertEqual(self.listed(scene, "presence")[0]["number"], "1002")
            wait_until(lambda: self.listed(scene, "presence")[0]["told"] == 1, 10, "1002 is told to be online")
            scene["B"].quit()
            wait_until(lambda: self.listed(scene, "presence")[0]["told"] >= 2, 10, "and to have gone")


if __name__ == "__main__":
    begin(programs=["baresip"])
    unittest.main(verbosity=2)
