#!/usr/bin/env python3
"""A transferee that refuses REFER, in each way: the exchange connects it with the target itself, on real sockets; it hears the
exchange's ringback meanwhile, and afterwards both hear each other's tone (PROTOCOL section 6)."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from program import wait_until  # noqa: E402
from scene import Scene  # noqa: E402
import transfers  # noqa: E402

RINGBACK_HZ = 425


def cdrs(exchange):
    return sorted((c["caller"], c["callee"], c["code"], c["why"]) for c in exchange.ask("cdr")["cdrs"])


def hears_ringback(phone, call):
    def find():
        return [e for e in phone.events if e["event"] == "hears" and e["call"] == call and abs(e["hz"] - RINGBACK_HZ) < 20]
    return phone.find(find, 10, "the exchange's ringback in call %d" % call)


class Execute(unittest.TestCase):
    def execute(self, how, end, restart=False, workers=2):
        """Blind transfer to C, which rings a moment: then A (its call is the old one) and C talk."""
        with Scene(options={"A": ["--refuse-refer", how]}, workers=workers) as scene:
            a, b, c = (scene[letter] for letter in "ABC")
            calls = scene.talk()
            b.say("transfer " + c.user)
            b.wait("transfer-accepted", call=calls["B"])
            b.wait("ended", 20, call=calls["B"], why="hung-up")
            rings = c.wait("incoming", 20)["call"]
            hears_ringback(a, calls["A"])
            c.say("answer")
            c.wait("confirmed", call=rings)
            new = {"A": calls["A"], "C": rings}
            scene.hear(new)
            if restart:
                scene.exchange.kill()
                scene.exchange.start()
            scene.hang_up(end, new)
            wait_until(lambda: cdrs(scene.exchange) == [("1001", "1002", 200, "transfer"), ("1001", "1003", 200, "bye")], 10,
                       "both calls' records")
            self.assertEqual(scene.exchange.ask("calls")["calls"], [])

    def test_a_restart_when_it_is_up(self):
        for end in "AC":
            with self.subTest(end=end):
                self.execute("603", end, restart=True)

    def test_one_that_does_not_list_refer(self):
        for end, workers in (("A", 1), ("C", 4)):
            with self.subTest(end=end):
                self.execute("unlisted", end, workers=workers)

    def test_each_refusal_blind_and_attended(self):
        """`./run long` has a hundred of each."""
        done, left = transfers.play(each=1, at_once=4)
        self.assertEqual(transfers.failures(done, left), [])
        self.assertEqual(len(done), len(transfers.REFUSALS) * len(transfers.KINDS))
        for d in done:
            self.assertTrue(d.ringback or d.kind == "attended", d.refusal)

if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
