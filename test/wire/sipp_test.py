#!/usr/bin/env python3
"""SIPp as caller and callee, with digest: a hundred calls, none failed, nothing sent twice; and against our own phone."""
import csv
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import SOURCE, free_port  # noqa: E402
from program import Program, wait_until  # noqa: E402
from scene import PEOPLE, Scene  # noqa: E402

CALLS, RATE = 100, 50


class Sipp:
    """One run of a scenario of test/wire/sipp."""

    def __init__(self, scene, scenario, letter, port, calls, transport="u1"):
        self.folder = scene.path("sipp-%s-%s" % (scenario, letter))
        os.makedirs(self.folder)
        _, number, ip, _ = PEOPLE[letter]
        self.ends = (ip, port) if scenario == "callee" else None
        users = os.path.join(self.folder, "users.csv")
        with open(users, "w", encoding="utf-8") as f:
            f.write("SEQUENTIAL\n%s;[authentication username=%s password=%s];%s\n" % (number, number, scene.password(number), "1002"))
        self.errors = os.path.join(self.folder, "errors")
        self.stat = os.path.join(self.folder, "stat.csv")
        self.program = Program("sipp " + scenario,
                               ["sipp", scene.exchange.where, "-sf", os.path.join(SOURCE, "test", "wire", "sipp", scenario + ".xml"), "-inf",
                                users, "-i", ip, "-p", str(port), "-mi", ip, "-mp", str(30000 + int(number) % 1000 * 10), "-t", transport,
                                "-m", str(calls), "-r", str(RATE), "-timeout", "60", "-timeout_error", "-nostdin", "-trace_err",
                                "-error_file", self.errors, "-trace_stat", "-stf", self.stat, "-fd", "1"], cwd=self.folder,
                               log=os.path.join(self.folder, "log"))

    def __enter__(self):
        self.program.start()
        if self.ends:
            wait_until(self.listens, 10, self.program.name + " listens")
        return self

    def __exit__(self, *_):
        self.program.stop()

    def listens(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind(self.ends)
                return False
            except OSError:
                return True

    def finish(self, test):
        """It has ended by itself; its last line of figures."""
        wait_until(lambda: not self.program.runs(), 70, "%s ends" % self.program.name)
        said = ""
        if os.path.exists(self.errors):
            with open(self.errors, encoding="utf-8", errors="replace") as f:
                said = f.read()[:3000]
        test.assertEqual(self.program.process.returncode, 0, said)
        with open(self.stat, encoding="utf-8") as f:
            return list(csv.DictReader(f, delimiter=";"))[-1]


def run(test, scene, scenario, letter, port, calls, transport="u1"):
    with Sipp(scene, scenario, letter, port, calls, transport) as sipp:
        return sipp.finish(test)


class SippTest(unittest.TestCase):
    def flawless(self, figures, calls):
        self.assertEqual((int(figures["SuccessfulCall(C)"]), int(figures["FailedCall(C)"])), (calls, 0), figures)
        self.assertEqual(int(figures["Retransmissions(C)"]), 0, figures)

    def hundred_calls(self, workers, transport="u1"):
        with Scene(letters="", workers=workers) as scene:
            here, there = free_port("127.0.0.11"), free_port("127.0.0.12")
            self.flawless(run(self, scene, "register", "B", there, 1), 1)
            with Sipp(scene, "callee", "B", there, CALLS) as callee:
                self.flawless(run(self, scene, "caller", "A", here, CALLS, transport), CALLS)
                self.flawless(callee.finish(self), CALLS)
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
            self.flawless(run(self, scene, "caller", "A", free_port("127.0.0.11"), 1), 1)
            self.assertEqual(scene["B"].wait("ended")["why"], "far-hung-up")

    def test_is_called_by_our_phone(self):
        with Scene(letters="A") as scene:
            there = free_port("127.0.0.12")
            run(self, scene, "register", "B", there, 1)
            with Sipp(scene, "callee", "B", there, 1) as callee:
                scene["A"].say("call 1002")
                scene["A"].wait("confirmed")
                scene["A"].say("hangup")
                self.flawless(callee.finish(self), 1)


if __name__ == "__main__":
    begin(programs=["sipp"])
    unittest.main(verbosity=2)
