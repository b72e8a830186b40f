/* call.c - calls begin and end: the list, out, in.
 *
 * Room      call. What the leg tells is in tells.c, what a person does in act.c, the sound in sound.c. */
#include "call/call_priv.h"

enum err calls_open(const struct calls_config *config, struct calls **out)
{
    struct calls *cs = mem_zalloc(config->mem, sizeof *cs);

    if (!cs)
        return ERR_NOMEM;
    cs->config = *config;
    list_init(&cs->list);
    list_init(&cs->music);
    *out = cs;
    return ERR_OK;
}

void calls_close(struct calls *cs)
{
    struct list_node *node;

    if (!cs)
        return;
    while ((node = list_first(&cs->list)))
        call_free(LIST_OF(node, struct call, node));
    music_close(cs);
    media_mixer_close(cs->mixer); /* where nobody could be taken into it */
    mem_free(cs->config.mem, cs, sizeof *cs);
}

struct call *calls_first(struct calls *cs)
{
    return LIST_OF(list_first(&cs->list), struct call, node);
}

struct call *calls_next(struct calls *cs, struct call *c)
{
    return LIST_OF(list_next(&cs->list, &c->node), struct call, node);
}

struct call *calls_find(struct calls *cs, unsigned number)
{
    for (struct call *c = calls_first(cs); c; c = calls_next(cs, c))
        if (c->number == number)
            return c;
    return NULL;
}

/* ---- one call ---- */

static unsigned free_number(struct calls *cs)
{
    unsigned n = 1;

    while (calls_find(cs, n))
        n++;
    return n;
}

enum err call_new(struct calls *cs, struct call **out)
{
    struct mem *mem = cs->config.mem;
    struct call *c = mem_zalloc(mem, sizeof *c);
    enum err e;

