/* act.c - what a person does with a call: each a small errand in the leg's shard.
 *
 * Room      call.
 * Must hold an errand that comes too late finds no leg, and then does not touch the call: it may be gone. */
#include <string.h>

#include "call/call_priv.h"

enum { KEY_MS = 120 }; /* that a key by INFO is said to have been down */

static void run(void *arg, struct leg *leg)
{
    struct act *a = arg;

    if (leg && leg_state(leg) != LEG_OVER)
        a->fn(a, leg);
    mem_free(a->mem, a, a->octets);
}

enum err call_errand(struct call *c, void (*fn)(struct act *a, struct leg *leg), unsigned code, struct slice text)
{
    const struct calls_config *config = &c->calls->config;
    size_t octets = sizeof(struct act) + text.n;
    struct act *a = mem_alloc(config->mem, octets);
    enum err e;

    if (!a)
        return ERR_NOMEM;
    *a = (struct act){config->mem, c, fn, octets, code, {(char *)(a + 1), text.n}};
    if (text.n)
        memcpy(a + 1, text.p, text.n);
    if ((e = leg_do(config->ua, config->worker, c->leg, run, a)))
        mem_free(config->mem, a, octets);
    return e;
}

static enum err act(struct call *c, void (*fn)(struct act *a, struct leg *leg), unsigned code, struct slice text)
{
    return text.n > CALL_MAX_TEXT_OCTETS ? ERR_LIMIT : call_errand(c, fn, code, text);
}

/* ---- answering ---- */

static void do_ring(struct act *a, struct leg *leg)
{
    char room[SDP_MAX_WRITTEN];
    struct buf b = BUF_ON(room);
    enum err e = leg_ring_offers(leg) ? sound_offer(a->c, &b) : ERR_OK;

    if (!e)
        e = leg_ring(leg, 180, buf_slice(&b));

    if (e)
        call_tell_failed(a->c, "ring", e, 0);
}

enum err call_ring(struct call *c)
{
    return c->state == CALL_INCOMING ? act(c, do_ring, 0, SLICE_NONE) : ERR_INVALID;
}

static void do_answer(struct act *a, struct leg *leg)
{
    struct call *c = a->c;
    char room[SDP_MAX_WRITTEN];
    struct buf b = BUF_ON(room);
    enum err e;

    if (c->state != CALL_INCOMING)
        return;
    e = c->offer.n ? sound_answer(c, c->offer, &b) : sound_offer(c, &b);
    if (e || (e = leg_accept(leg, buf_slice(&b)))) {
        call_tell_failed(c, "answer", e, 0);
        (void)leg_reject(leg, &(struct leg_refusal){.code = e == ERR_UNSUPPORTED ? 488 : 500});
        return;
    }
    call_answered(c);
}

enum err call_answer(struct call *c)
{
    return c->state == CALL_INCOMING ? act(c, do_answer, 0, SLICE_NONE) : ERR_INVALID;
}

static void do_reject(struct act *a, struct leg *leg)
{
    (void)leg_reject(leg, &(struct leg_refusal){.code = a->code, .contact = a->text}); /* or it was cancelled just now */
}

enum err call_reject(struct call *c, unsigned code, struct slice contact)
{
    if (c->state != CALL_INCOMING || code < 300 || code > 699)
        return ERR_INVALID;
    return act(c, do_reject, code, contact);
}

static void do_hang_up(struct act *a, struct leg *leg)
{
    (void)a;
    leg_hang_up(leg, SLICE_NONE);
}

enum err call_hang_up(struct call *c)
{
    return c->state != CALL_OVER ? act(c, do_hang_up, 0, SLICE_NONE) : ERR_INVALID;
}

/* ---- hold ---- */

static enum err send_offer(struct call *c, struct leg *leg, struct slice sdp)
{
    enum err e = c->calls->config.update ? leg_update(leg, sdp) : ERR_UNSUPPORTED;

    return e == ERR_UNSUPPORTED ? leg_offer(leg, sdp) : e;
}

enum err call_offer_again(struct call *c, struct leg *leg)
{
    char room[SDP_MAX_WRITTEN];
    struct buf b = BUF_ON(room);
    enum err e = sound_offer(c, &b);

    return e ? e : send_offer(c, leg, buf_slice(&b));
}

static void offer(struct call *c, struct leg *leg, bool hold)
{
    enum err e;

    sound_hold(c, hold);
    if ((e = call_offer_again(c, leg))) {
        sound_hold(c, c->on_hold);
        call_tell_failed(c, hold ? "hold" : "resume", e, 0);
        return;
    }
    c->offering = true;
    c->wants_hold = hold;
}

void call_offer_hold(struct call *c, struct leg *leg)
{
    offer(c, leg, true);
}

static void do_offer(struct act *a, struct leg *leg)
{
    struct call *c = a->c;
    bool hold = a->code != 0;
    enum err e;

    if (c->offering)
        call_tell_failed(c, hold ? "hold" : "resume", ERR_BUSY, 0);
    else if (!hold || !c->calls->config.music.n || c->state != CALL_TALKING)
        offer(c, leg, hold);
    else if ((e = music_ask(c, leg)))
        call_tell_failed(c, "hold", e, 0);
}

/* Who may not offer yet is told so by the leg. */
static bool may_hold(const struct call *c)
{
    return c->state == CALL_TALKING || (c->calls->config.update && c->state != CALL_OVER);
}

