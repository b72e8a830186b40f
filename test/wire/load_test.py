#!/usr/bin/env python3
"""`strowger load` against the exchange: each kind of load comes to what was asked for; and it calls failed what a phone would
call failed, and says what it was."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import BINARY, Exchange, strowger  # noqa: E402
from program import wait_until  # noqa: E402

PASSWORD = "all-the-same"
FIRST, LAST = 20000, 20039


def load(kind, where, *more):
    """The finished process, and its line of JSON (None: it has printed none)."""
    done = strowger("load", kind, "--server", where, "--users", "%d-%d" % (FIRST, LAST), "--password", PASSWORD, "--json",
                    "--local", "127.0.0.21,127.0.0.22", *more)
    return done, json.loads(done.stdout) if done.stdout else None


class WithAnExchange(unittest.TestCase):
    """An exchange for the tests of a class: each run registers at ports of its own, and a user may have so many contacts at most."""

    @classmethod
    def setUpClass(cls):
        cls.exchange = Exchange()
        cls.exchange.start()
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
            f.write("number,password\n" + "".join("%d,%s\n" % (n, PASSWORD) for n in range(FIRST, LAST + 1)))
            f.flush()
            done = strowger("user", "import", f.name, "--data", cls.exchange.data)
            assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.exchange.stop()

    def well(self, kind, latencies, *more):
        done, told = load(kind, self.exchange.where, "--rate", "40", "--for", "2", "--hold", "0.3", *more)
        self.assertIsNotNone(told, done.stderr)
        self.assertEqual(told["offered"], 80, told)
        self.assertEqual((told["done"], told["failed"], told["causes"]), (80, 0, {}), told)
        self.assertEqual(sorted(told["latency_us"]), sorted(latencies))
        for one in told["latency_us"].values():
            self.assertLessEqual(one["p50"], one["p99"])
            self.assertLessEqual(one["p99"], one["max"])
        if not told["generator_was_limit"]:   # on a machine that is busy with other things it may be
            self.assertEqual(done.returncode, 0, done.stderr)
        return told


class Calls(WithAnExchange):
    def test_calls(self):
        told = self.well("calls", ["ringing", "answer", "bye"], "--pid", str(self.exchange.program.process.pid))
        self.assertGreater(told["server_user_us"] + told["server_system_us"], 0)
        self.assertGreaterEqual(len(self.exchange.ask("cdr")["cdrs"]), 80)

    def test_calls_by_tcp(self):
        self.well("calls", ["ringing", "answer", "bye"], "--transport", "tcp")
        ends = {b["received"] for b in self.exchange.ask("bindings")["bindings"] if "transport=tcp" in b["contact"]}
        self.assertEqual(len(ends), LAST - FIRST + 1, "each phone has a connection of its own")

    def test_transfers(self):
        self.well("transfers", ["ringing", "answer", "bye", "refer"])

    def test_within(self):
        self.well("within", ["within"], "--held", "10")
        self.assertEqual(self.exchange.ask("calls")["calls"], [], "the calls that were held are still up")

    def test_stopped_in_the_midst_it_tells_what_there_was(self):
        argv = [BINARY, "load", "calls", "--server", self.exchange.where, "--users", "%d-%d" % (FIRST, LAST), "--password", PASSWORD,
                "--json", "--rate", "40", "--for", "60", "--hold", "50"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            wait_until(lambda: len(self.exchange.ask("calls")["calls"]) >= 20, 20, "twenty calls")
            process.terminate()
            told = json.loads(process.communicate(timeout=10)[0])
        self.assertEqual(process.returncode, 1)
        self.assertEqual((told["done"], told["failed"]), (0, 0), told)
        self.assertGreaterEqual(told["latency_us"]["answer"]["n"], 20)
        for call in self.exchange.ask("calls")["calls"]:
            self.exchange.ask("calls", "end", str(call["id"]))


class Connections(WithAnExchange):
    def ends(self):
        return {b["contact"]: b["received"] for b in self.exchange.ask("bindings")["bindings"] if "transport=tcp" in b["contact"]}

    def answered(self):
        return sum(1 for c in self.exchange.ask("cdr", "--max", "10000")["cdrs"] if c["code"] == 200)

    def test_a_phone_whose_connection_has_ended_opens_another_one(self):
        argv = [BINARY, "load", "calls", "--server", self.exchange.where, "--users", "%d-%d" % (FIRST, LAST), "--password", PASSWORD,
                "--json", "--rate", "10", "--for", "600", "--hold", "0.1", "--transport", "tcp"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            try:
                wait_until(lambda: self.answered() >= 5, 20, "calls before")
                before = self.ends()
                self.exchange.stop()
                self.exchange.start()
                wait_until(lambda: len(set(self.ends().items()) - set(before.items())) == LAST - FIRST + 1, 40, "all phones by other connections")
                so_far = self.answered()
                wait_until(lambda: self.answered() >= so_far + 20, 20, "calls after")
            finally:
                process.terminate()
                told = json.loads(process.communicate(timeout=10)[0])
        self.assertGreaterEqual(told["connections_lost"], LAST - FIRST + 1)
        self.assertGreaterEqual(told["done"], 20)


class Others(WithAnExchange):
    def test_whose_time_is_told(self):
        spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"], stdin=subprocess.DEVNULL)
        try:
            told = self.well("refresh", ["register"], "--pid", str(spinning.pid))
        finally:
            spinning.kill()
            spinning.wait()
        self.assertGreater(told["server_user_us"], 10 * told["server_system_us"], told)
        self.assertGreater(told["server_user_us"], 200000)

    def test_register(self):
        self.well("register", ["register"])

    def test_refresh(self):
        self.well("refresh", ["register"])

    def test_subscribe(self):
        self.well("subscribe", ["subscribe", "notify"])
        self.assertEqual(self.exchange.ask("subscriptions", str(FIRST))["subscriptions"], [])

    def test_subscribe_by_tcp(self):
        self.well("subscribe", ["subscribe", "notify"], "--transport", "tcp")

    def test_a_rate_that_rises(self):
        done, told = load("refresh", self.exchange.where, "--rate", "10-30", "--for", "2")
        self.assertEqual(told["offered"], 40, done.stderr)

    def test_phones_that_are_not_users(self):
        done = strowger("load", "calls", "--server", self.exchange.where, "--users", "70000-70001", "--json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not register", done.stderr)
        self.assertRegex(done.stderr, r"[12]  REGISTER 401")


class Odd(threading.Thread):
    """A server that takes REGISTERs and answers each INVITE as it is told."""

    def __init__(self, answer, refusals=0):
        super().__init__(daemon=True)
        self.answer = answer
        self.refusals = refusals    # of REGISTERs, at first
        self.asked = []             # by INFO
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.20", 0))
        self.where = "%s:%d" % self.socket.getsockname()

    def run(self):
        while True:
            octets, sender = self.socket.recvfrom(65535)
            text = octets.decode()
            if text.startswith("STOP"):
                return
            kept = "".join(line + "\r\n" for line in text.split("\r\n\r\n")[0].split("\r\n")[1:]
                           if re.match(r"(Via|From|To|Call-ID|CSeq%s):" % ("|Contact" if text.startswith("REGISTER") else ""), line))
            kept = re.sub(r"(?m)^(To: .*?)\r$", r"\1;tag=odd\r", kept)
            if text.startswith("REGISTER") and self.refusals:
                self.refusals -= 1
                self.socket.sendto(("SIP/2.0 503 Busy\r\n%sRetry-After: 1\r\nContent-Length: 0\r\n\r\n" % kept).encode(), sender)
            elif text.startswith("REGISTER"):
                self.socket.sendto(("SIP/2.0 200 OK\r\n%sContent-Length: 0\r\n\r\n" % kept).encode(), sender)
            elif text.startswith("INVITE"):
                told = {"kept": kept, "where": self.where, "sdp": text.split("\r\n\r\n", 1)[1]}
                self.socket.sendto((self.answer % told).encode(), sender)
            elif text.startswith("BYE"):   # what was asked before is answered after it
                for waiting in [kept] + self.asked:
                    self.socket.sendto(("SIP/2.0 200 OK\r\n%sContent-Length: 0\r\n\r\n" % waiting).encode(), sender)
            elif text.startswith("INFO"):
                self.asked.append(kept)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.socket.sendto(b"STOP", self.socket.getsockname())
        self.join(5)
        self.socket.close()


class AgainstOddServers(unittest.TestCase):
    def test_a_refusal_is_a_failure(self):
        with Odd("SIP/2.0 503 Busy\r\n%(kept)sContent-Length: 0\r\n\r\n") as server:
            done, told = load("calls", server.where, "--rate", "20", "--for", "1")
        self.assertEqual((told["done"], told["failed"]), (0, 20))
        self.assertEqual(told["causes"], {"INVITE 503": 20})
        self.assertEqual(done.returncode, 1)

    def test_who_may_not_register_yet_comes_again(self):
        with Odd("SIP/2.0 200 OK\r\n%(kept)sContent-Length: 0\r\n\r\n", refusals=10) as server:
            done, told = load("refresh", server.where, "--rate", "20", "--for", "1")
        self.assertEqual((told["done"], told["failed"]), (20, 0), done.stderr)
        self.assertGreater(told["prepared_s"], 0.9)

    def test_somebody_elses_sdp_is_a_failure(self):
        with Odd("SIP/2.0 200 OK\r\n%(kept)sContact: <sip:nobody@%(where)s>\r\nContent-Type: application/sdp\r\n"
                 "Content-Length: 5\r\n\r\nv=0\r\n") as server:
            done, told = load("calls", server.where, "--rate", "5", "--for", "1", "--hold", "0")
        self.assertEqual((told["done"], told["failed"]), (0, 5))
        self.assertEqual(told["causes"], {"INVITE 200 with another SDP than the callee's": 5})
        self.assertEqual(done.returncode, 1)

    def test_an_answer_may_come_when_its_call_has_gone(self):
        with Odd("SIP/2.0 200 OK\r\n%(kept)sContact: <sip:nobody@%(where)s>\r\nContent-Type: application/sdp\r\n\r\n%(sdp)s") as server:
            done, told = load("within", server.where, "--rate", "1", "--for", "1", "--held", "1")
        self.assertEqual(told["causes"], {"INFO in a call that ended": 1}, done.stderr)
        self.assertEqual((told["done"], told["failed"]), (0, 1))

    def test_a_200_without_contact_makes_no_dialog(self):
        with Odd("SIP/2.0 200 OK\r\n%(kept)sContent-Length: 0\r\n\r\n") as server:
            _, told = load("calls", server.where, "--rate", "5", "--for", "1")
        self.assertEqual(told["causes"], {"INVITE 200 that makes no dialog": 5})


if __name__ == "__main__":
    begin()
    unittest.main()
