#!/usr/bin/env python3
"""kill -9 of the exchange after each of F8 to F24 of the blind transfer: after its restart the rest still happens.

The moment is chosen exactly: all programs are stopped (SIGSTOP) but the one whose turn it is, until the step has been seen on
the loopback. So nobody has reacted to it when the exchange dies; what was on its way to it is lost. F10 and F11 leave in one
breath: between them the exchange is killed by what is loaded into it, in the moment before it would send F11."""
import contextlib
import os
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from packets import Sniffer  # noqa: E402
from peer import Peer  # noqa: E402
from program import Missing, wait_until  # noqa: E402
from scene import LETTER, Scene  # noqa: E402

STEP_S = 10
STEPS = [(9, "B", "P", "REFER", None), (10, "P", "B", "REFER", 202), (11, "P", "A", "REFER", None), (12, "A", "P", "REFER", 202),
         (13, "B", "P", "BYE", None), (14, "P", "A", "BYE", None), (15, "A", "P", "BYE", 200), (16, "P", "B", "BYE", 200),
         (17, "A", "P", "INVITE", None), (18, "P", "C", "INVITE", None), (19, "C", "P", "INVITE", 180),
         (20, "P", "A", "INVITE", 180), (21, "C", "P", "INVITE", 200), (22, "P", "A", "INVITE", 200),
         (23, "A", "P", "ACK", None), (24, "P", "C", "ACK", None)]


class Stepper:
    """Lets one program run at a time."""

    def __init__(self, scene, sniffer):
        self.scene = scene
        self.sniffer = sniffer
        self.since = len(sniffer.messages)

    def program(self, letter):
        return self.scene.exchange.program if letter == "P" else self.scene[letter]

    def freeze(self):
        for letter in "PABC":
            self.program(letter).signal(signal.SIGSTOP)

    def thaw(self):
        for letter in "PABC":
            program = self.program(letter)
            if program:
                program.signal(signal.SIGCONT)

    def step(self, step):
        number, source, to, method, status = step
        if number == 9:
            self.scene["B"].say("transfer " + self.scene["C"].user)
        if number == 21:
            self.scene["C"].say("answer")

        self.program(source).signal(signal.SIGCONT)
        seen = self.wait(source, to, method, status)
        self.program(source).signal(signal.SIGSTOP)
        if not seen:
            raise Missing("F%d did not come; there were: %s" % (number, self.sniffer.messages[self.since:]))

    def has(self, *what):
        return any((LETTER.get(m.ends[0]), LETTER.get(m.ends[2]), m.method, m.status) == what
                   for m in self.sniffer.messages[self.since:])

    def wait(self, *what):
        return self.sniffer.wait(lambda m: (LETTER.get(m.ends[0]), LETTER.get(m.ends[2]), m.method, m.status) == what, STEP_S,
                                 self.since)


def play(last):
    """The transfer with a kill after step `last`; all that must happen nevertheless."""
    with Sniffer() as sniffer, Scene(workers=2, die_before="REFER " if last == 10 else None) as scene:
        calls = scene.talk()
        before = sorted(b["contact"] for b in scene.exchange.ask("bindings")["bindings"])
        stepper = Stepper(scene, sniffer)
        stepper.freeze()
        try:
            for step in STEPS:
                if step[0] <= last:
                    stepper.step(step)
            if last == 10:
                scene.exchange.wait_for_death()
                if stepper.has("P", "A", "REFER", None):
                    raise Missing("a kill between F10 and F11: F11 was sent")
            else:
                scene.exchange.kill()
            dead = len(sniffer.messages)
            scene.exchange.start()
        finally:
            stepper.thaw()
        after = sorted(b["contact"] for b in scene.exchange.ask("bindings")["bindings"])
        if len(before) != 3 or before != after:
            raise Missing("bindings: %s before, %s after" % (before, after))
        try:
            finish(scene, calls, last)
        except Missing as e:
            raise Missing("%s\nAll messages, * after the kill:\n%s" % (e, sniffer.story(LETTER, dead))) from e


def finish(scene, calls, last):
    a, b, c = (scene[letter] for letter in "ABC")
    if last < 9:
        b.say("transfer " + c.user)
    b.wait("transfer-accepted", 40, call=calls["B"])
    b.wait("ended", 40, call=calls["B"])
    a.wait("ended", 40, call=calls["A"])
    number = c.wait("incoming", 40)["call"]
    if last < 21:
        c.say("answer")
    new = {"A": a.wait("answered", 40)["call"], "C": number}
    for letter in "AC":
        scene[letter].wait("confirmed", 40, call=new[letter])
    scene.hear(new)
    scene.hang_up("A", new)
    wait_until(lambda: ended_calls(scene.exchange) == [("1001", "1002", 200, "callee"), ("1001", "1003", 200, "caller")], 10,
               "the records of both calls")
    if scene.exchange.ask("calls")["calls"]:
        raise Missing("calls that are still up: %s" % scene.exchange.ask("calls"))


