"""Phones as players of a call flow: our own, baresip, linphone, SIPp, each with the same few moves, in the words of the guide. A
move returns when that phone shows that it is done; where a phone cannot make a move, its class does not have it."""
from baresip import Baresip
from exchange import free_port
from linphone import INCOMING, Linphone
from scene import PEOPLE
from sipp import Sipp, run


class Ours:
    """Our phone. `last` is the number of the call that is meant."""
    kind = "strowger"

    def __init__(self, phone):
        self.phone = phone
        self.tone, self.who = phone.tone, phone.who
        self.last = 0

    @staticmethod
    def address(number):
        """How others name to it whom it shall call."""
        return number

    def call(self, number):
        self.phone.say("call " + number)
        self.last = self.phone.wait("calling")["call"]

    def rings(self):
        self.last = self.phone.wait("incoming")["call"]

    def accept(self):
        self.phone.say("answer")
        self.phone.wait("confirmed", call=self.last)

    def answer(self):
        self.rings()
        self.accept()

    holds_by_itself = True      # the call that talks, before another is accepted; and accepts when that is done

    def talks(self):
        self.phone.wait("confirmed", call=self.last)

    def set(self, setting):
        self.phone.say(setting)
        self.phone.wait("settings")

    def set_busy(self):
        self.set("dnd on")

    def refuses(self):
        """It has said so itself: nothing is to be done."""

    def refused(self, code=486):
        self.phone.wait("ended", call=self.last, code=code)

    def hears_ringing(self):
        self.phone.wait("ringing", call=self.last)

    def hold(self):
        self.phone.say("hold")
        self.phone.wait("on-hold", call=self.last)

    def resume(self):
        self.phone.say("resume")
        self.phone.wait("off-hold", call=self.last)

    def held(self):
        self.phone.wait("held")

    def resumed(self):
        self.phone.wait("resumed")

    def transfer(self, number):
        self.phone.say("transfer " + number)
        self.phone.wait("transfer-accepted", call=self.last)

    def transferred(self):
        self.last = self.phone.wait("transfer-asked")["new_call"]

    def attend(self, number):
        self.phone.say("attend " + number)
        self.last = self.phone.wait("calling")["call"]

    def complete(self):
        self.phone.say("complete")
        self.phone.wait("transfer-accepted")

    def conference(self):
        self.phone.say("conference")
        self.phone.wait("off-hold")

    def replaced(self):
        """Its call is another's now."""
        fresh = self.phone.wait("incoming", replaces=True)["call"]
        self.phone.wait("ended", call=self.last, why="replaced")
        self.last = fresh

    def forward(self, why, number):
        if why == "busy":
            self.set_busy()
        self.set("forward %s%s %s" % (why, " 1" if why == "noanswer" else "", number))

    def forwards(self):
        self.phone.wait("forwarded")

    def redirected(self):
        self.last = self.phone.wait("redirected")["new_call"]

    def gone(self):
        self.phone.wait("ended", call=self.last)

    def free(self):
        """All its calls have ended."""
        self.phone.find(lambda: len(self.phone.has("ended")) == len(self.phone.has("calling")) + len(self.phone.has("incoming")),
                        10, "the end of all its calls")

    def hears(self, other):
        self.phone.hears(other, self.last)

    def hang_up(self):
        self.phone.say("hangup %d" % self.last)

    def hang_up_all(self):
        for e in self.phone.has("calling") + self.phone.has("incoming"):
            if not self.phone.has("ended", call=e["call"]):
                self.phone.say("hangup %d" % e["call"])


