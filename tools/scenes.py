"""The scenes of the demo: the guide's eleven call flows, one function each. A scene gets the Stage (stage.py), on which the
exchange and the phones A, B and C are up, and plays from the first call to the last hang-up."""
from collections import namedtuple


def setup(s):
    talk = s.call("A", "B")
    s.listen(talk)
    s.hang_up("B", talk)


def busy(s):
    s.set("B", "dnd on", "Bob does not want to be disturbed")
    s.dial("A", "B")
    s.phone("A").wait("ended", code=486)
    s.tell("  he is busy")


def no_answer(s):
    s.dial("A", "B")
    rings = s.ring("B")
    calls = {"A": s.phone("A").wait("ringing")["call"], "B": rings}
    s.hang_up("A", calls)
    s.tell("  nobody has answered")


def hold(s):
    talk = s.call("A", "B")
    s.listen(talk)
    s.do("A", "hold", "Alice puts Bob on hold")
    s.phone("A").wait("on-hold", call=talk["A"])
    s.phone("B").wait("held", call=talk["B"])
    s.silence("A", "B", talk)
    s.do("A", "resume", "Alice takes Bob back")
    s.phone("A").wait("off-hold", call=talk["A"])
    s.phone("B").wait("resumed", call=talk["B"])
    s.listen_again(talk)
    s.hang_up("A", talk)


def waiting(s):
    first = s.call("A", "B")
    s.listen(first)
    s.dial("C", "A")
    s.ring("A")
    second = s.answer("C", "A", "  Alice puts Bob on hold and answers")
    s.phone("B").wait("held", call=first["B"])
    s.listen(second)
    s.hang_up("C", second)
    s.do("A", "swap", "Alice goes back to Bob")
    s.phone("B").wait("resumed", call=first["B"])
    s.phone("A").wait("off-hold", call=first["A"])
    s.listen_again(first)
    s.hang_up("A", first)


def blind_transfer(s):
    first = s.call("A", "B")
    s.listen(first)
    s.do("B", "transfer 1003", "Bob transfers Alice to Carol")
    s.phone("B").wait("transfer-accepted", call=first["B"])
    s.phone("B").wait("ended", call=first["B"])
    s.tell("  the exchange accepts, and Bob has left")
    s.phone("A").wait("ended", call=first["A"])
    s.ring("C")
    second = s.answer("A", "C")
    s.listen(second)
    s.hang_up("A", second)


def attend(s):
    """A talks with B, holds B, and talks with C: both calls."""
    first = s.call("A", "B")
    s.listen(first)
    s.do("A", "attend 1003", "Alice puts Bob on hold and calls Carol")
    s.phone("B").wait("held", call=first["B"])
    s.ring("C")
    second = s.answer("A", "C")
    s.listen(second)
    return first, second


def attended_transfer(s):
    first, second = attend(s)
    s.do("A", "complete", "Alice connects Bob to Carol")
    s.phone("A").wait("transfer-accepted", call=first["A"])
    s.phone("A").wait("ended", call=first["A"])
    s.tell("  the exchange accepts, and Alice has left")
    takes = s.phone("C").wait("incoming", replaces=True)
    s.phone("C").wait("ended", call=second["C"], why="replaced")
    s.phone("A").wait("ended", call=second["A"])
    third = {"B": s.phone("B").wait("transfer-asked")["new_call"], "C": takes["call"]}
    s.listen(third)
    s.hang_up("B", third)


def forwarded(s, why):
    """A has called B, whose phone sends the call to C."""
    s.phone("B").wait("forwarded", why=why)
    s.phone("A").wait("redirected")
    s.tell("  his phone says: call Carol; Alice's phone does")
    s.ring("C")
    talk = s.answer("A", "C")
    s.listen(talk)
    s.hang_up("A", talk)


def forward_always(s):
    s.set("B", "forward always 1003", "Bob forwards all calls to Carol")
    s.dial("A", "B")
    forwarded(s, "always")


def forward_busy(s):
    s.set("B", "forward busy 1003", "Bob forwards to Carol when he is busy, and")
    s.set("B", "dnd on", "does not want to be disturbed")
    s.dial("A", "B")
    forwarded(s, "busy")


def forward_no_answer(s):
    s.set("B", "forward noanswer 2 1003", "Bob forwards to Carol what he does not answer in 2 seconds")
    s.dial("A", "B")
    s.ring("B")
    forwarded(s, "noanswer")


def conference(s):
    first, second = attend(s)
    s.do("A", "conference", "Alice brings all three together")
    s.phone("A").wait("off-hold", call=first["A"])
    s.phone("B").wait("resumed", call=first["B"])
    s.listen_to_all({"B": first["B"], "C": second["C"]})
    with s.pitch("BC", 70):
        s.hears("A", "B", first["A"])
        s.hears("A", "C", second["A"])
    with s.pitch("A", 70):   # what she says is said in one call at a time: the current one
        s.hears("C", "A", second["C"])
    s.phone("A").say("line %d" % first["A"])
    with s.pitch("A", 70):
        s.hears("B", "A", first["B"])
    s.tell("  and all hear Alice, as she hears them")
    s.phone("A").say("line %d" % second["A"])
    s.do("A", "split", "Alice goes on with Carol alone")
    s.phone("A").wait("on-hold", call=first["A"])
    s.hang_up("A", second)
    s.hang_up("A", first)


Scene = namedtuple("Scene", "flow play pairs")
SCENES = [
    Scene("setup", setup, ["A-B"]),
    Scene("busy", busy, []),
    Scene("no-answer", no_answer, []),
    Scene("hold", hold, ["A-B"]),
    Scene("waiting", waiting, ["A-B", "A-C"]),
    Scene("blind-transfer", blind_transfer, ["A-B", "A-C"]),
    Scene("attended-transfer", attended_transfer, ["A-B", "A-C", "B-C"]),
    Scene("forward-always", forward_always, ["A-C"]),
    Scene("forward-busy", forward_busy, ["A-C"]),
    Scene("forward-no-answer", forward_no_answer, ["A-C"]),
    Scene("conference", conference, ["A-B", "A-C", "B-C"]),
]