    if (!c)
        return ERR_NOMEM;
    c->calls = cs;
    c->number = free_number(cs);
    c->tone_hz = cs->config.tone_hz;
    arena_init(&c->arena, mem, 1024, 16 * CALL_MAX_TEXT_OCTETS + SDP_MAX_OCTETS);
    list_append(&cs->list, &c->node);
    if ((e = sound_open(c))) {
        call_free(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

void call_free(struct call *c)
{
    struct mem *mem = c->calls->config.mem;

    sound_close(c, NULL);
    list_remove(&c->node);
    arena_close(&c->arena);
    mem_free(mem, c, sizeof *c);
}

/* What it was stays in the arena where it changes: that is at most once for each fork that rings. */
static void learn(struct call *c, struct slice now, struct slice *known)
{
    if (!slice_eq(now, *known))
        (void)arena_dup(&c->arena, now, known); /* without memory people are shown less, and a transfer is refused */
}

void call_learn_dialog(struct call *c, const struct leg *leg)
{
    const struct dialog *d = leg_dialog(leg);

    learn(c, leg_call_id(leg), &c->call_id);
    if (!d)
        return;
    learn(c, d->local_tag, &c->local_tag);
    learn(c, d->remote_tag, &c->remote_tag);
}

void call_tell(struct call *c, const struct call_event *e)
{
    const struct calls_config *config = &c->calls->config;

    config->on->event(config->ctx, c, e);
}

void call_tell_failed(struct call *c, const char *what, enum err e, unsigned code)
{
    call_tell(c, &(struct call_event){
                     .kind = CALL_FAILED, .what = what, .error = e, .code = code, .reason = msg_reason(code)});
}

static enum err send_call(struct call *c, const struct call_plan *plan)
{
    const struct calls_config *config = &c->calls->config;
    char room[SDP_MAX_WRITTEN];
    struct buf offer = BUF_ON(room);
    struct leg_call lc = {.account = plan->account,
                          .target = c->peer,
                          .referred_by = plan->referred_by,
                          .replaces = plan->replaces,
                          .on = &call_leg_on,
                          .arg = c};
    enum err e = sound_offer(c, &offer);

    if (e)
        return e;
    lc.offer = buf_slice(&offer);
    return leg_call(config->ua, config->worker, &lc, &c->leg);
}

enum err call_out(struct calls *cs, const struct call_plan *plan, struct call **out)
{
    struct call *c;
    enum err e;

    if (plan->target.n > CALL_MAX_TEXT_OCTETS)
        return ERR_LIMIT;
    if ((e = call_new(cs, &c)))
        return e;
    c->out = true;
    c->state = CALL_CALLING;
    c->account = plan->account;
    c->report = plan->report;
    *out = c; /* before the leg can tell anything */
    if ((e = arena_dup(&c->arena, plan->target, &c->peer)) || (e = send_call(c, plan))) {
        *out = NULL;
        call_free(c);
    }
    return e;
}

/* ---- one that comes in ---- */

static enum err keep_incoming(struct call *c, struct leg *leg, const struct leg_incoming *in)
{
    struct slice from = slice_to(in->from_uri, CALL_MAX_TEXT_OCTETS);
    struct slice name = slice_to(in->from_name, CALL_MAX_TEXT_OCTETS);
    enum err e;

    c->account = in->account;
    c->leg = leg_id(leg);
    if ((e = arena_dup(&c->arena, from, &c->peer)) || (e = arena_dup(&c->arena, name, &c->peer_name)) ||
        (e = arena_dup(&c->arena, leg_call_id(leg), &c->call_id)))
        return e;
    call_learn_dialog(c, leg);
    return arena_dup(&c->arena, in->offer, &c->offer);
}

static unsigned refusal_for(enum err e)
{
    switch (e) {
    case ERR_UNSUPPORTED:
    case ERR_SYNTAX:
    case ERR_LIMIT:
    case ERR_INVALID:
        return 488;
    default: /* no port, no memory: somebody else may try another of our phones */
        return 480;
    }
}

enum err call_in(struct calls *cs, struct leg *leg, const struct leg_incoming *in, struct call **out)
{
    struct call *c = NULL;
    enum err e = call_new(cs, &c);

    if (e || (e = keep_incoming(c, leg, in)) || (in->offer.n && (e = sound_answer(c, in->offer, NULL))))
        goto fail;
    c->state = CALL_INCOMING;
    leg_attach(leg, &call_leg_on, c);
    *out = c;
    return ERR_OK;
fail:
    if (c)
        call_free(c);
    (void)leg_reject(leg, &(struct leg_refusal){.code = refusal_for(e)});
    return refusal_for(e) == 488 ? ERR_UNSUPPORTED : e;
}

/* ---- about it ---- */

struct slice call_state_name(enum call_state s)
{
    static const struct slice names[CALL_STATES] = {
        {"calling", 7}, {"ringing", 7}, {"incoming", 8}, {"talking", 7}, {"over", 4}};

    return names[s];
}

struct call_report call_take_report(struct call *c)
{
    struct call_report r = c->report;

    c->report = (struct call_report){0};
    return r;
}

unsigned call_number(const struct call *c) { return c->number; }
enum call_state call_state(const struct call *c) { return c->state; }
bool call_is_out(const struct call *c) { return c->out; }
bool call_is_held(const struct call *c) { return c->held; }
bool call_is_on_hold(const struct call *c) { return c->on_hold; }
struct slice call_peer(const struct call *c) { return c->peer; }
struct slice call_peer_name(const struct call *c) { return c->peer_name; }
struct slice call_id_text(const struct call *c) { return c->call_id; }
struct leg_id call_leg(const struct call *c) { return c->leg; }
struct ua_account *call_account(const struct call *c) { return c->account; }
uint64_t call_answered_ms(const struct call *c) { return c->answered_ms; }
void call_set_data(struct call *c, void *data) { c->data = data; }
void *call_data(const struct call *c) { return c->data; }

bool call_stats(const struct call *c, struct media_stats *out)
{
    if (!c->media)
        return false;
    media_stats(c->media, out);
    return true;
}

struct slice call_srtp(const struct call *c)
{
    return c->srtp;
}

bool call_quality(const struct call *c, struct media_quality *here, struct media_quality *there)
{
    if (c->media)
        media_quality(c->media, here, there);
    return c->media != NULL;
}

uint32_t call_heard_ms(const struct call *c, uint16_t hz)
{
    return c->media ? media_heard_ms(c->media, hz) : 0;
}