def ended_calls(exchange):
    return sorted((c["caller"], c["callee"], c["code"], c["ended-by"]) for c in exchange.ask("cdr")["cdrs"])


def talk(a, b):
    a.register()
    b.register()
    caller = threading.Thread(target=a.call, args=(b.number,), daemon=True)
    caller.start()
    b.take_call(b.expect("INVITE"))
    caller.join(10)
    b.expect("ACK")


def call_in_vain(a, number):
    with contextlib.suppress(Missing, OSError):
        a.call(number)


class Kill(unittest.TestCase):
    def test_while_a_reinvite_is_on_its_way(self):
        """PROTOCOL 4.1: B refuses it after the restart. A hears of that, B gets its ACK, and the call goes on."""
        with Scene(letters="") as scene, Peer("1001", scene.password("1001"), scene.exchange, "127.0.0.11") as a, \
                Peer("1002", scene.password("1002"), scene.exchange, "127.0.0.12") as b:
            talk(a, b)
            a.within("INVITE")
            invite = b.expect("INVITE")
            scene.exchange.kill()
            scene.exchange.start()
            b.answer(invite, "488 Not Acceptable Here")
            self.assertEqual(int(a.expect("INVITE", 488).cseq), a.cseq)
            a.within("ACK", a.cseq)
            self.assertEqual(b.expect("ACK").cseq, invite.cseq)
            a.within("BYE")
            b.answer(b.expect("BYE"), "200 OK")
            a.expect("BYE", 200)

    def test_a_call_is_on_record_before_it_is_sent_on(self):
        """Killed in the moment before B's INVITE leaves: after the restart the attempt is known, so it will have its record."""
        with Scene(letters="", die_before="INVITE sip:1002") as scene, \
                Peer("1001", scene.password("1001"), scene.exchange, "127.0.0.11") as a, \
                Peer("1002", scene.password("1002"), scene.exchange, "127.0.0.12") as b:
            a.register()
            b.register()
            threading.Thread(target=lambda: call_in_vain(a, b.number), daemon=True).start()
            scene.exchange.wait_for_death()
            scene.exchange.start()
            self.assertEqual([(c["caller"], c["callee"]) for c in scene.exchange.ask("calls")["calls"]], [("1001", "1002")])

    def test_after_the_exchange_has_spoken(self):
        """PROTOCOL 4.3: A refuses the REFER, so the exchange itself sends B a NOTIFY, in A's place. Killed and restarted, it
        lets A's BYE reach B with a CSeq above that NOTIFY's."""
        with Scene(letters="") as scene, Peer("1001", scene.password("1001"), scene.exchange, "127.0.0.11") as a, \
                Peer("1002", scene.password("1002"), scene.exchange, "127.0.0.12") as b:
            talk(a, b)
            b.within("REFER", rows=["Refer-To: <sip:1003@%s>" % scene.exchange.ip])
            b.expect("REFER", 202)
            a.answer(a.expect("REFER"), "480 Temporarily Unavailable")
            notify = b.expect("NOTIFY")
            self.assertIn("SIP/2.0 480", notify.text)
            self.assertIn("terminated", notify.header("subscription-state"))
            scene.exchange.kill()
            scene.exchange.start()
            self.assertEqual(len(scene.exchange.ask("bindings")["bindings"]), 2)
            again = b.expect("NOTIFY")   # nobody has confirmed the first
            self.assertGreater(int(again.cseq), int(notify.cseq))
            b.answer(again, "200 OK")
            a.within("BYE")
            bye = b.expect("BYE")
            self.assertGreater(int(bye.cseq), int(again.cseq))
            b.answer(bye, "200 OK")
            self.assertEqual(int(a.expect("BYE", 200).cseq), a.cseq)
            wait_until(lambda: ended_calls(scene.exchange) == [("1001", "1002", 200, "caller")], 10, "the call's record")


def add(last):
    def test(self):
        play(last)
    setattr(Kill, "test_after_F%02d" % last, test)


for n in range(8, 25):
    add(n)

if __name__ == "__main__":
    begin(root=True)
    unittest.main(verbosity=2)
