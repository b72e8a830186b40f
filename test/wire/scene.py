"""An exchange and three phones, each with a tone of its own; the moves of the blind transfer, one by one."""
import os
import shutil
import tempfile

from exchange import Exchange, strowger
from phone import Phone
from program import Missing

PEOPLE = {"A": ("Alice", "1001", "127.0.0.11", 440), "B": ("Bob", "1002", "127.0.0.12", 554), "C": ("Carol", "1003", "127.0.0.13", 659)}
EXCHANGE = "127.0.0.10"
LETTER = {EXCHANGE: "P", **{ip: letter for letter, (_, _, ip, _) in PEOPLE.items()}}


class Scene:
    """Use as a context. `options`: by letter, more arguments for that phone. `letters`: who of the three is a phone of ours."""

    def __init__(self, options=None, letters="ABC", exchange_options=(), **exchange):
        self.folder = tempfile.mkdtemp(prefix="strowger-wire-")
        self.exchange = Exchange(address=EXCHANGE, data=os.path.join(self.folder, "data"), options=exchange_options,
                                 log=os.path.join(self.folder, "exchange.log"), **exchange)
        os.mkdir(self.exchange.data, 0o700)
        self.phones = {}
        for letter, (name, number, ip, hz) in PEOPLE.items():
            self.exchange.user(number, self.password(number), name)
            if letter in letters:
                self.phones[letter] = Phone(name, number, self.password(number), self.exchange.where, ip, tone=hz,
                                            options=(options or {}).get(letter, ()), log=self.path(name.lower() + ".log"))

    @staticmethod
    def password(number):
        return "secret-" + number

    def path(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        try:
            self.exchange.start()
            for phone in self.phones.values():
                phone.start()
            for phone in self.phones.values():
                phone.registered()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            for phone in self.phones.values():
                phone.quit()
        finally:
            try:
                self.exchange.stop()
            finally:
                shutil.rmtree(self.folder, ignore_errors=True)

    def __getitem__(self, letter):
        return self.phones[letter]

    # ---- moves ----

    def answer(self, caller, callee):
        """It rings at the callee, who answers; both have the call: its numbers at both ends."""
        rings = self[callee].wait("incoming")
        self[callee].say("answer")
        calls = {callee: rings["call"], caller: self[caller].wait("answered")["call"]}
        for letter, number in calls.items():
            self[letter].wait("confirmed", call=number)
        return calls

    def hear(self, calls):
        """Both ends of a call hear each other's tone."""
        for letter, number in calls.items():
            (other,) = set(calls) - {letter}
            self[letter].hears(self[other], call=number)

    def talk(self):
        """F1 to F8: A calls B; both hear each other."""
        self["A"].say("call " + self["B"].user)
        calls = self.answer("A", "B")
        self.hear(calls)
        return calls

    def transfer(self, calls):
        """F9 to F24: B transfers A to C and leaves; A and C hear each other."""
        self["B"].say("transfer " + self["C"].user)
        self["B"].wait("transfer-accepted", call=calls["B"])
        self["B"].wait("ended", call=calls["B"], why="hung-up")
        self["A"].wait("ended", call=calls["A"], why="far-hung-up")
        calls = self.answer("A", "C")
        self.hear(calls)
        return calls

    def hang_up(self, letter, calls):
        (other,) = set(calls) - {letter}
        self[letter].say("hangup %d" % calls[letter])
        self[letter].wait("ended", call=calls[letter], why="hung-up")
        self[other].wait("ended", call=calls[other], why="far-hung-up")

    # ---- judging ----

    def check(self, flow="blind-transfer", source=None):
        """`strowger flow --check`, by the exchange's own trace or by a capture: raises what it complains of."""
        words = [source] if source else ["--live", "--data", self.exchange.data]
        done = strowger("flow", *words, "--check", flow)
        if done.returncode:
            raise Missing("%s: %s%s" % (flow, done.stdout, done.stderr))
        return done.stdout
