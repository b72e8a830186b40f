/* transfer.c - a REFER in a dialog: may it be accepted, the 202, and the REFER on its way (PROTOCOL 5.1-5.3).
 *
 * Room      server/transfer.
 * In        server/core.
 * Touches   the shard's table of refers; server/dialogs only to read.
 * Not here  telling the transferor (notify.c); watching what the transferee does (watch.c); the BYE that waits (hold.c). */
#include "server/transfer/transfer_priv.h"

const struct hash_key refer_plain = {0, 0};

enum { FIRST_BUCKETS = 8 };

static enum err open_tables(struct transfer *t)
{
    enum err e = map_init(&t->watched, t->mem, FIRST_BUCKETS);

    for (unsigned i = 0; i < STACK_SHARDS && !e; i++) {
        struct transfer_shard *ts = &t->shard[i];

        if (!(e = map_init(&ts->refers, t->mem, FIRST_BUCKETS)) && !(e = map_init(&ts->by_serial, t->mem, FIRST_BUCKETS)))
            e = map_init(&ts->referred, t->mem, FIRST_BUCKETS);
    }
    return e;
}

enum err transfer_open(const struct transfer_config *config, struct transfer **out)
{
    struct transfer *t = mem_zalloc(config->mem, sizeof *t);

    if (!t)
        return ERR_NOMEM;
    t->mem = config->mem;
    t->proxy = config->proxy;
    t->log = config->log;
    t->journal = config->journal;
    t->bridge = config->bridge;
    t->mode = config->mode == DIALOG_MODE_NONE ? DIALOG_MODE_ACCEPT : config->mode;
    list_init(&t->restored);
    if (open_tables(t) || refer_chain_open(t) || refer_note_load(t)) {
        transfer_close(t);
        return ERR_NOMEM;
    }
    *out = t;
    return ERR_OK;
}

void transfer_close(struct transfer *t)
{
    if (!t)
        return;
    refer_note_unload(t);
    refer_chain_close(t);
    map_close(&t->watched);
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        map_close(&t->shard[i].refers);
        map_close(&t->shard[i].by_serial);
        map_close(&t->shard[i].referred);
    }
    mem_free(t->mem, t, sizeof *t);
}

static void referred_free(struct referred *d)
{
    shard_timer_stop(d->sh, &d->timer);
    map_remove(&d->t->shard[shard_index(d->sh)].referred, &d->node);
    mem_free(shard_mem(d->sh), d, sizeof *d);
}

void transfer_shard_close(struct transfer *t, struct shard *sh)
{
    struct transfer_shard *ts = &t->shard[shard_index(sh)];
    struct map_cursor      at = {0}, then = {0};

    for (struct map_node *n; (n = map_walk(&ts->refers, &at));)
        refer_free(MAP_OF(n, struct refer, by_call));
    for (struct map_node *n; (n = map_walk(&ts->referred, &then));)
        referred_free(MAP_OF(n, struct referred, node));
}

size_t transfer_pending(const struct transfer *t)
{
    return atomic_load(&t->pending);
}

void refer_free(struct refer *r)
{
    struct transfer_shard *ts = &r->t->shard[shard_index(r->sh)];
    struct mem            *mem = shard_mem(r->sh);

    refer_unwatch(r);
    shard_timer_stop(r->sh, &r->timer);
    shard_timer_stop(r->sh, &r->hold_timer);
    map_remove(&ts->refers, &r->by_call);
    map_remove(&ts->by_serial, &r->by_serial);
    atomic_fetch_sub(&r->t->pending, 1);
    arena_close(&r->arena);
    mem_free(mem, r, sizeof *r);
}

struct refer *refer_first(struct transfer *t, struct shard *sh, struct slice call_id)
{
    const struct map *refers = &t->shard[shard_index(sh)].refers;

    if (!atomic_load_explicit(&t->pending, memory_order_relaxed) || !refers->n)
        return NULL;
    return MAP_OF(map_find(refers, hash_name(&refer_plain, call_id)), struct refer, by_call);
}

struct refer *refer_next(const struct refer *r)
{
    return MAP_OF(map_find_next(&r->by_call), struct refer, by_call);
}

void refer_reason(struct refer *r, struct slice text)
{
    proxy_say(r->sh, r->call_id, text);
}

void refer_log(const struct refer *r, const char *event, unsigned code)
{
    struct log_line l;

    log_begin(&l, r->t->log, LOG_INFO, event, r->call_id);
    log_text(&l, "transferee", r->transferee);
    log_text(&l, "target", r->target);
    if (code)
        log_number(&l, "code", code);
    log_end(&l);
}

