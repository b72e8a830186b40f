#!/usr/bin/env python3
"""The fall-back transfer again and again, on real sockets with sound: A refuses the REFER in each way, so the exchange connects it
with C itself (PROTOCOL section 6). Several at once; a table at the end; exit status 1 when one has failed.

    transfers.py [--each N] [--at-once N]      N of each refusal and kind (default 17, so that there are over 100 of each kind)

Each is one of these, in turn: plain; A was on hold; B hangs up 300 ms after its 202; C rings for 40 s (attended: B asks for the
transfer while C still rings). The last is left out where N is below 4."""
import argparse
import os
import queue
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import Exchange  # noqa: E402
from phone import Phone  # noqa: E402
from program import Missing, wait_until  # noqa: E402

REFUSALS = ["405", "420", "481", "501", "603", "silent"]
KINDS = ["blind", "attended"]
PLAIN, HELD, LATE_BYE, RINGS = "plain", "on hold", "BYE after 300 ms", "rings 40 s"
RINGBACK_HZ = 425
LEAVE_MS = 300
RING_S = 40
PATIENCE_S = 25                         # a busy machine
TONES = {"A": 440, "B": 554, "C": 659}


def variants(n, first):
    """What the n transfers of one lane are, beginning with the `first`; those with another B stand together."""
    turn = [PLAIN, HELD, LATE_BYE]
    kinds = [turn[(first + i) % len(turn)] for i in range(n)]
    if n >= 4:
        kinds[3] = RINGS                # that long once is enough
    return sorted(kinds, key=[PLAIN, HELD, RINGS, LATE_BYE].index)


class Done:
    """How one went."""

    def __init__(self, refusal, kind, variant):
        self.refusal, self.kind, self.variant = refusal, kind, variant
        self.ringback = False
        self.talk_s = None              # from C's answer (attended: from B's wish) to both hearing each other
        self.why = None                 # it failed


class Lane:
    """Three phones of their own at addresses of their own: A refuses in that way."""

    def __init__(self, exchange, number, refusal):
        self.exchange = exchange
        self.number = number
        self.refusal = refusal
        self.phones = {}
        self.leave_ms = 0

    def user(self, letter):
        return "%d%d" % (100 + self.number, "ABC".index(letter))

    def add_users(self):
        for letter in "ABC":
            self.exchange.user(self.user(letter), "secret-" + self.user(letter), letter)

    def start(self, letter, options):
        phone = Phone(letter, self.user(letter), "secret-" + self.user(letter), self.exchange.where,
                      "127.1.%d.%d" % (self.number + 1, "ABC".index(letter) + 1), tone=TONES[letter],
                      options=["--codecs", "pcma"] + options)
        self.phones[letter] = phone
        phone.start()
        phone.registered(PATIENCE_S)

    def open(self):
        self.start("A", ["--refuse-refer", self.refusal])
        self.start("B", ["--leave-after", str(self.leave_ms)] if self.leave_ms else [])
        self.start("C", [])

    def close(self):
        for phone in self.phones.values():
            phone.quit()
        self.phones = {}

    def must_leave_after(self, ms):
        if self.leave_ms != ms and self.phones:
            self.close()
        self.leave_ms = ms

    # ---- one transfer ----

    def up(self, caller, callee):
        """It rings at the callee, who answers: the call's numbers there."""
        calls = {caller: self.phones[caller].wait("calling", PATIENCE_S)["call"],
                 callee: self.phones[callee].wait("incoming", PATIENCE_S)["call"]}
        self.phones[callee].say("answer %d" % calls[callee])
        self.phones[caller].wait("answered", PATIENCE_S, call=calls[caller])
        self.hear(calls)
        return calls

    def hear(self, calls):
        for letter, number in calls.items():
            (other,) = set(calls) - {letter}
            self.phones[letter].hears(self.phones[other], number, PATIENCE_S)

    def hears_ringback(self, call):
        a = self.phones["A"]
        a.find(lambda: [e for e in a.events if e["event"] == "hears" and e["call"] == call and abs(e["hz"] - RINGBACK_HZ) < 20],
               PATIENCE_S, "the exchange's ringback in call %d" % call)
        return True

    def ask(self, done):
        """B asks for the transfer. Where C rings then: the number of that call, which is not answered yet."""
        b, c = self.phones["B"], self.phones["C"]
        if done.kind == "blind":
            b.say("transfer " + c.user)
            return c.wait("incoming", PATIENCE_S)["call"]
        b.say("attend " + c.user)
        if done.variant == RINGS:
            first = c.wait("incoming", PATIENCE_S)["call"]
            b.wait("ringing", PATIENCE_S, call=b.wait("calling", PATIENCE_S)["call"])
            b.say("complete")
            rings = c.wait("incoming", PATIENCE_S)["call"]
            c.wait("ended", PATIENCE_S, call=first)
            return rings
        self.up("B", "C")
        b.say("complete")
        return None

    def finish(self, done, call, rings):
        """A and C talk."""
        c = self.phones["C"]
        began = time.monotonic()
        if rings is None:               # C's phone puts the new call in the old one's place by itself
            rings = c.wait("incoming", PATIENCE_S)["call"]
        else:
            done.ringback = self.hears_ringback(call)
            if done.variant == RINGS:
                time.sleep(RING_S)      # a person's time, not a program's
            began = time.monotonic()
            c.say("answer %d" % rings)
        self.hear({"A": call, "C": rings})
        done.talk_s = time.monotonic() - began
        return {"A": call, "C": rings}

    def transfer(self, done, end):
        a, b = self.phones["A"], self.phones["B"]
        for phone in self.phones.values():
            phone.forget()              # calls have the numbers of calls before
        a.say("call " + b.user)
        calls = self.up("A", "B")
        if done.variant == HELD:
            b.say("hold")
            b.wait("on-hold", PATIENCE_S, call=calls["B"])
        rings = self.ask(done)
        b.wait("transfer-accepted", PATIENCE_S, call=calls["B"])
        new = self.finish(done, calls["A"], rings)
        b.wait("ended", PATIENCE_S, call=calls["B"], why="hung-up")
        b.wait("transfer-result", PATIENCE_S, call=calls["B"], ok=True)
        (other,) = set(new) - {end}
        self.phones[end].say("hangup %d" % new[end])
        self.phones[end].wait("ended", PATIENCE_S, call=new[end])
        self.phones[other].wait("ended", PATIENCE_S, call=new[other], why="far-hung-up")

    def play(self, done, n):
        try:
            self.must_leave_after(LEAVE_MS if done.variant == LATE_BYE else 0)
            if not self.phones:
                self.open()
            self.transfer(done, "AC"[n % 2])
        except Missing as e:
            done.why = str(e)
            self.close()                # the next begins with fresh phones


