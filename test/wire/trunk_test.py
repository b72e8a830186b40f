#!/usr/bin/env python3
"""Two exchanges that are each other's trunk, known by address or registered, over UDP and TCP: a call through both, with sound
both ways, and what both have written of it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import Exchange, strowger  # noqa: E402
from phone import Phone  # noqa: E402
from program import wait_until  # noqa: E402


class Office:
    """An exchange with one phone."""

    def __init__(self, host, user, tone, options=()):
        self.exchange = Exchange(address="127.0.0.%d" % host, options=options)
        self.user = user
        self.phone = None
        self.host = host
        self.tone = tone

    def __enter__(self):
        self.exchange.start()
        self.exchange.user(self.user, "secret-" + self.user)
        self.phone = Phone("P" + self.user, self.user, "secret-" + self.user, self.exchange.where, "127.0.0.%d" % (self.host + 1), self.tone)
        self.phone.start()
        self.phone.registered()
        return self

    def __exit__(self, *_):
        if self.phone:
            self.phone.quit()
        self.exchange.__exit__()

    def trunk(self, name, to, *pairs, transport="udp"):
        answer = self.exchange.ask("trunk", "add", name, "server=sip:%s;transport=%s" % (to.exchange.where, transport), *pairs)
        if not answer["ok"]:
            raise RuntimeError(answer["error"])

    def state(self, name):
        return self.exchange.ask("trunk", "show", name)["trunk"]["state"]

    def last_cdr(self):
        cdrs = self.exchange.ask("cdr")["cdrs"]
        return (cdrs[0]["caller"], cdrs[0]["callee"], cdrs[0]["code"]) if cdrs else None


def call(a, b, number):
    a.phone.say("call " + number)
    rings = b.phone.wait("incoming", 20)["call"]
    b.phone.say("answer")
    b.phone.wait("confirmed", call=rings)
    calls = a.phone.wait("answered", 20)["call"]
    a.phone.hears(b.phone, calls)
    b.phone.hears(a.phone, rings)
    return calls, rings


def hang_up(a, b, rings):
    a.phone.say("hangup")
    b.phone.wait("ended", 10, call=rings)


class Trunk(unittest.TestCase):
    def by_address(self, transport):
        with Office(10, "1001", 440) as x, Office(20, "2001", 660) as y:
            x.trunk("y", y, "dial=8xxxx/1", "did=1xxx", "main-number=1000", "caller-id=1xxx/0/8", "address=127.0.0.20", transport=transport)
            y.trunk("x", x, "dial=9xxxx/1", "did=2xxx", "address=127.0.0.10", transport=transport)
            wait_until(lambda: x.state("y") == "answers" and y.state("x") == "answers", 10, "that each knows of the other")
            rings = call(x, y, "82001")[1]
            self.assertEqual([c["callee"] for c in x.exchange.ask("calls")["calls"]], ["2001@y"])
            self.assertEqual([c["caller"] for c in y.exchange.ask("calls")["calls"]], ["81001@x"])
            hang_up(x, y, rings)
            wait_until(lambda: x.last_cdr() == ("1001", "2001@y", 200), 10, "its record here")
            wait_until(lambda: y.last_cdr() == ("81001@x", "2001", 200), 10, "its record there")
            for office, party in (x, "trunk y (82001)"), (y, "trunk x"):
                drawn = strowger("flow", "--live", "--data", office.exchange.data)
                self.assertIn(party, drawn.stdout, drawn.stderr)
            hang_up(y, x, call(y, x, "91001")[1])
            for ends in (x, y):  # the connection between them goes with one; whoever ends the call, the other hears it
                rings = call(x, y, "82001")[1]
                y.exchange.kill()
                y.exchange.start()
                if ends is x:
                    hang_up(x, y, rings)
                else:
                    y.phone.say("hangup")
                    x.phone.wait("ended", 10, why="far-hung-up")

    def test_by_address(self):
        self.by_address("udp")

    def test_by_address_over_tcp(self):
        self.by_address("tcp")

    def test_registered(self):
        """X is a user of Y's: it is asked for its password whenever it calls, and called as what it has registered."""
        with Office(10, "1001", 440) as x, Office(20, "2001", 660) as y:
            y.exchange.user("5000", "secret-5000")
            x.trunk("y", y, "register=on", "user=5000", "password=secret-5000", "domain=" + y.exchange.ip, "dial=8xxxx/1", "did=5000=1001")
            wait_until(lambda: x.state("y").startswith("registered"), 10, "that it is registered")
            hang_up(x, y, call(x, y, "82001")[1])
            wait_until(lambda: y.last_cdr() == ("5000", "2001", 200), 10, "who called there")
            calls, rings = call(y, x, "5000")
            x.exchange.kill()
            x.exchange.start()
            hang_up(y, x, rings)
            wait_until(lambda: x.last_cdr() == ("2001@y", "1001", 200), 10, "its record here")
            self.assertTrue(calls)

    def test_emergency(self):
        """Whoever has no password gets through all the same."""
        with Office(10, "1001", 440) as x, Office(20, "110", 660) as y:
            x.trunk("y", y, "emergency=on")
            y.trunk("x", x, "did=110")
            stranger = Phone("S", "1009", "wrong", x.exchange.where, "127.0.0.13", 880)
            stranger.start()
            try:
                x.exchange.stop()
                x.exchange.options += ["--emergency", "110,112"]
                x.exchange.start()
                stranger.say("call 110")
                rings = y.phone.wait("incoming", 20)["call"]
                y.phone.say("answer")
                y.phone.wait("confirmed", call=rings)
                y.phone.hears(stranger, rings)
            finally:
                stranger.quit()


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
