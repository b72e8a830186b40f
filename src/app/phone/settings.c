/* settings.c - what a person has set for calls that come in: do not disturb, call waiting, forwards (the guide's flows 02, 05
 * and 08 to 10: a forward is the phone's own 302).
 *
 * Room      app/phone.
 * In        commands; each INVITE before it rings; the no-answer timer.
 * Out       486 or 302; events "settings", "forwarded". */
#include "app/phone/phone_priv.h"

/* ---- setting ---- */

static enum err read_switch(struct slice how, bool *on)
{
    if (!slice_eq(how, S("on")) && !slice_eq(how, S("off")))
        return ERR_SYNTAX;
    *on = slice_eq(how, S("on"));
    return ERR_OK;
}

/* So that a script knows that it counts from here on. */
static enum err tell_set(struct phone *p)
{
    struct phone_event e;

    event_begin(&e, "settings", NULL);
    settings_put_fields(&e, p);
    event_tell(p, &e);
    return ERR_OK;
}

enum err settings_dnd(struct phone *p, struct slice argument)
{
    enum err e = read_switch(argument, &p->settings.dnd);

    return e ? e : tell_set(p);
}

enum err settings_waiting(struct phone *p, struct slice argument)
{
    bool on;
    enum err e = read_switch(argument, &on);

    if (e)
        return e;
    p->settings.waiting_off = !on;
    return tell_set(p);
}

/* "TARGET", with "SECONDS " before it for FORWARD_NOANSWER; "off". */
static enum err set_forward(struct phone *p, enum forward_kind kind, struct slice rest)
{
    struct forward f = {0};
    struct slice seconds;
    struct buf b = BUF_ON(f.uri);
    enum err e;

    if (!slice_eq(rest, S("off"))) {
        if (kind == FORWARD_NOANSWER) {
            slice_cut(&rest, ' ', &seconds);
            if (slice_u32(seconds, &f.seconds) || f.seconds > FORWARD_MAX_S)
                return ERR_SYNTAX;
        }
        if ((e = phone_put_target(p, slice_trim(rest), &b)))
            return e;
        f.n = b.n;
    }
    p->settings.forward[kind] = f;
    return tell_set(p);
}

static const struct slice kinds[FORWARD_KINDS] = {{"always", 6}, {"busy", 4}, {"noanswer", 8}};

enum err settings_forward(struct phone *p, struct slice argument)
{
    struct slice rest = argument, kind;

    slice_cut(&rest, ' ', &kind);
    if (slice_eq(kind, S("off")) && !rest.n) {
        for (int i = 0; i < FORWARD_KINDS; i++)
            p->settings.forward[i].n = 0;
        return tell_set(p);
    }
    for (int i = 0; i < FORWARD_KINDS; i++)
        if (slice_eq(kind, kinds[i]))
            return set_forward(p, (enum forward_kind)i, slice_trim(rest));
    return ERR_SYNTAX;
}

struct slice settings_target(const struct phone *p, enum forward_kind kind)
{
    const struct forward *f = &p->settings.forward[kind];

    return (struct slice){f->uri, f->n};
}

void settings_put_words(struct buf *b, const struct phone *p)
{
    buf_puts(b, p->settings.dnd ? S(", do not disturb") : SLICE_NONE,
             p->settings.waiting_off ? S(", no call waiting") : SLICE_NONE);
    for (int i = 0; i < FORWARD_KINDS; i++)
        if (p->settings.forward[i].n)
            buf_puts(b, S(", forward "), kinds[i], S(" to "), settings_target(p, (enum forward_kind)i));
}

void settings_put_fields(struct phone_event *e, const struct phone *p)
{
    static const char *const keys[FORWARD_KINDS] = {"forward_always", "forward_busy", "forward_noanswer"};

    event_bool(e, "dnd", p->settings.dnd);
    event_bool(e, "waiting", !p->settings.waiting_off);
    for (int i = 0; i < FORWARD_KINDS; i++)
        event_text(e, keys[i], settings_target(p, (enum forward_kind)i));
    if (p->settings.forward[FORWARD_NOANSWER].n)
        event_number(e, "forward_s", p->settings.forward[FORWARD_NOANSWER].seconds);
}

/* ---- carrying it out ---- */

static void tell_forwarded(struct phone *p, const struct call *c, enum forward_kind kind, struct slice from)
{
    struct phone_event e;

    event_begin(&e, "forwarded", c);
    event_text(&e, "why", kinds[kind]);
    event_text(&e, "from", from);
    event_text(&e, "to", settings_target(p, kind));
    event_tell(p, &e);
}

static void forward(struct phone *p, struct leg *leg, const struct leg_incoming *in, enum forward_kind kind)
{
    if (kind == FORWARD_BUSY)
        (void)leg_ring(leg, 180, SLICE_NONE); /* the guide's phone says so, busy as it is (flow 09, F3) */
    (void)leg_reject(leg, &(struct leg_refusal){.code = 302, .contact = settings_target(p, kind)});
    tell_forwarded(p, NULL, kind, in->from_uri);
}

static bool is_busy(const struct phone *p)
{
    return p->settings.dnd || phone_calls(p) >= (p->settings.waiting_off ? 1 : PHONE_MAX_CALLS);
}

bool settings_take(struct phone *p, struct leg *leg, const struct leg_incoming *in)
{
    if (in->replaces.n && !p->quitting)
        return false; /* no call of its own: it is to take the place of one that is there */
    if (p->quitting) {
        (void)leg_reject(leg, &(struct leg_refusal){.code = 486});
    } else if (settings_target(p, FORWARD_ALWAYS).n) {
        forward(p, leg, in, FORWARD_ALWAYS);
    } else if (!is_busy(p)) {
        return false;
    } else if (settings_target(p, FORWARD_BUSY).n) {
        forward(p, leg, in, FORWARD_BUSY);
    } else {
        (void)leg_reject(leg, &(struct leg_refusal){.code = 486});
    }
    return true;
}

void settings_ring(struct phone *p, struct phone_call *pc)
{
    const struct forward *f = &p->settings.forward[FORWARD_NOANSWER];

    if (f->n)
        net_timer_set(p->config.net, &pc->no_answer, net_now_us(p->config.net) + f->seconds * 1000000ull);
}

void settings_no_answer(void *arg)
{
    struct phone_call *pc = arg;
    struct phone *p = pc->p;

    if (call_state(pc->c) != CALL_INCOMING || !settings_target(p, FORWARD_NOANSWER).n)
        return; /* it was answered, or has gone, or it was thought over */
    if (!call_reject(pc->c, 302, settings_target(p, FORWARD_NOANSWER)))
        tell_forwarded(p, pc->c, FORWARD_NOANSWER, call_peer(pc->c));
}