static void on_look(void *arg)
{
    struct referred     *d = arg;
    struct dialog_record rec;

    if (dialogs_get(proxy_dialogs(d->t->proxy), d->dialog, shard_scratch(d->sh), &rec) == ERR_NOTFOUND)
        referred_free(d);
    else
        shard_timer_start(d->sh, &d->timer, REFER_FIRST_MS);
}

bool refer_is_first(struct transfer *t, struct shard *sh, const struct msg *m, struct dialog_id dialog)
{
    struct transfer_shard *ts = &t->shard[shard_index(sh)];
    uint64_t               h = hash_pair(&refer_plain, msg_call_id(m), msg_from_tag(m));
    struct referred       *d;

    if (map_find(&ts->referred, h))
        return false;
    if (!(d = mem_zalloc(shard_mem(sh), sizeof *d)))
        return true;
    d->t = t;
    d->sh = sh;
    d->dialog = dialog;
    d->timer.fire = on_look;
    d->timer.arg = d;
    map_insert(&ts->referred, &d->node, h);
    shard_timer_start(sh, &d->timer, REFER_FIRST_MS);
    return true;
}

/* What is wrong with its Refer-To (RFC 3515 §2.1: exactly one); NULL: nothing. */
static const char *bad_refer_to(const struct msg *m, struct name_addr *na, struct uri *u)
{
    size_t n = msg_element_count(m, HDR_REFER_TO);

    if (n == 0)
        return "Missing Refer-To header field";
    if (n > 1 || msg_count(m, HDR_REFER_TO) > 1)
        return "Several Refer-To header fields";
    if (msg_name_addr(m, HDR_REFER_TO, na) || uri_parse(na->uri, u, NULL))
        return "Bad Refer-To header field";
    return u->scheme == URI_OTHER ? "Refer-To is no SIP or tel URI" : NULL;
}

/* PROTOCOL 5.1: what `accept` does not cover goes end to end. */
static bool must_relay(const struct msg *m, const struct proxy_within *w, const struct uri *target)
{
    struct slice method;

    if (uri_param(target, S("method"), &method) == ERR_OK && !slice_ieq(method, S("INVITE")))
        return true; /* no transfer */
    return !w->id.gen || msg_has(m, HDR_REQUIRE) || msg_has(m, HDR_TARGET_DIALOG);
}

static enum err copy_texts(struct refer *r, const struct msg *m)
{
    struct name_addr contact;
    struct arena    *a = &r->arena;
    enum err         e;

    if ((e = msg_name_addr(m, HDR_CONTACT, &contact)))
        return e;
    if (arena_dup(a, msg_call_id(m), &r->call_id) || arena_dup(a, msg_value(m, HDR_FROM), &r->from_value) ||
        arena_dup(a, msg_value(m, HDR_TO), &r->to_value) || arena_dup(a, m->uri, &r->uri) ||
        arena_dup(a, contact.uri, &r->contact) || arena_dup(a, msg_from_tag(m), &r->from_tag) ||
        arena_dup(a, msg_to_tag(m), &r->to_tag) || arena_dup(a, msg_value(m, HDR_REFER_TO), &r->refer_to_value) ||
        arena_dup(a, msg_value(m, HDR_REFERRED_BY), &r->referred_by))
        return ERR_NOMEM;
    return ERR_OK;
}

void refer_put_number(struct transfer *t, const struct uri *target, struct buf *b)
{
    const struct directory_view *view = directory_take(proxy_directory(t->proxy));

    if (target->scheme == URI_TEL || directory_host_is_ours(view, target->host))
        uri_put_user_key(b, target);
    directory_give(view);
}

/* Who is transferred, and to whom, as numbers of ours: how the transferee's new call will be known. */
static void copy_numbers(struct refer *r, const struct proxy_within *w, const struct uri *target)
{
    enum dialog_side other = dialogs_other(r->from);
    char             number[DIRECTORY_MAX_NUMBER * 3];
    struct buf       b = BUF_ON(number);

    refer_put_number(r->t, target, &b);
    arena_dup(&r->arena, buf_slice(&b), &r->target);
    arena_dup(&r->arena, w->record.side[other].number, &r->transferee);
    r->seen_cseq = w->record.side[other].cseq + w->record.side[other].shift;
}

/* PROTOCOL 7.4: a Refer-To that is the address of one of our phones becomes its AOR, header fields behind '?' kept. */
static struct slice safe_refer_to(struct refer *r, const struct msg *m, const struct name_addr *na, const struct uri *u)
{
    struct location_binding b;
    struct buf              text;
    size_t                  cap = na->uri.n + na->params.n + 1024;
    char                   *room = arena_alloc(shard_scratch(r->sh), cap);
    int64_t                 now = (int64_t)(net_wall_us(shard_net(r->sh)) / 1000);

