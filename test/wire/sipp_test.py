#!/usr/bin/env python3
"""SIPp as caller and callee, with digest: a hundred calls, none failed, nothing sent twice; and against our own phone."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import free_port  # noqa: E402
from program import wait_until  # noqa: E402
from interop import add_tests  # noqa: E402
from scene import Scene  # noqa: E402
from sipp import Sipp, run  # noqa: E402

CALLS = 100


class SippTest(unittest.TestCase):
    def flawless(self, figures, calls):
        self.assertEqual((int(figures["SuccessfulCall(C)"]), int(figures["FailedCall(C)"])), (calls, 0), figures)
        self.assertEqual(int(figures["Retransmissions(C)"]), 0, figures)

    def hundred_calls(self, workers, transport="u1"):
        with Scene(letters="", workers=workers) as scene:
            here, there = free_port("127.0.0.11"), free_port("127.0.0.12")
            self.flawless(run(scene, "register", "B", there, 1), 1)
            with Sipp(scene, "callee", "B", there, CALLS) as callee:
                self.flawless(run(scene, "caller", "A", here, CALLS, transport), CALLS)
                self.flawless(callee.finish(), CALLS)
            wait_until(lambda: len(scene.exchange.ask("cdr", "--max", "1000")["cdrs"]) == CALLS, 10, "%d CDRs" % CALLS)
            self.assertEqual({(c["code"], c["ended-by"]) for c in scene.exchange.ask("cdr", "--max", "1000")["cdrs"]}, {(200, "caller")})
            self.assertEqual(scene.exchange.ask("calls")["calls"], [])

    def test_one_worker(self):
        self.hundred_calls(1)

    def test_four_workers(self):
        self.hundred_calls(4)

    def test_caller_by_tcp(self):
        self.hundred_calls(2, "t1")

    def test_calls_our_phone(self):
        with Scene(letters="B", options={"B": ["--auto-answer"]}) as scene:
            self.flawless(run(scene, "caller", "A", free_port("127.0.0.11"), 1), 1)
            self.assertEqual(scene["B"].wait("ended")["why"], "far-hung-up")

    def test_ringing_that_arrives_and_a_session_timer(self):
        with Scene(letters="B", options={"B": ["--auto-answer=500"]}) as scene:
            self.flawless(run(scene, "reliable_caller", "A", free_port("127.0.0.11"), 1), 1)
            self.assertEqual(scene["B"].wait("ended")["why"], "far-hung-up")

    def test_is_called_by_our_phone(self):
        with Scene(letters="A") as scene:
            there = free_port("127.0.0.12")
            run(scene, "register", "B", there, 1)
            with Sipp(scene, "callee", "B", there, 1) as callee:
                scene["A"].say("call 1002")
                scene["A"].wait("confirmed")
                scene["A"].say("hangup")
                self.flawless(callee.finish(), 1)


class Roles(unittest.TestCase):
    """What no other foreign phone can play of the guide's flows: see interop.py."""


add_tests(Roles, "sipp")

if __name__ == "__main__":
    begin(programs=["sipp", "tcpdump"], root=True)
    unittest.main(verbosity=2)
