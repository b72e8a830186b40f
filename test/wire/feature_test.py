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


if __name__ == "__main__":
    unittest.main()
