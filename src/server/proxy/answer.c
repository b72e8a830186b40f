/* answer.c - what the branches say, and what goes back: the best response (RFC 3261 §16.7, RFC 6026).
 *
 * Room      server/proxy.
 * In        the stack, through fork_client_on.
 * Touches   struct fork and its branches. A fork goes when it has answered and its branches are done; late.c has the rest. */
#include "server/proxy/proxy_priv.h"

/* Is there nothing to wait for from this one? A spare that was not needed; or a trunk that has been passed over since it said
 * nothing: should it speak yet, it is cancelled then. */
static bool is_over(const struct branch *b)
{
    return b->state == BRANCH_DONE || (b->state == BRANCH_WAITING && b->spare) ||
           (b->out && b->state == BRANCH_CANCELLED && !b->heard && b->group < b->fork->group);
}

bool fork_all_done(const struct fork *f)
{
    for (size_t i = 0; i < f->n_branches; i++)
        if (!is_over(f->branch[i]))
            return false;
    return true;
}

static bool has_accepted(const struct branch *b)
{
    return b->fork->method == METHOD_INVITE && b->code / 100 == 2;
}

/* Nothing that its client transaction may still say is the fork's to hear. One that has failed is about to end. */
static bool let_go(struct branch *b)
{
    if (!b->open)
        return true;
    if (b->state != BRANCH_DONE || !b->lingers || (has_accepted(b) && late_begin(b)))
        return false;
    if (!has_accepted(b))
        stack_forget(b->fork->sh, b->client);
    b->open = false;
    return true;
}

void fork_release(struct fork *f)
{
    bool all = f->state == FORK_ANSWERED;

    for (size_t i = 0; i < f->n_branches && f->state == FORK_ANSWERED; i++)
        all = let_go(f->branch[i]) && all;
    if (all)
        fork_free(f);
}

void fork_answered(struct fork *f, unsigned code)
{
    struct proxy_watch w = f->watch;

    f->state = FORK_ANSWERED;
    list_remove(&f->node);
    list_append(&f->px->shard[shard_index(f->sh)].answered, &f->node);
    f->watch = (struct proxy_watch){0};
    shard_timer_stop(f->sh, &f->group_timer);
    shard_timer_stop(f->sh, &f->ring_timer);
    if (w.answered)
        w.answered(w.arg, f->sh, code);
}

void fork_own_answer(struct fork *f, unsigned code)
{
    keep_failure(f, code, msg_reason(code));
    stack_reply_code(f->sh, f->server, code);
    fork_answered(f, code);
}

/* A 6xx beats all; then the class; within 4xx first what the caller can act upon, last what says only that nobody was
 * there. A 487 is the caller's own doing, or that of our patience: then it says the least. */
unsigned answer_rank(unsigned code, bool given_up)
{
    enum { CLASS = 1000, LAST = 900 };

    if (code >= 600)
        return 0;
    switch (code) {
    case 401:
    case 407: return 4 * CLASS;
    case 415:
    case 420:
    case 484: return 4 * CLASS + 1;
    case 408:
    case 430:
    case 480: return 4 * CLASS + LAST;
    case 487: return 4 * CLASS + (given_up ? LAST - 1 : LAST + 1);
    case 503: return 5 * CLASS + LAST;
    default: return code / 100 * CLASS + 100 + code % 100;
    }
}

static unsigned rank(const struct fork *f, unsigned code)
{
    if (f->each_alone && code >= 600)
        code = 486; /* one member's no is not everybody's */
    return answer_rank(code, f->state == FORK_CANCELLED);
}

static void note_challenge(struct fork *f, const struct msg *m)
{
    char       room[4096];
    struct buf b = BUF_ON(room);

    if (m->status != 401 && m->status != 407)
        return;
    buf_put(&b, fork_text(f, FORK_CHALLENGES));
    msg_put_rows_of(&b, m, HDR_WWW_AUTHENTICATE);
    msg_put_rows_of(&b, m, HDR_PROXY_AUTHENTICATE);
    if (buf_err(&b) == ERR_OK)
        (void)fork_keep(f, FORK_CHALLENGES, buf_slice(&b));
}