    if (!room || location_by_contact(proxy_location(r->t->proxy), na->uri, now, shard_scratch(r->sh), &b))
        return SLICE_NONE;
    buf_init(&text, room, cap);
    buf_putc(&text, '<');
    if (proxy_put_number_uri(r->t->proxy, m, b.aor, &text))
        return SLICE_NONE;
    if (u->headers.n)
        buf_puts(&text, S("?"), u->headers);
    buf_puts(&text, S(">"), na->params);
    refer_reason(r, S("Refer-To names the phone itself: it is changed to its number, so that the new call comes through here"));
    return arena_dup(&r->arena, buf_slice(&text), &r->refer_to) ? SLICE_NONE : r->refer_to;
}

enum err refer_open(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                    struct refer **out)
{
    struct refer    *r = mem_zalloc(shard_mem(sh), sizeof *r);
    struct name_addr na;
    struct uri       u;
    struct cseq      cseq;
    enum err         e;

    if (!r)
        return ERR_NOMEM;
    r->t = t;
    r->sh = sh;
    r->dialog = w->id;
    r->from = w->from;
    r->flow = in->from;
    r->serial = atomic_fetch_add(&t->serial, 1);
    arena_init(&r->arena, shard_mem(sh), REFER_BLOCK_OCTETS, REFER_MAX_OCTETS);
    map_insert(&t->shard[shard_index(sh)].refers, &r->by_call, hash_name(&refer_plain, msg_call_id(in->m)));
    map_insert(&t->shard[shard_index(sh)].by_serial, &r->by_serial, r->serial);
    atomic_fetch_add(&t->pending, 1);
    if ((e = msg_cseq(in->m, &cseq)) || (e = copy_texts(r, in->m)) || (e = msg_name_addr(in->m, HDR_REFER_TO, &na)) ||
        (e = uri_parse(na.uri, &u, NULL))) {
        refer_free(r);
        return e;
    }
    r->refer_cseq = cseq.number;
    copy_numbers(r, w, &u);
    r->refer_to = safe_refer_to(r, in->m, &na, &u);
    refer_fit_replaces(r);
    *out = r;
    return ERR_OK;
}

static void on_response(void *arg, struct shard *sh, struct tsx_id id, const struct msg *m, const struct flow *from)
{
    struct refer *r = arg;
    char          text[160];
    struct buf    b = BUF_ON(text);

    (void)sh;
    (void)id;
    (void)from;
    if (m->status < 200)
        return;
    if (m->status < 300) { /* 202, or 200 as RFC 7647 has it: it stops here */
        if (r->state == REFER_EXECUTED && !refer_withdraws(r))
            return;
        refer_watch(r);
        refer_release(r);
        return;
    }
    if (r->state == REFER_EXECUTED)
        return;
    if (refer_wants_execution(m->status)) {
        buf_put(&b, S("the transferee answers the REFER with "));
        buf_putu(&b, m->status);
        refer_execute(r, buf_slice(&b));
        return;
    }
    buf_put(&b, S("the transferee refuses the transfer with "));
    buf_putu(&b, m->status);
    buf_put(&b, S(": the transferor is told so by NOTIFY"));
    refer_reason(r, buf_slice(&b));
    refer_tell(r, m->status);
    refer_release(r);
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id id, enum err why)
{
    struct refer *r = arg;

    (void)sh;
    (void)id;
    if (r->state == REFER_EXECUTED)
        return;
    refer_reason(r, S("the transferee does not answer the REFER: the transferor is told so by NOTIFY"));
    refer_tell(r, why == ERR_TIMEOUT ? 408 : 480);
    refer_release(r);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id id)
{
    struct refer *r = arg;

    (void)sh;
    (void)id;
    r->open--;
    if (r->state == REFER_DONE && !r->open)
        refer_free(r);
}

static const struct stack_client_on refer_client_on = {on_response, on_failed, on_ended};

/* The CDR shall say that the call was transferred, and how. No room for it is no error of the transfer. */
static void note_mode(struct refer *r)
{
    struct dialogs      *d = proxy_dialogs(r->t->proxy);
    struct dialog_record rec;

    if (dialogs_get(d, r->dialog, shard_scratch(r->sh), &rec))
        return;
    rec.mode = DIALOG_MODE_ACCEPT;
    dialogs_put(d, r->dialog, &rec);
}

/* PROTOCOL 5.3: naming us would retarget the dialog. */
static void say_202(struct shard *sh, const struct stack_in *in)
{
    struct stack_reply reply = {.code = 202};
    struct buf         b;
    char              *rows = arena_alloc(shard_scratch(sh), in->m->uri.n + 64);

    if (rows) {
        buf_init(&b, rows, in->m->uri.n + 64);
        buf_puts(&b, S("Contact: <"), in->m->uri, S(">\r\n"));
        reply.rows = buf_slice(&b);
    }
    stack_reply(sh, in->tsx, &reply);
}

