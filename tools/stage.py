"""What the demo's scenes are played on: an exchange, three phones, a measured ear for each, a judge at the end."""
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "test", "wire"))
from capture import Tcpdump, can_capture  # noqa: E402
from exchange import BINARY, Exchange, strowger  # noqa: E402
from phone import Phone  # noqa: E402
from program import Missing, wait_until  # noqa: E402

SERVER = "127.0.0.10"
PEOPLE = [("A", "Alice", "1001", "127.0.0.11", 440), ("B", "Bob", "1002", "127.0.0.12", 554), ("C", "Carol", "1003", "127.0.0.13", 659)]
SETTLE_S = 3        # what was said last is in the exchange's record by then
SILENT_S = 0.8      # so long nothing must be heard of somebody who is on hold


class Failed(Exception):
    pass


class Stage:
    """begin(), then the scene, then judge(); end() in any case."""

    def __init__(self, scene, options, folder=None):
        self.scene = scene
        self.options = options
        self.out = sys.stderr if options.json else sys.stdout
        self.kept = folder
        self.folder = folder or tempfile.mkdtemp(prefix="strowger-demo-")
        self.steps = {"met": [], "excused": []}
        self.audio = {pair: False for pair in scene.pairs}
        self.heard = set()
        self.phones = {}
        self.exchange = None
        self.capture = None
        self.began = time.monotonic()

    def tell(self, text=""):
        print(text, file=self.out, flush=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def phone(self, letter):
        return self.phones[letter]

    # ---- beginning and end ----

    def begin(self):
        os.makedirs(self.path("logs"), exist_ok=True)
        os.makedirs(self.path("data"), mode=0o700, exist_ok=True)
        workers = self.options.workers or os.cpu_count() or 1
        self.exchange = Exchange(address=SERVER, workers=workers, data=self.path("data"), log=self.path("logs", "exchange.log"))
        passwords = {}
        for _, name, number, _, _ in PEOPLE:
            passwords[number] = os.urandom(12).hex()
            self.exchange.user(number, passwords[number], name)
        if self.kept and can_capture():
            self.capture = Tcpdump(self.path("capture.pcap"), self.exchange.address, [ip for _, _, _, ip, _ in PEOPLE],
                                   log=self.path("logs", "tcpdump.log"))
            self.capture.start()
        self.exchange.start()
        self.tell("The exchange listens on %s (UDP, TCP) with %d worker%s; its data: %s"
                  % (self.exchange.where, workers, "" if workers == 1 else "s", self.exchange.data))
        for letter, name, number, ip, hz in PEOPLE:
            phone = Phone(name, number, passwords[number], self.exchange.where, ip, tone=hz,
                          log=self.path("logs", name.lower() + ".log"))
            self.phones[letter] = phone
            phone.start()
        for phone in self.phones.values():
            phone.registered()
        self.tell("Registered, with passwords: "
                  + ", ".join("%s is %s and says %d Hz" % (p.who, p.user, p.tone) for p in self.phones.values()) + "\n")

    def end(self):
        faults = []
        for phone in self.phones.values():
            try:
                phone.quit()
            except Missing as e:
                faults.append(str(e))
        for other in (self.exchange, self.capture):
            try:
                if other:
                    other.stop()
            except (Missing, RuntimeError) as e:
                faults.append(str(e))
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)
        for fault in faults:
            self.tell(fault)
        return not faults

    # ---- moves ----

    def do(self, letter, command, words):
        self.tell(words)
        self.phone(letter).say(command)

    def set(self, letter, command, words):
        """A setting of a phone, which counts when this returns."""
        self.do(letter, command, words)
        self.phone(letter).wait("settings")

    def dial(self, caller, callee):
        self.do(caller, "call " + self.phone(callee).user, "%s calls %s" % (self.phone(caller).who, self.phone(callee).who))

    def ring(self, callee):
        number = self.phone(callee).wait("incoming")["call"]
        self.tell("  %s's phone rings" % self.phone(callee).who)
        return number

    def answer(self, caller, callee, words=None):
        """The call that rings is answered; its numbers at both ends."""
        far, near = self.phone(callee), self.phone(caller)
        self.do(callee, "answer", words or "  %s answers" % far.who)
        calls = {callee: far.wait("answered")["call"], caller: near.wait("answered")["call"]}
        for letter, number in calls.items():
            self.phone(letter).wait("confirmed", call=number)
        return calls

    def call(self, caller, callee):
        self.dial(caller, callee)
        self.ring(callee)
        return self.answer(caller, callee)

    def record(self, letter, other):
        if self.kept:
            phone = self.phone(letter)
            phone.say("record " + self.path("%s-heard-%s.wav" % (phone.who.lower(), self.phone(other).who.lower())))

    def listen(self, calls):
        """Both say their tones; each must hear the other's."""
        one, other = sorted(calls)
        for letter, far in ((one, other), (other, one)):
            self.record(letter, far)
        for letter, far in ((one, other), (other, one)):
            self.hears(letter, far, calls[letter])
        self.audio["%s-%s" % (one, other)] = True

    def listen_to_all(self, calls):
        """Those who have no call with each other hear each other, each in his own."""
        for letter, far in itertools.permutations(sorted(calls), 2):
            self.record(letter, far)
            self.hears(letter, far, calls[letter])
            self.audio["-".join(sorted((letter, far)))] = True

    def hears(self, letter, far, call):
        e = self.phone(letter).hears(self.phone(far), call=call)
        if (letter, far) not in self.heard:
            self.tell("  %s hears %s: %d Hz" % (self.phone(letter).who, self.phone(far).who, e["hz"]))
        self.heard.add((letter, far))

    @contextlib.contextmanager
    def pitch(self, letters, more_hz):
        """Within it these say another tone in their current call: one that was not heard there before."""
        for letter in letters:
            phone = self.phone(letter)
            phone.tone += more_hz
            phone.say("tone %d" % phone.tone)
        yield
        for letter in letters:
            phone = self.phone(letter)
            phone.tone -= more_hz
            phone.say("tone %d" % phone.tone)

    def silence(self, holder, held, calls):
        """Nothing is heard of who has put the other on hold."""
        phone, ear = self.phone(holder), self.phone(held)
        with self.pitch([holder], 150):
            try:
                ear.hears(phone, call=calls[held], timeout_s=SILENT_S)
            except Missing:
                self.tell("  %s hears nothing" % ear.who)
            else:
                raise Failed("%s hears %s, though on hold" % (ear.who, phone.who))

    def listen_again(self, calls):
        """After a silence: both are heard anew."""
        with self.pitch(sorted(calls), 70):
            self.listen(calls)
        self.tell("  and they hear each other again")

    def hang_up(self, letter, calls):
        """Of what may be several calls this one."""
        (other,) = set(calls) - {letter}
        self.do(letter, "hangup %d" % calls[letter], "%s hangs up" % self.phone(letter).who)
        for end in (letter, other):
            self.phone(end).wait("ended", call=calls[end])

    # ---- what it was ----

    def flow(self, *words):
        return strowger("flow", "--live", "--data", self.exchange.data, *words)

    def draw(self):
        """The ladder and the judgement on it, straight to whoever looks on: colours and width are his."""
        self.tell()
        subprocess.run([BINARY, "flow", "--live", "--data", self.exchange.data, "--check", self.scene.flow], stdout=self.out,
                       stderr=self.out, stdin=subprocess.DEVNULL, timeout=60, check=False)
        self.tell()

    def check(self):
        read = self.flow("--check", self.scene.flow, "--format", "json")
        try:
            return json.loads(read.stdout)["check"]
        except (ValueError, KeyError) as e:
            raise Failed("the ladder cannot be read: %s" % (read.stderr.strip() or e)) from e

    def judge(self):
        """Whether the flow is met, and its numbered steps: those that are met, and those that lawfully did not come."""
        try:
            wait_until(lambda: self.check()["met"], SETTLE_S, "the flow is met")
        except Missing:
            pass
        check = self.check()
        self.draw()
        numbered = [step for step in check["steps"] if step["f"]]
        for state in ("met", "excused"):
            self.steps[state] = [{key: step[key] for key in ("f", "from", "to", "message")}
                                 for step in numbered if step["state"] == state]
        return check["met"] and len(self.steps["met"]) + len(self.steps["excused"]) == len(numbered)

    def save_capture(self):
        if not self.kept:
            return
        if self.capture:
            self.capture.flush()
        else:
            done = self.flow("--pcap", self.path("capture.pcap"))
            if done.returncode:
                raise Failed("the capture cannot be written: " + done.stderr.strip())

    def summary(self, met, seconds):
        """In words; whether all was heard that the scene asks for."""
        silent = ["%s does not hear %s" % (self.phone(x).who, self.phone(y).who) for pair in self.scene.pairs
                  for x, y in (pair.split("-"), pair.split("-")[::-1]) if (x, y) not in self.heard]
        excused = len(self.steps["excused"])
        how = "all %d steps" % len(self.steps["met"]) + (", and %d that need not come" % excused if excused else "")
        self.tell("Flow:  %s, %s" % (self.scene.flow, "met: " + how if met else "NOT met"))
        self.tell("Sound: %s" % ("; ".join(silent) or ("everybody heard the other" if self.scene.pairs else "none is due")))
        self.tell("Time:  %.1f s" % seconds)
        if self.kept:
            self.tell("Kept:  %s (capture.pcap, *.wav, data/, logs/)" % self.folder)
        return not silent

    # ---- staying ----

    def stay(self):
        names = [p.who.lower() for p in self.phones.values()]
        data = self.exchange.data
        self.tell("\nEverything stays up. Type what a phone shall do, or look at it from another terminal:\n\n"
                  "  alice call 1003            carol answer            alice hold            alice hangup\n\n"
                  "  %s calls --data %s\n  %s explain 1001 1003 --data %s\n  %s flow --live --data %s\n"
                  "  %s phone --user 1001 ... --server %s   (first: strowger user set 1001 --password ...)\n\n"
                  "Ctrl-C or quit ends it." % (BINARY, data, BINARY, data, BINARY, data, BINARY, self.exchange.where))
        seen = {letter: len(p.events) for letter, p in self.phones.items()}
        sources = [sys.stdin]
        while self.exchange.program.runs():
            ready, _, _ = select.select(sources, [], [], 0.2)
            line = sys.stdin.readline() if ready else None
            if line == "":
                sources = []     # no more input: until a signal comes
            elif line and line.strip() in ("quit", "exit"):
                return
            elif line and line.strip():
                name, _, command = line.strip().partition(" ")
                if name.lower() in names:
                    list(self.phones.values())[names.index(name.lower())].say(command)
                else:
                    self.tell("say alice, bob or carol first, such as: alice call 1003")
            for letter, p in self.phones.items():
                for e in p.events[seen[letter]:]:
                    self.tell("  %s: %s" % (p.who, " ".join([e["event"]] + ["%s=%s" % (k, v) for k, v in e.items()
                                                                         if k in ("from", "to", "hz", "why", "code", "text")])))
                seen[letter] = len(p.events)
        self.tell("the exchange has ended")