/* Is it for whom the call is at present? What those say who were called before it was forwarded does not matter any more. */
static bool counts(const struct branch *b)
{
    return b->group >= b->fork->stage;
}

void fork_offer(const struct branch *b, const struct msg *m)
{
    struct fork *f = b->fork;
    struct slice octets;

    if (f->best_code && rank(f, m->status) >= rank(f, f->best_code)) {
        note_challenge(f, m);
        return;
    }
    if (compose_response(f, b, m, &octets) || arena_dup(&f->arena, octets, &f->best))
        return;
    f->best_code = m->status;
}

/* The best answer with the challenges of all the others (§16.7 step 7). */
static enum err send_with_challenges(struct fork *f)
{
    struct msg     *m;
    struct msg_edit e;
    struct slice    octets;
    enum err        err = msg_parse(shard_scratch(f->sh), f->best, &m);

    if (err)
        return err;
    msg_edit_begin(&e, m);
    msg_edit_replace(&e, slice_from(m->head, m->head.n), fork_text(f, FORK_CHALLENGES));
    if ((err = msg_edit_make(&e, shard_scratch(f->sh), &octets)))
        return err;
    return stack_respond(f->sh, f->server, octets);
}

/* Which status the caller gets when no branch gave one that can be passed on. */
static unsigned code_of_failures(const struct fork *f)
{
    unsigned best = f->n_branches ? 0 : 480;

    if (f->state == FORK_CANCELLED)
        return 487;
    for (size_t i = 0; i < f->n_branches; i++)
        if (f->branch[i]->group >= f->stage && f->branch[i]->code && (!best || rank(f, f->branch[i]->code) < rank(f, best)))
            best = f->branch[i]->code;
    return best ? best : 408;
}

static bool any_rang(const struct fork *f)
{
    for (size_t i = 0; i < f->n_branches; i++)
        if (counts(f->branch[i]) && f->branch[i]->rang)
            return true;
    return false;
}

/* What we say ourselves: §16.7 step 6, our own state is not the phone's; RFC 5626 §5.3, a flow is our own business. */
static unsigned own_code(unsigned code)
{
    return code == 503 ? 500 : code == 430 ? 480 : code;
}

void fork_finish(struct fork *f)
{
    unsigned code = code_of_failures(f);
    bool     theirs = f->best.n && f->best_code != 503 && f->best_code != 430 && rank(f, f->best_code) <= rank(f, code);

    if (f->state == FORK_ANSWERED)
        return;
    if (f->own_end && f->state == FORK_OPEN) {
        fork_own_answer(f, f->own_end);
        fork_release(f);
        return;
    }
    if (theirs)
        code = f->best_code;
    if (f->state == FORK_OPEN && f->takes_place && (fork_text(f, FORK_FETCHED).n ? fetch_by_exchange(f) : code == 420 && pickup_bring(f)))
        return;
    if (f->state == FORK_OPEN && fork_goes_on(f, plan_when_of((uint16_t)code, any_rang(f)), (uint16_t)code))
        return;
    if (theirs && fork_text(f, FORK_TRUNK).n && code < 400) { /* who is outside can do nothing with where a phone of ours points */
        theirs = false;
        code = 480;
    }
    if (theirs) {
        keep_failure(f, code, msg_reason(code));
        if ((code != 401 && code != 407) || !fork_text(f, FORK_CHALLENGES).n || send_with_challenges(f))
            stack_respond(f->sh, f->server, f->best);
        fork_answered(f, code);
    } else
        fork_own_answer(f, own_code(code));
    fork_release(f);
}

/* RFC 5626 §5.3: another flow of the same phone takes the place of one that failed. */
static bool start_spare(struct fork *f, const struct branch *failed, uint16_t code)
{
    if (f->state != FORK_OPEN || (code != 430 && code != 408))
        return false;
    for (size_t i = 0; i < f->n_branches; i++) {
        struct branch *b = f->branch[i];

        if (b->state != BRANCH_WAITING || !b->spare || f->branch[b->spare_of] != failed)
            continue;
        b->spare = false;
        if (fork_start_branch(f, b) == ERR_OK)
            return true;
        b->state = BRANCH_DONE;
    }
    return false;
}