def lane_works(lane, kind, n, out):
    try:
        for i, variant in enumerate(variants(n, lane.number)):
            done = Done(lane.refusal, kind, variant)
            lane.play(done, i)
            out.append(done)
    finally:
        lane.close()


def listed(exchange):
    answer = exchange.ask("calls")
    if "calls" not in answer:
        raise Missing("`strowger calls` says: %s" % answer)
    return answer["calls"]


def play(each, at_once):
    """`each` transfers of every refusal and kind, so many lanes at once: how they went, and what is wrong with the exchange then."""
    folder = tempfile.mkdtemp(prefix="strowger-wire-")
    all_done, work, left = [], queue.Queue(), []

    def worker():
        while True:
            try:
                lane, kind = work.get_nowait()
            except queue.Empty:
                return
            lane_works(lane, kind, each, all_done)

    try:
        with Exchange(data=folder, workers=2) as exchange:
            for number, (kind, refusal) in enumerate((k, r) for k in KINDS for r in REFUSALS):
                lane = Lane(exchange, number, refusal)
                lane.add_users()
                work.put((lane, kind))
            threads = [threading.Thread(target=worker) for _ in range(at_once)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            try:
                wait_until(lambda: not listed(exchange), 10, "the last call's end")
            except Missing as e:
                left.append("%s; exchange: %s" % (e, exchange.program.came()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return all_done, left


def row(cells):
    return "%-18s %-10s %10s %10s %10s" % cells


def table(all_done, by):
    """By refusal, or by variant."""
    rows = [row((by, "kind", "talk", "ringback", "worst, s"))]
    for kind in KINDS:
        for name in sorted({getattr(d, by) for d in all_done}):
            mine = [d for d in all_done if d.kind == kind and getattr(d, by) == name]
            good = [d for d in mine if not d.why]
            waits = [d for d in mine if kind == "blind" or d.variant == RINGS]   # else C's phone answers at once
            if mine:
                rows.append(row((name, kind, "%d of %d" % (len(good), len(mine)),
                                 "%d of %d" % (sum(d.ringback for d in waits), len(waits)) if waits else "-",
                                 "%.1f" % max(d.talk_s for d in good) if good else "-")))
    return rows


def failures(all_done, left):
    bad = ["%s, %s, %s: %s" % (d.kind, d.refusal, d.variant, d.why) for d in all_done if d.why]
    return bad + left


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--each", type=int, default=17)
    parser.add_argument("--at-once", type=int, default=6)
    o = parser.parse_args()
    begin()
    began = time.monotonic()
    all_done, left = play(o.each, o.at_once)
    print("\n".join(table(all_done, "refusal") + [""] + table(all_done, "variant")))
    for text in failures(all_done, left):
        print("FAILED: " + text)
    for kind in KINDS:
        mine = [d for d in all_done if d.kind == kind]
        print("%s: %d of %d end with the two talking" % (kind, sum(not d.why for d in mine), len(mine)))
    print("%d s" % (time.monotonic() - began))
    return 1 if failures(all_done, left) or len(all_done) != o.each * len(REFUSALS) * len(KINDS) else 0


if __name__ == "__main__":
    sys.exit(main())
