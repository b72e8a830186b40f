#!/usr/bin/env python3
"""How a call has sounded is in its record: by the reports of our phones, of one alone, and by the exchange's own ear; also after
kill -9."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from program import wait_until  # noqa: E402
from scene import Scene  # noqa: E402


class Quality(unittest.TestCase):
    def record(self, scene, *sides):
        """The newest record, as soon as it has these sides."""
        def find():
            cdrs = scene.exchange.ask("cdr", "--max", "1")["cdrs"]
            return cdrs[0] if cdrs and all(side in cdrs[0] for side in sides) else None
        return wait_until(find, 10, "a record with " + ", ".join(sides))

    def good(self, heard):
        self.assertLess(heard["loss-percent"], 5)
        self.assertGreater(heard["mos"], 3.5)
        self.assertLess(heard["jitter-ms"], 100)

    def test_both_phones_report(self):
        with Scene(letters="AB") as scene:
            scene.hang_up("A", scene.talk())
            for _ in range(2):
                record = self.record(scene, "caller-hears", "callee-hears")
                self.assertEqual((record["caller"], record["callee"]), ("1001", "1002"))
                self.good(record["caller-hears"])
                self.good(record["callee-hears"])
                self.assertNotIn("told-by-the-other-side", record["caller-hears"])
                scene.exchange.kill()
                scene.exchange.start()

    def test_one_speaks_for_both(self):
        with Scene(letters="AB", options={"A": ["--quality-report", "off"]}) as scene:
            calls = scene.talk()
            wait_until(lambda: self.told(scene["B"], calls["B"]), 20, "a report of the other end")
            scene.hang_up("A", calls)
            record = self.record(scene, "caller-hears", "callee-hears")
            self.good(record["callee-hears"])
            self.assertTrue(record["caller-hears"]["told-by-the-other-side"])

    @staticmethod
    def told(phone, call):
        """By RTCP, which comes within seconds of the begin."""
        phone.say("quality %d" % call)
        return any("far_mos" in e for e in phone.has("call-quality"))

    def test_the_exchange_hears_by_itself(self):
        with Scene(letters="A", options={"A": ["--quality-report", "off"]}) as scene:
            scene["A"].say("call 801")
            scene["A"].wait("answered")
            scene["A"].wait("sound")
            scene["A"].say("hangup")
            record = self.record(scene, "callee-hears")
            self.assertEqual(record["callee"], "801")
            self.good(record["callee-hears"])


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
