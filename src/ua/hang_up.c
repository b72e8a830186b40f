/* hang_up.c - ending a leg as its state wants it (RFC 3261 §15, §9.1; RFC 3891).
 *
 * Room      ua. */
#include "ua/ua_priv.h"

void leg_refuse_pending(struct leg *leg)
{
    if (!tsx_is_none(leg->server.tsx))
        ua_refuse(leg->ua, leg->sh, leg->server.tsx, 487);
    if (!tsx_is_none(leg->asked.tsx))
        ua_refuse(leg->ua, leg->sh, leg->asked.tsx, 487);
    leg->server = leg->asked = (struct leg_server){0};
}

/* A 2xx of theirs that holds an offer, and is not acknowledged yet: it must be before the BYE. */
static void ack_pending(struct leg *leg)
{
    struct leg_request *r = leg->invite;

    if (r && r->accepted && !r->acked) {
        r->acked = true;
        leg_request_ack(r, leg->dialog);
    }
}

static void end(struct leg *leg, struct slice reason_row, enum leg_why why)
{
    switch (leg->state) {
    case LEG_ASKING:
        uas_refuse_and_end(leg, &(struct leg_refusal){.code = 486}, why);
        return;
    case LEG_CALLING:
    case LEG_RINGING:
        if (!leg->is_uac) {
            uas_refuse_and_end(leg, &(struct leg_refusal){.code = 486}, why);
            return;
        }
        uac_cancel(leg, reason_row);
        break;
    case LEG_ACCEPTED:
        leg->bye_wanted = true; /* §15: not before the ACK has come, or will not come any more */
        break;
    case LEG_UP:
        leg_refuse_pending(leg);
        ack_pending(leg);
        leg_bye(leg, leg->dialog, reason_row);
        break;
    case LEG_OVER:
    case LEG_STATES:
        return;
    }
    leg_tell_end(leg, &(struct leg_end){.why = why, .code = why == LEG_LOST ? 408 : 0, .reason_row = reason_row});
}

void leg_hang_up(struct leg *leg, struct slice reason_row)
{
    end(leg, reason_row, LEG_HUNG_UP);
}

void leg_replaced(struct leg *leg)
{
    end(leg, S("SIP;cause=200;text=\"Replaced\""), LEG_REPLACED);
}

void leg_lost(struct leg *leg, unsigned code)
{
    if (leg_is_answered(leg))
        leg_bye(leg, leg->dialog, SLICE_NONE);
    leg_tell_end(leg, &(struct leg_end){.why = LEG_LOST, .code = code, .reason = msg_reason(code)});
}

void leg_not_refreshed(struct leg *leg)
{
    end(leg, S("SIP;cause=408;text=\"Session not refreshed\""), LEG_LOST);
}

/* Nobody has answered: neither they our INVITE, nor anybody here theirs. The other end, or what stands between, may have gone
 * without a word (RFC 3261 has no timer here), and a person has better to do than to listen to a tone. */
void leg_out_of_patience(void *arg)
{
    struct leg *leg = arg;

    if (!leg->is_uac && leg->state != LEG_UP) {
        uas_refuse_and_end(leg, &(struct leg_refusal){.code = 480}, LEG_NO_ANSWER);
        return;
    }
    uac_cancel(leg, SLICE_NONE);
    if (leg->state != LEG_UP) /* there it is a re-INVITE's: its 487 tells that nothing has changed */
        leg_tell_end(leg, &(struct leg_end){.why = LEG_NO_ANSWER, .code = 408, .reason = msg_reason(408)});
}

/* ---- from elsewhere ---- */

struct errand { /* one block, freed when it is done */
    struct ua    *ua;
    struct leg_id id;
    void (*fn)(void *arg, struct leg *leg);
    void *arg;
};

static void run_errand(void *arg, struct shard *sh)
{
    struct errand *errand = arg, copy = *errand;

    mem_free(copy.ua->config.mem, errand, sizeof *errand);
    copy.fn(copy.arg, leg_find(copy.ua, sh, copy.id));
}

enum err leg_do(struct ua *ua, uint8_t worker, struct leg_id id, void (*fn)(void *arg, struct leg *leg), void *arg)
{
    struct errand *errand = mem_alloc(ua->config.mem, sizeof *errand);
    enum err e;

    if (!errand)
        return ERR_NOMEM;
    *errand = (struct errand){ua, id, fn, arg};
    if ((e = stack_run(ua->stack, worker, id.shard, run_errand, errand)))
        mem_free(ua->config.mem, errand, sizeof *errand);
    return e;
}

struct ending {
    struct ua   *ua;
    struct text  reason;
};

static void free_ending(struct ending *x)
{
    struct mem *mem = x->ua->config.mem;

    text_free(mem, &x->reason);
    mem_free(mem, x, sizeof *x);
}

static void run_ending(void *arg, struct leg *leg)
{
    struct ending *x = arg;

    if (leg)
        leg_hang_up(leg, text_slice(&x->reason));
    free_ending(x);
}

enum err leg_end(struct ua *ua, uint8_t worker, struct leg_id id, struct slice reason_row)
{
    struct ending *x = mem_zalloc(ua->config.mem, sizeof *x);
    enum err e;

    if (!x)
        return ERR_NOMEM;
    x->ua = ua;
    if ((e = text_set(ua->config.mem, &x->reason, reason_row)) || (e = leg_do(ua, worker, id, run_ending, x)))
        free_ending(x);
    return e;
}
