/* replaces.c - an INVITE that is to take another leg's place (RFC 3891 §3), or to join it (RFC 3911 §4). That leg is in another shard: a question goes
 * there and its answer comes back, while the INVITE's leg waits in LEG_ASKING.
 *
 * Room      ua.
 * Out       uas_offer_to_user(), or 481, 486, 603 to the INVITE. */
#include "ua/ua_priv.h"

struct question {
    struct ua        *ua;
    struct leg_id     asker;
    enum hdr_id       row;   /* HDR_REPLACES, HDR_JOIN */
    struct dialog_ref ref;   /* its slices in `text` */
    struct text       text;
    unsigned          code;  /* the answer: 0, or what the INVITE deserves */
    struct leg_id     found;
};

static void free_question(struct question *q)
{
    struct mem *mem = q->ua->config.mem;

    text_free(mem, &q->text);
    mem_free(mem, q, sizeof *q);
}

static struct leg *find_named(struct ua *ua, struct shard *sh, const struct dialog_ref *ref)
{
    for (struct leg *leg = leg_of_call(ua, sh, ref->call_id, NULL); leg; leg = leg_of_call(ua, sh, ref->call_id, leg))
        for (size_t i = 0; i < leg->n_forks; i++)
            if (dialog_is_named(leg->forks[i], ref))
                return leg;
    return NULL;
}

/* §3: an early dialog may be replaced by who began it only; early-only spares an answered one; one that is over, 603. */
static unsigned judge(const struct leg *leg, const struct dialog_ref *ref)
{
    if (!leg)
        return 481;
    if (leg->state == LEG_OVER)
        return 603;
    if (leg->state == LEG_UP || leg->state == LEG_ACCEPTED)
        return ref->early_only ? 486 : 0;
    return leg->is_uac ? 0 : 481;
}

static void hear_answer(void *arg, struct shard *sh)
{
    struct question *q = arg;
    struct leg *leg = leg_find(q->ua, sh, q->asker);
    const struct stack_in *in = leg ? stack_request_of(sh, leg->server.tsx) : NULL;

    if (leg && leg->state == LEG_ASKING) {
        *(q->row == HDR_JOIN ? &leg->joins : &leg->replaces) = q->found;
        if (q->code || !in)
            uas_refuse_and_end(leg, &(struct leg_refusal){.code = q->code ? q->code : 500}, LEG_REJECTED);
        else
            uas_offer_to_user(leg, in->m);
    }
    free_question(q);
}

static void answer(void *arg, struct shard *sh)
{
    struct question *q = arg;
    struct leg *leg = find_named(q->ua, sh, &q->ref);

    q->code = judge(leg, &q->ref);
    if (!q->code)
        q->found = leg_id(leg);
    if (stack_run(q->ua->stack, shard_worker(sh), q->asker.shard, hear_answer, q))
        free_question(q); /* the INVITE is cancelled by its sender in the end */
}

static enum err copy_ref(struct question *q, const struct dialog_ref *ref)
{
    size_t n = ref->call_id.n + ref->to_tag.n + ref->from_tag.n;
    struct buf b;

    if (!(q->text.p = mem_alloc(q->ua->config.mem, n ? n : 1)))
        return ERR_NOMEM;
    q->text.cap = n ? n : 1;
    buf_init(&b, q->text.p, n);
    buf_puts(&b, ref->call_id, ref->to_tag, ref->from_tag);
    q->ref = *ref;
    q->ref.call_id = (struct slice){q->text.p, ref->call_id.n};
    q->ref.to_tag = (struct slice){q->text.p + ref->call_id.n, ref->to_tag.n};
    q->ref.from_tag = (struct slice){q->text.p + ref->call_id.n + ref->to_tag.n, ref->from_tag.n};
    return ERR_OK;
}

void replaces_ask(struct leg *leg, const struct dialog_ref *ref, enum hdr_id row)
{
    struct ua *ua = leg->ua;
    struct question *q = mem_zalloc(ua->config.mem, sizeof *q);

    if (q) {
        q->ua = ua;
        q->asker = leg_id(leg);
        q->row = row;
        if (!copy_ref(q, ref) &&
            !stack_run(ua->stack, shard_worker(leg->sh), stack_shard_of(ua->stack, q->ref.call_id), answer, q))
            return;
        free_question(q);
    }
    uas_refuse_and_end(leg, &(struct leg_refusal){.code = 500}, LEG_REJECTED);
}