class BaresipRole(Baresip):
    kind = "baresip"

    def __init__(self, person, scene, transport="udp"):
        name, number, ip, hz = person
        self.transport = transport
        self.recorder_ended = False
        super().__init__(name, number, scene.password(number), scene.exchange.where, ip, hz, scene.folder, transport)

    def address(self, number):
        """It follows a Refer-To by its transport, and over TCP it always speaks from 127.0.0.1: a transfer that led it from
        TCP to UDP would look like one by somebody else."""
        return number if self.transport == "udp" else self.uri(number) + ";transport=" + self.transport

    def rings(self):
        self.wait("CALL_INCOMING")

    holds_by_itself = False     # it would, but not wait until that is done

    def hold_first(self):
        self.command("line", "1")
        self.hold()
        self.command("line", "2")

    def talks(self):
        self.wait("CALL_ESTABLISHED")

    def set_busy(self):
        """It rings, and is refused by hand."""

    def refuses(self):
        self.rings()
        self.hang_up()

    def refused(self):
        self.wait("CALL_CLOSED")

    def hears_ringing(self):
        self.wait("CALL_RINGING")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def held(self):
        """It does not say so: the judge sees it take the hold."""
        self.recorder_ended = True

    def resumed(self):
        """Neither does it say that."""

    def hears(self, other, timeout_s=10):
        """Its recorder ends with a re-INVITE of others: what it hears after that is not measured."""
        if not self.recorder_ended:
            super().hears(other, timeout_s)

    def transferred(self):
        self.wait("TRANSFER")

    def replaced(self):
        """It does not know Replaces: the exchange gives its call another end."""

    def redirected(self):
        """It calls again by itself, and says nothing of it."""

    def gone(self):
        self.wait("CALL_CLOSED", 20)

    free = gone

    def hang_up_all(self):
        self.hang_up()


class LinphoneRole(Linphone):
    kind = "linphone"

    def __init__(self, person, scene, transport="udp"):
        assert transport == "udp"
        name, number, ip, hz = person
        super().__init__(name, number, scene.password(number), scene.exchange.where, ip, hz, scene.folder)
        self.last = "1"

    address = staticmethod(Ours.address)

    def call(self, number):
        self.say("call " + self.uri(number))
        self.last = self.line(r"Establishing call id to .*, assigned id (\d+)")[1]

    def rings(self):
        self.last = self.line(INCOMING)[1]

    def talks(self):
        self.line("Call %s with .* connected" % self.last)

    def accept(self):
        self.say("answer " + self.last)
        self.talks()

    def answer(self):
        self.rings()
        self.accept()

    holds_by_itself = False     # it would, but not wait until that is done

    def hold_first(self):
        self.say("pause 1")
        self.line("Call 1 with .* is now paused")

    def set_busy(self):
        """It rings, and is refused by hand."""

    def refuses(self):
        self.rings()
        self.hang_up()

    def refused(self):
        self.line("Call %s with .* (ended|error)" % self.last)

    def hears_ringing(self):
        self.line("Call %s to .* ringing" % self.last)

    def hold(self):
        self.say("pause " + self.last)
        self.line("Call %s with .* is now paused" % self.last)

    def resume(self):
        self.say("resume " + self.last)
        self.line("Resuming call " + self.last)

    def held(self):
        self.line("has been paused by")

    def resumed(self):
        self.line("connected|streams established")

    def transfer(self, number):
        self.say("transfer %s %s" % (self.last, self.uri(number)))

    def transferred(self):
        self.last = self.line(r"Call (\d+) to .* in progress")[1]

    def attend(self, number):
        self.first = self.last
        self.hold()
        self.call(number)

    def complete(self):
        self.say("transfer %s --to-call %s" % (self.first, self.last))

    def conference(self):
        for number in (self.first, self.last):
            self.say("conference add " + number)

    def replaced(self):
        self.line("connected")

    def forward(self, why, number):
        self.target = number

    def forwards(self):
        self.rings()
        self.say("redirect %s %s" % (self.last, self.uri(self.target)))

    def redirected(self):
        """It calls again by itself."""

    def gone(self):
        self.line("Call .* ended", 20)

    free = gone

    def hang_up(self):
        self.say("terminate " + self.last)

    def hang_up_all(self):
        self.say("terminate all")


class SippRole:
    """A phone that forwards each call without ringing, once."""
    kind = "sipp"

    def __init__(self, person, scene, transport="udp"):
        assert transport == "udp"
        self.name = "SIPp as %s (%s)" % person[:2]
        self.scene, self.ip, self.port = scene, person[2], free_port(person[2])
        self.letter = next(letter for letter, other in PEOPLE.items() if other == person)
        self.sipp = None

    def __enter__(self):
        run(self.scene, "register", self.letter, self.port, 1)
        return self

    def __exit__(self, *_):
        if self.sipp:
            self.sipp.__exit__()

    def forward(self, why, number):
        assert why == "always"
        self.sipp = Sipp(self.scene, "forward", self.letter, self.port, 1, other=number)
        self.sipp.__enter__()

    def forwards(self):
        self.sipp.finish()