enum err call_hold(struct call *c)
{
    if (!may_hold(c))
        return ERR_INVALID;
    return c->on_hold ? ERR_EXISTS : act(c, do_offer, 1, SLICE_NONE);
}

enum err call_resume(struct call *c)
{
    if (!may_hold(c))
        return ERR_INVALID;
    return c->on_hold ? act(c, do_offer, 0, SLICE_NONE) : ERR_EXISTS;
}

/* ---- transfer ---- */

static void do_transfer(struct act *a, struct leg *leg)
{
    enum err e = leg_refer(leg, a->text);

    if (e)
        call_tell_failed(a->c, "transfer", e, 0);
}

enum err call_transfer(struct call *c, struct slice target)
{
    struct uri u;

    if (uri_parse(target, &u, NULL))
        return ERR_SYNTAX;
    return c->state == CALL_TALKING ? act(c, do_transfer, 0, target) : ERR_INVALID;
}

/* "sip:c@example.com?Replaces=...": whom they shall call, and the dialog there that is ours. */
static enum err put_refer_to(struct buf *b, const struct call *to)
{
    char room[CALL_MAX_TEXT_OCTETS];
    struct buf value = BUF_ON(room);
    const struct dialog_ref ref = {.call_id = to->call_id,
                                   .to_tag = to->remote_tag.n ? to->remote_tag : S("0"),
                                   .from_tag = to->local_tag};
    struct uri u;
    enum err e = uri_parse(to->peer, &u, NULL);

    if (e)
        return e;
    u.headers = SLICE_NONE;
    uri_write_without(b, &u, S("method"));
    dialog_ref_put(&value, HDR_REPLACES, &ref);
    buf_put(b, S("?Replaces="));
    uri_put_escaped_header(b, buf_slice(&value));
    return buf_err(b) || buf_err(&value) ? ERR_LIMIT : ERR_OK;
}

enum err call_connect(struct call *c, const struct call *to)
{
    char room[CALL_MAX_TEXT_OCTETS];
    struct buf b = BUF_ON(room);
    enum err e;

    if (c->state != CALL_TALKING || to->state == CALL_OVER || !to->local_tag.n || !to->call_id.n)
        return ERR_INVALID;
    if ((e = put_refer_to(&b, to)))
        return e;
    return act(c, do_transfer, 0, buf_slice(&b));
}

/* ---- sound ---- */

static enum err send_key(struct leg *leg, char key)
{
    char room[64];
    struct buf b = BUF_ON(room);

    buf_put(&b, S("Signal="));
    buf_putc(&b, key);
    buf_put(&b, S("\r\nDuration="));
    buf_putu(&b, KEY_MS);
    buf_put(&b, S("\r\n"));
    return leg_info(leg, S("application/dtmf-relay"), buf_slice(&b));
}

static void give_keys_up(struct call *c, enum err e, unsigned code)
{
    c->n_keys = 0;
    call_tell_failed(c, "dtmf", e, code);
}

static void do_key(struct act *a, struct leg *leg)
{
    enum err e = a->c->n_keys ? send_key(leg, a->c->keys[0]) : ERR_OK;

    if (e)
        give_keys_up(a->c, e, 0);
}

void call_key_answered(struct call *c, struct leg *leg, unsigned code)
{
    enum err e;

    if (!c->n_keys || c->state != CALL_TALKING)
        return;
    if (code >= 300) {
        give_keys_up(c, ERR_DENIED, code);
        return;
    }
    memmove(c->keys, c->keys + 1, --c->n_keys);
    if (!c->n_keys)
        call_tell(c, &(struct call_event){.kind = CALL_DIGITS_SENT});
    else if ((e = send_key(leg, c->keys[0])))
        give_keys_up(c, e, 0);
}

static bool are_keys(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (slice_find(S("0123456789*#ABCDabcd"), s.p[i]) == SIZE_MAX)
            return false;
    return s.n > 0;
}

static enum err send_by_info(struct call *c, struct slice digits)
{
    const bool idle = !c->n_keys;

    if (!are_keys(digits))
        return ERR_INVALID;
    if (digits.n > sizeof c->keys - c->n_keys)
        return ERR_FULL;
    memcpy(c->keys + c->n_keys, digits.p, digits.n);
    c->n_keys += digits.n;
    return idle ? act(c, do_key, 0, SLICE_NONE) : ERR_OK;
}

enum err call_send_digits(struct call *c, struct slice digits)
{
    const enum call_keys how = c->calls->config.keys;

    if (c->state != CALL_TALKING || !c->media)
        return ERR_INVALID;
    if (how == CALL_KEYS_INFO)
        return send_by_info(c, digits);
    if (how == CALL_KEYS_SOUND || (how == CALL_KEYS_AUTO && !c->events))
        return media_sound_digits(c->media, digits, 0);
    return media_send_digits(c->media, digits, 0);
}

enum err call_play(struct call *c, const char *path)
{
    if (!c->media)
        return ERR_INVALID;
    if (path)
        return media_play_file(c->media, path, false);
    sound_say(c);
    return ERR_OK;
}

enum err call_play_tone(struct call *c, uint16_t hz)
{
    if (!c->media)
        return ERR_INVALID;
    c->tone_hz = hz;
    sound_say(c);
    return ERR_OK;
}

enum err call_record(struct call *c, const char *path)
{
    return c->media ? media_record(c->media, path) : ERR_INVALID;
}