enum err refer_carry(struct refer *r, const struct stack_in *in, const struct proxy_within *w)
{
    struct proxy_carry c = {.remove_rows = {S("Refer-Sub")}, .refer_to = r->refer_to,
                            .branch = {r->branch, sizeof r->branch}, .on = &refer_client_on, .arg = r};
    enum err           e = proxy_carry(r->t->proxy, r->sh, in, w, &c, &r->client);

    if (e) {
        refer_reason(r, S("the transferee cannot be reached: the transferor is told so by NOTIFY"));
        r->answered = true;
        refer_tell(r, 480);
        return e;
    }
    r->open++;
    r->state = REFER_CARRIED;
    refer_note_write(r);
    refer_execute_on_silence(r);
    return ERR_OK;
}

/* Why the transferee need not be asked; empty: it is. */
static struct slice why_not_asked(const struct refer *r, const struct proxy_within *w, enum dialog_mode mode)
{
    const struct dialog_party *other = &w->record.side[dialogs_other(w->from)];

    if (mode == DIALOG_MODE_EXECUTE)
        return S("transfers of this user, or of all, are in mode execute");
    if (r->no_replaces)
        return S("the target has a phone that cannot do Replaces (it is not in its Supported)");
    if (!other->number.n)
        return S("the transferee is no phone of this exchange");
    return other->no_refer ? S("the transferee's phone does not know REFER (it is not in its Allow)") : SLICE_NONE;
}

static void accept(struct refer *r, const struct stack_in *in, const struct proxy_within *w, enum dialog_mode mode)
{
    struct buf   b = BUF_ON(r->branch), t;
    char         text[96];
    struct slice why = why_not_asked(r, w, mode);

    buf_put(&b, S("z9hG4bK"));
    stack_put_token(shard_rng(r->sh), &b);
    buf_init(&t, text, sizeof text);
    buf_puts(&t, S("the transferor is a user of this exchange, and transfers are in mode "), dialogs_mode_name(mode));
    refer_note_begin(r, in);
    note_mode(r);
    refer_log(r, LOG_EVENT("transfer.accepted"), 0);
    refer_reason(r, buf_slice(&t));
    say_202(r->sh, in);
    if (why.n)
        refer_execute(r, why);
    else
        refer_carry(r, in, w);
}

/* The transferor's user says how, else the exchange's setting. */
static enum dialog_mode mode_of(const struct transfer *t, const struct directory_user *user)
{
    enum dialog_mode mode = t->mode;

    if (user)
        (void)dialogs_mode_find(directory_setting(user, S("transfer")), &mode); /* unset: it stays */
    return mode;
}

/* The same REFER again: its 202 was lost when the exchange was killed. What came of it goes on. */
static bool is_known(struct transfer *t, struct shard *sh, const struct msg *m)
{
    struct cseq cseq;

    if (msg_cseq(m, &cseq))
        return false;
    for (const struct refer *r = refer_first(t, sh, msg_call_id(m)); r; r = refer_next(r))
        if (r->refer_cseq == cseq.number && slice_eq(r->call_id, msg_call_id(m)) && slice_eq(r->from_tag, msg_from_tag(m)))
            return true;
    return false;
}

void transfer_refer(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                    const struct directory_user *user)
{
    struct stack_reply bad = {.code = 400};
    struct name_addr   na;
    struct uri         u;
    const char        *fault = bad_refer_to(in->m, &na, &u);
    enum dialog_mode   mode = mode_of(t, user);
    struct refer      *r;

    refer_note_revive(t, sh);
    if (fault) {
        bad.reason = slice_z(fault);
        stack_reply(sh, in->tsx, &bad);
        return;
    }
    if (!user && !(w->id.gen && w->record.side[w->from].number.n)) {
        proxy_say(sh, msg_call_id(in->m), S("only users of this exchange may transfer"));
        stack_reply_code(sh, in->tsx, 403);
        return;
    }
    if (refer_goes_round(t, sh, in, w, &u))
        return;
    if (mode == DIALOG_MODE_RELAY || must_relay(in->m, w, &u)) {
        refer_relay(t, sh, in, w);
        return;
    }
    if (!msg_has(in->m, HDR_CONTACT)) {
        bad.reason = S("Missing Contact header field");
        stack_reply(sh, in->tsx, &bad);
        return;
    }
    if (is_known(t, sh, in->m)) {
        proxy_say(sh, msg_call_id(in->m), S("this REFER was accepted before the exchange restarted: its 202 is said again"));
        say_202(sh, in);
        return;
    }
    if (refer_open(t, sh, in, w, &r)) {
        stack_reply_code(sh, in->tsx, 503);
        return;
    }
    r->first = refer_is_first(t, sh, in->m, w->id);
    accept(r, in, w, mode);
}
