"""The guide's flows with a foreign phone among ours: scenes in the moves of roles.py, and the table of who plays what."""
import time

from capture import Tcpdump
from program import Missing, wait_until
from roles import BaresipRole, LinphoneRole, Ours, SippRole
from scene import PEOPLE, Scene

A, B, C = "1001", "1002", "1003"
SETTLE_S = 4


# ---- the scenes ----

def listen(one, other):
    one.hears(other)
    other.hears(one)


def talk(a, b):
    a.call(B)
    b.answer()
    a.talks()
    listen(a, b)


def setup(a, b, _):
    talk(a, b)
    b.hang_up()
    a.gone()


def busy(a, b, _):
    b.set_busy()
    a.call(B)
    b.refuses()
    a.refused()


def no_answer(a, b, _):
    a.call(B)
    b.rings()
    a.hears_ringing()
    a.hang_up()
    b.gone()


def hold(a, b, _):
    talk(a, b)
    a.hold()
    b.held()
    a.resume()
    b.resumed()
    a.hang_up()
    b.gone()


def waiting(a, b, c):
    talk(a, b)
    c.call(A)
    a.rings()
    if a.holds_by_itself:
        a.accept()
        b.held()
    else:
        a.hold_first()
        b.held()
        a.accept()
    c.talks()
    listen(a, c)
    c.hang_up()
    a.gone()
    a.hang_up_all()
    b.gone()


def blind_transfer(a, b, c):
    talk(a, b)
    b.transfer(a.address(C))
    a.transferred()
    c.answer()
    listen(a, c)
    b.gone()
    a.hang_up()
    c.gone()


def attended_transfer(a, b, c):
    talk(a, b)
    a.attend(C)
    b.held()
    c.answer()
    a.talks()
    listen(a, c)
    a.complete()
    b.transferred()
    c.replaced()
    listen(b, c)
    a.free()
    b.hang_up()
    c.gone()


def conference(a, b, c):
    talk(a, b)
    a.attend(C)
    b.held()
    c.answer()
    a.talks()
    listen(a, c)
    a.conference()
    b.resumed()
    listen(b, c)
    b.hears(a)
    c.hears(a)
    a.hang_up_all()
    b.gone()
    c.gone()


def forward(why):
    def play(a, b, c):
        b.forward(why, C)
        a.call(B)
        b.forwards()
        a.redirected()
        c.answer()
        listen(a, c)
        a.hang_up()
        c.gone()
    return play


SCENES = {"setup": setup, "busy": busy, "no-answer": no_answer, "hold": hold, "waiting": waiting, "blind-transfer": blind_transfer,
          "attended-transfer": attended_transfer, "forward-always": forward("always"), "forward-busy": forward("busy"),
          "forward-no-answer": forward("noanswer"), "conference": conference}
TWO = ("setup", "busy", "no-answer", "hold")    # flows of two phones
PHONES = {"baresip": BaresipRole, "linphone": LinphoneRole, "sipp": SippRole}

# What a phone cannot be made to play, and why.
CANNOT = {
    ("attended-transfer", "A", "baresip"): "has no transfer with consultation",
    ("attended-transfer", "C", "baresip"): "does not know Replaces: the exchange joins the calls in its place, by another flow",
    ("forward-always", "B", "baresip"): "cannot forward",
    ("forward-busy", "B", "baresip"): "cannot forward",
    ("forward-no-answer", "B", "baresip"): "cannot forward",
    ("conference", "A", "baresip"): "mixes nothing",
    ("busy", "B", "linphone"): "refuses with 603 where the flow has 486",
    ("forward-always", "B", "linphone"): "rings before it forwards",
}


def roles(flow):
    return "AB" if flow in TWO else "ABC"


def cases(kind):
    """What that phone plays: flow and role. SIPp plays what no other foreign phone can."""
    others = [other for other in PHONES if other != "sipp"]
    return [(flow, letter) for flow in SCENES for letter in roles(flow)
            if (kind != "sipp" and (flow, letter, kind) not in CANNOT)
            or (kind == "sipp" and all((flow, letter, other) in CANNOT for other in others))]


# ---- one case ----

def judge(scene, flow, source=None):
    """By the exchange's own trace, as soon as the last answer is in it: some phones take their time. Or by a capture."""
    end = time.monotonic() + SETTLE_S
    while True:
        try:
            scene.check(flow, source)
            return
        except Missing:
            if time.monotonic() > end:
                raise


def play(flow, letter, kind, transport="udp"):
    """That phone is `letter` in that flow, ours are the others. Raises what is not as it should be."""
    person = PEOPLE[letter]
    with Scene(letters="ABC".replace(letter, "")) as scene, \
            Tcpdump(scene.path("capture.pcap"), scene.exchange.address, [p[2] for p in PEOPLE.values()],
                    log=scene.path("tcpdump.log")) as capture, \
            PHONES[kind](person, scene, transport) as foreign:
        wait_until(lambda: [b for b in scene.exchange.ask("bindings")["bindings"] if b["number"] == person[1]], 20,
                   "%s registers" % foreign.name)
        SCENES[flow](*(foreign if x == letter else Ours(scene[x]) for x in "ABC"))
        judge(scene, flow)
        if transport == "udp":
            capture.flush()
            judge(scene, flow, capture.path)


def add_tests(test_class, kind, transport="udp", flows=SCENES):
    """A test method for each case of that phone."""
    for flow, letter in cases(kind):
        if flow in flows:
            name = "test_%s_as_%s%s" % (flow.replace("-", "_"), letter.lower(), "" if transport == "udp" else "_by_" + transport)
            setattr(test_class, name, lambda self, f=flow, x=letter: play(f, x, kind, transport))
