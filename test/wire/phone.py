"""`strowger phone --json` as a process: told what to do by lines, asked for events by name."""
import json
import subprocess

from exchange import BINARY
from program import Missing, Program


class Phone(Program):
    """One phone on a loopback address of its own. Each event is given out once, in order of arrival."""

    def __init__(self, name, user, password, server, bind, tone=0, options=(), log=None):
        argv = [BINARY, "phone", "--json", "--user", user, "--password", password, "--name", name, "--server", server, "--bind",
                bind] + (["--tone", str(tone)] if tone else []) + list(options)
        super().__init__("%s (%s)" % (name, user), argv, log=log)
        self.who = name
        self.user = user
        self.tone = tone
        self.events = []
        self.given = set()

    def take(self, line):
        super().take(line)
        try:
            self.events.append(json.loads(line))
        except ValueError:
            self.events.append({"event": "not-json", "text": line})

    def came(self):
        seen = [event_text(e) for e in self.events[-6:]]
        return "it told: " + ("; ".join(seen) or "nothing")

    def wait(self, name, timeout_s=10, **fields):
        """The next event of that name with these fields that was not given out yet."""
        def find():
            for i, e in enumerate(self.events):
                if i not in self.given and e["event"] == name and all(e.get(k) == v for k, v in fields.items()):
                    self.given.add(i)
                    return e
            return None
        more = "".join(" %s=%s" % item for item in fields.items())
        return self.find(find, timeout_s, "event '%s%s'" % (name, more))

    def forget(self):
        """What it has told so far is not asked for any more."""
        with self.heard:
            self.events, self.given = [], set()

    def has(self, name, **fields):
        with self.heard:
            return [e for e in self.events if e["event"] == name and all(e.get(k) == v for k, v in fields.items())]

    def registered(self, timeout_s=10):
        return self.wait("registered", timeout_s)

    def hears(self, other, call, timeout_s=10):
        """Waits until it hears the tone that `other` says, in that call; a busy machine may bend it by 3 %."""
        def find():
            for e in self.events:
                if e["event"] == "hears" and e["call"] == call and abs(e["hz"] - other.tone) <= 0.03 * other.tone:
                    return e
            return None
        return self.find(find, timeout_s, "%d Hz from %s in call %d" % (other.tone, other.who, call))

    def quit(self):
        """Hangs up, unregisters, leaves; by force where that takes too long."""
        if not self.process:
            return
        try:
            self.say("quit")
            self.wait("bye", 5)
            self.process.wait(10)   # it ends by itself: a signal has no business there
        except (Missing, subprocess.TimeoutExpired):
            pass
        self.stop(5)


def event_text(e):
    rest = ["%s=%s" % (k, v) for k, v in e.items() if k not in ("event", "t")]
    return " ".join([e["event"]] + rest)
