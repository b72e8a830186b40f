#!/usr/bin/env python3
"""Calling features that ask something of the other phone, with phones of others: one that knows Replaces, and one that does not."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import strowger  # noqa: E402
from program import wait_until  # noqa: E402
from roles import BaresipRole, LinphoneRole  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402


class ForeignFeatures(unittest.TestCase):
    def calls(self, scene):
        answer = json.loads(strowger("calls", "--json", "--data", scene.exchange.data).stdout)
        return sorted((c["caller"], c["callee"], c["state"]) for c in answer["calls"])

    def registers(self, scene, phone):
        wait_until(lambda: [b for b in scene.exchange.ask("bindings")["bindings"] if b["number"] == phone.user], 20,
                   phone.name + " registers")

    def test_a_caller_that_knows_no_replaces_is_picked_up(self):
        with Scene(letters="BC") as scene, BaresipRole(PEOPLE["A"], scene) as alice:
            self.registers(scene, alice)
            bob, carol = scene.phones["B"], scene.phones["C"]
            alice.call("1002")
            bob.wait("incoming")
            alice.hears_ringing()
            carol.say("call *81002")
            taken = carol.wait("incoming", replaces=True)["call"]
            carol.wait("confirmed", call=taken)
            alice.talks()
            bob.wait("ended")
            self.assertEqual(self.calls(scene), [("1001", "1003", "talking")])
            alice.hears(carol)
            carol.hears(alice, taken)
            alice.hang_up()
            carol.wait("ended", call=taken)

    def test_who_waits_and_knows_replaces_is_fetched_straight(self):
        with Scene(letters="BC") as scene, LinphoneRole(PEOPLE["A"], scene) as alice:
            self.registers(scene, alice)
            carol = scene.phones["C"]
            alice.call("701")
            alice.talks()
            self.assertEqual(self.calls(scene), [("1001", "701", "talking")])
            carol.say("call 701")
            fetched = carol.wait("calling")["call"]
            carol.wait("confirmed", call=fetched)
            alice.hears(carol)
            carol.hears(alice, fetched)
            self.assertEqual(self.calls(scene), [("1003", "1001", "talking")])
            carol.say("hangup")
            carol.wait("ended", call=fetched)

    def test_who_waits_and_knows_no_replaces_is_connected_by_the_exchange(self):
        with Scene(letters="BC") as scene, BaresipRole(PEOPLE["A"], scene) as alice:
            self.registers(scene, alice)
            carol = scene.phones["C"]
            alice.call("701")
            alice.talks()
            carol.say("call 701")
            fetched = carol.wait("calling")["call"]
            carol.wait("confirmed", call=fetched)
            self.assertEqual(self.calls(scene), [("1001", "701", "talking"), ("1003", "701", "talking")])
            alice.hears(carol)
            carol.hears(alice, fetched)
            carol.say("hangup")
            carol.wait("ended", call=fetched)
            alice.gone()


if __name__ == "__main__":
    begin(programs=["baresip", "linphonec"])
    unittest.main(verbosity=2)