static bool group_done(const struct fork *f)
{
    for (size_t i = 0; i < f->n_branches; i++) {
        if (f->branch[i]->group <= f->group && !is_over(f->branch[i]))
            return false;
    }
    return true;
}

/* The branch has come to its end with `code` (its own, or ours for a failure): what next? The fork may be gone
 * afterwards. */
void branch_done(struct branch *b, uint16_t code)
{
    struct fork *f = b->fork;

    b->state = BRANCH_DONE;
    b->code = code;
    branch_stop_timer(b);
    keep_branch_done(b);
    pickup_brought(b, code);
    if (f->state == FORK_ANSWERED) {
        fork_release(f);
        return;
    }
    if (code < 600 && start_spare(f, b, code))
        return;
    if ((b->out ? !plan_trunk_failed(code) : code >= 600) && counts(b) && !f->each_alone)
        fork_cancel(f, SLICE_NONE);
    else if (f->state == FORK_OPEN && group_done(f) && f->group + 1 < f->n_groups) {
        shard_timer_stop(f->sh, &f->group_timer);
        f->group++;
        fork_begin(f);
        return;
    }
    if (fork_all_done(f))
        fork_finish(f);
}

/* §16.7 step 5: at once, each 2xx, also a late one of another branch (RFC 6026 §7.1). The fork may be gone afterwards. */
static void pass_2xx(struct branch *b, const struct msg *m, const struct flow *from)
{
    struct fork *f = b->fork;
    struct slice octets;
    bool         first = f->state != FORK_ANSWERED;

    b->state = BRANCH_DONE;
    b->code = m->status;
    branch_stop_timer(b);
    f->answering = b;
    keep_response(f, m, from);
    pickup_brought(b, m->status);
    if (compose_response(f, b, m, &octets) == ERR_OK)
        stack_respond(f->sh, f->server, octets);
    if (first) {
        fork_answered(f, m->status);
        fork_cancel(f, ELSEWHERE);
    }
    fork_release(f);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct branch *b = arg;
    struct fork   *f = b->fork;
    struct slice   octets;

    (void)sh;
    (void)t;
    b->heard = true;
    b->lingers = m->status >= 200;
    if (b->out && f->px->trunks.heard)
        f->px->trunks.heard(f->px->trunks.ctx, b->out->trunk, m, shard_now_ms(f->sh));
    if (outward_challenged(b, m))
        return;
    if (m->status >= 200 && m->status < 300) {
        pass_2xx(b, m, from);
        return;
    }
    if (m->status >= 200) {
        bool followed = m->status < 400 && f->state == FORK_OPEN && f->redirect == PLAN_REDIRECT_FOLLOW &&
                        redirect_follow(f, m);

        if (f->state != FORK_ANSWERED && !followed && counts(b))
            fork_offer(b, m);
        branch_done(b, followed ? 0 : m->status);
        return;
    }
    if (m->status == 100 || f->state == FORK_ANSWERED)
        return;
    b->rang = true;
    if (b->state == BRANCH_TRYING)
        b->state = BRANCH_RINGING;
    branch_goes_on(b);
    if (!counts(b))
        return;
    f->answering = b;
    keep_response(f, m, from);
    if (compose_response(f, b, m, &octets) == ERR_OK)
        stack_respond(f->sh, f->server, octets);
}

/* No answer at all counts as 408, a connection that is gone as 430: that flow has failed (§16.9; RFC 5626 §5.3). */
static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct branch *b = arg;

    (void)sh;
    (void)t;
    if (b->state != BRANCH_DONE && why != ERR_TIMEOUT && outward_reconnects(b))
        return;
    if (b->state == BRANCH_DONE || (why != ERR_TIMEOUT && b->state != BRANCH_CANCELLED && again_wait(b)))
        return;
    branch_done(b, why == ERR_TIMEOUT ? 408 : 430);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    struct branch *b = arg;

    (void)sh;
    (void)t;
    b->open = false;
    if (b->state == BRANCH_AWAY)
        return;
    if (b->state != BRANCH_DONE)
        branch_done(b, 408);
    else
        fork_release(b->fork);
}

const struct stack_client_on fork_client_on = {on_response, on_failed, on_ended};
