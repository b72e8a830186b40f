#!/usr/bin/env python3
"""Calling features on real sockets, with the storage's and the directory's own threads: codes that are dialled, forwards,
ring groups, pick-up; heard by the phones."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from exchange import Exchange, strowger  # noqa: E402
from phone import Phone  # noqa: E402

CONFIRMED_HZ = 850


class Features(unittest.TestCase):
    def setUp(self):
        self.exchange = Exchange()
        self.exchange.start()
        self.phones = []

    def tearDown(self):
        for p in self.phones:
            p.quit()
        self.exchange.stop()

    def phone(self, number, bind, tone, options=()):
        self.exchange.user(number, "pw" + number)
        p = Phone(number, number, "pw" + number, self.exchange.where, bind, tone, options)
        p.start()
        self.phones.append(p)
        p.registered()
        return p

    def act(self, *words):
        done = strowger(*words, "--json", "--data", self.exchange.data)
        answer = json.loads(done.stdout)
        self.assertTrue(answer["ok"], answer)
        return answer

    def settings(self, number):
        return {u["number"]: u["settings"] for u in self.act("user", "list")["users"]}[number]

    def dial(self, phone, code):
        """Dials it, hears the beeps, and waits for the exchange to hang up."""
        phone.say("call " + code)
        call = phone.wait("calling")["call"]
        phone.wait("answered", call=call)
        heard = phone.wait("hears", call=call)
        self.assertLess(abs(heard["hz"] - CONFIRMED_HZ), 30)
        phone.wait("ended", call=call, why="far-hung-up")

    def talk(self, one, other, number):
        one.say("call " + number)
        call = one.wait("calling")["call"]
        one.wait("confirmed", call=call)
        theirs = other.wait("confirmed")["call"]
        one.hears(other, call)
        other.hears(one, theirs)
        one.say("hangup")
        one.wait("ended", call=call)
        other.wait("ended", call=theirs)

    def test_a_forward_is_dialled_and_counts_at_once(self):
        alice = self.phone("1001", "127.0.0.11", 400)
        bob = self.phone("1002", "127.0.0.12", 600, ["--auto-answer"])
        self.phone("1003", "127.0.0.13", 900)
        carol = self.phones[-1]
        self.dial(carol, "*721002")
        self.assertEqual(self.settings("1003"), {"forward.always": "1002"})
        self.talk(alice, bob, "1003")
        self.dial(carol, "*73")
        self.assertEqual(self.settings("1003"), {})
        for code, setting in (("*78", {"dnd": "on"}), ("*79", {})):
            self.dial(carol, code)
            self.assertEqual(self.settings("1003"), setting)

    def test_a_ring_group_and_its_pick_up(self):
        alice = self.phone("1001", "127.0.0.11", 400)
        bob = self.phone("1002", "127.0.0.12", 600)
        carol = self.phone("1003", "127.0.0.13", 900)
        dan = self.phone("1004", "127.0.0.14", 1300)
        self.act("group", "add", "600", "--members", "1002,1003")
        alice.say("call 600")
        first = alice.wait("calling")["call"]
        bob.wait("incoming")
        carol.wait("incoming")
        alice.wait("ringing", call=first)
        dan.say("call *81002")
        his = dan.wait("calling")["call"]
        dan.wait("confirmed", call=his)
        bob.wait("ended")
        carol.wait("ended")
        hers = alice.wait("confirmed")["call"]
        alice.hears(dan, hers)
        dan.hears(alice, his)
        dan.say("hangup")
        alice.wait("ended", call=hers)

    def test_parked_by_a_code_and_fetched(self):
        alice = self.phone("1001", "127.0.0.11", 400, ["--auto-answer"])
        bob = self.phone("1002", "127.0.0.12", 600)
        carol = self.phone("1003", "127.0.0.13", 900)
        bob.say("call 1001")
        call = bob.wait("calling")["call"]
        bob.wait("confirmed", call=call)
        alice.wait("confirmed")
        bob.say("transfer *68")
        bob.wait("transfer-result", ok=True)
        waits = alice.wait("confirmed")["call"]
        self.assertEqual([(c["caller"], c["callee"], c["state"]) for c in self.act("calls")["calls"]], [("1001", "701", "talking")])
        self.assertEqual(self.act("explain", "1003", "701")["rule"], "app")
        carol.say("call 701")
        fetched = carol.wait("calling")["call"]
        carol.wait("confirmed", call=fetched)
        hers = alice.wait("confirmed")["call"]
        alice.wait("ended", call=waits)
        carol.hears(alice, fetched)
        alice.hears(carol, hers)
        calls = self.act("calls")["calls"]
        self.assertEqual([(c["caller"], c["callee"]) for c in calls], [("1003", "1001")]) # straight
        self.act("calls", "end", calls[0]["id"])
        carol.wait("ended", call=fetched)

    def test_an_extensions_call_is_ended(self):
        alice = self.phone("1001", "127.0.0.11", 400)
        alice.say("call 801")
        call = alice.wait("calling")["call"]
        alice.wait("confirmed", call=call)
        calls = self.act("calls")["calls"]
        self.assertEqual([(c["caller"], c["callee"], c["state"]) for c in calls], [("1001", "801", "talking")])
        self.act("calls", "end", calls[0]["id"])
        alice.wait("ended", call=call, why="far-hung-up")
        cdr = self.act("cdr")["cdrs"][0]
        self.assertEqual((cdr["caller"], cdr["callee"], cdr["ended-by"]), ("1001", "801", "admin"))


if __name__ == "__main__":
    unittest.main()
