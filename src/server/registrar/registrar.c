/* registrar.c - REGISTER: checked, turned into a change of the location, answered when that is on disk (RFC 3261 §10.3).
 *
 * Room      server/registrar.
 * In        server/core.
 * Touches   server/location, by location_update(). While a change is being committed the transaction waits in a `pending`
 *           of its shard; the commit comes back on any thread and is posted to that shard.
 * Not here  who may register what (server/account); storing (server/location). */
#include <stdatomic.h>
#include <string.h>

#include "base/list.h"
#include "server/registrar/registrar_priv.h"

enum {
    GRUUS_OCTETS = 2048, /* of a public one, in which each octet of the instance may be escaped, and a temporary one */
    ROW_OCTETS = 160, /* of a Contact row, beside its URI, instance and GRUUs: their names, expires, q, reg-id */
    ROWS_OCTETS = 128 /* of the other rows, beside the path: their names, Require, Date */
};

enum err registrar_open(const struct registrar_config *config, struct registrar **out)
{
    struct registrar *r = mem_zalloc(config->mem, sizeof *r);

    if (!r)
        return ERR_NOMEM;
    r->mem = config->mem;
    r->account = config->account;
    r->directory = config->directory;
    r->location = config->location;
    r->min_s = config->min_s ? config->min_s : REGISTRAR_MIN_S;
    r->max_s = config->max_s ? config->max_s : REGISTRAR_MAX_S;
    r->default_s = config->default_s ? config->default_s : REGISTRAR_DEFAULT_S;
    *out = r;
    return ERR_OK;
}

void registrar_close(struct registrar *r)
{
    if (r)
        mem_free(r->mem, r, sizeof *r);
}

static void pending_free(struct pending *p)
{
    arena_close(&p->arena);
    mem_free(p->r->mem, (void *)(size_t)p->head.p, p->head.n);
    mem_free(p->r->mem, p, sizeof *p + PENDING_BLOCK_OCTETS);
}

static void refuse(struct shard *sh, const struct stack_in *in, unsigned code, struct slice reason)
{
    struct stack_reply r = {.code = code, .reason = reason};

    stack_reply(sh, in->tsx, &r);
}

/* ---- after the location has done it ---- */

static unsigned code_of(enum err e, struct slice *reason)
{
    switch (e) {
    case ERR_STALE: *reason = S("Out of Order CSeq"); return 500; /* §10.3 step 7 */
    case ERR_LIMIT: *reason = S("Too Many Contacts"); return 403;
    case ERR_SYNTAX: *reason = S("Bad Contact header field"); return 400;
    case ERR_INVALID: *reason = S("Contact Named Twice"); return 400;
    case ERR_BUSY:
    case ERR_FULL: *reason = SLICE_NONE; return 503;
    default: *reason = S("Binding Not Stored"); return 500; /* disk full, no memory: nothing has changed */
    }
}

static void answer(struct shard *sh, const struct pending *p)
{
    struct stack_reply r = {.code = 200, .rows = p->rows, .head = p->head};

    if (p->result != ERR_OK) {
        r = (struct stack_reply){0};
        r.code = code_of(p->result, &r.reason);
    }
    stack_reply(sh, p->tsx, &r);
}

static void in_shard(void *arg, struct shard *sh)
{
    answer(sh, arg);
    pending_free(arg);
}

/* One Contact row for each binding, with what is left of it (§10.3 step 8), and its GRUUs (RFC 5627 §5.1). */
static void put_binding(struct pending *p, const struct location_binding *b, struct buf *rows)
{
    int64_t left = (b->expires_ms - p->now_ms + 999) / 1000;

    buf_puts(rows, S("Contact: <"), b->contact, S(">;expires="));
    buf_putu(rows, left > 0 ? (uint64_t)left : 0);
    if (b->q != 1000) {
        buf_put(rows, S(";q=0."));
        buf_putu_wide(rows, b->q, 3);
    }
    if (b->instance.n)
        buf_puts(rows, S(";+sip.instance=\"<"), b->instance, S(">\""));
    if (b->reg_id) {
        buf_put(rows, S(";reg-id="));
        buf_putu(rows, b->reg_id);
    }
    if (p->gruu && b->instance.n) {
        buf_put(rows, S(";pub-gruu=\""));
        location_put_pub_gruu(rows, b);
        buf_put(rows, S("\";temp-gruu=\""));
        location_put_temp_gruu(p->r->location, rows, b);
        buf_put(rows, S("\""));
    }
    buf_put(rows, S("\r\n"));
}

/* Octets that the rows may take. */
static size_t rows_room(const struct pending *p, const struct location_binding *list, size_t n)
{
    size_t octets = ROWS_OCTETS + p->path.n;

    for (size_t i = 0; i < n; i++)
        octets += ROW_OCTETS + list[i].contact.n + list[i].instance.n + (p->gruu ? GRUUS_OCTETS : 0);
    return octets < REGISTRAR_MAX_ROWS ? octets : REGISTRAR_MAX_ROWS;
}

static void put_rows(struct pending *p, const struct location_binding *list, size_t n)
{
    size_t     octets = rows_room(p, list, n);
    char      *room = arena_alloc(&p->arena, octets);
    struct buf rows;

    buf_init(&rows, room, room ? octets : 0);
    for (size_t i = 0; i < n; i++)
        put_binding(p, &list[i], &rows);
    if (p->path.n)
        msg_put_row(&rows, HDR_PATH, p->path);
    if (p->outbound)
        msg_put_row(&rows, HDR_REQUIRE, S("outbound"));
    buf_put(&rows, (struct slice){p->date, sizeof p->date});
    p->rows = buf_slice(&rows);
}

/* On whatever thread the store calls back. */
static void on_done(void *arg, enum err e, const struct location_binding *list, size_t n)
{
    struct pending *p = arg;

    p->result = e;
    if (e == ERR_OK)
        put_rows(p, list, n);
    if (atomic_exchange(&p->done, 1) == 0)
        return; /* registrar_request() is still inside location_update(): it answers itself */
    if (stack_post(p->stack, p->shard, in_shard, p))
        pending_free(p); /* no memory even for that: the phone repeats its REGISTER */
}

/* ---- before ---- */

/* RFC 3261 §10.3 steps 1 to 4, but for who it is: whoever has shown a password has that number. False: it has been answered. */
static bool may_be_taken(struct shard *sh, const struct stack_in *in, struct slice number)
{
    char            rows[1024];
    struct buf      b = BUF_ON(rows);
    struct msg_list it = msg_list_begin(in->m, HDR_REQUIRE);
    struct slice    tag;

    while (msg_list_next(&it, &tag))
        if (!slice_ieq(tag, S("path")) && !slice_ieq(tag, S("outbound")) && !slice_ieq(tag, S("gruu")))
            msg_put_row(&b, HDR_UNSUPPORTED, tag);
    if (b.n || b.overflow) {
        stack_reply(sh, in->tsx, &(struct stack_reply){.code = 420, .rows = buf_slice(&b)});
        return false;
    }
    if (!number.n) {
        refuse(sh, in, 404, SLICE_NONE);
        return false;
    }
    return true;
}

/* Who the registration is for: To's user, at a host that is ours, or will be by this. False: answered. */
static bool read_aor(struct shard *sh, const struct stack_in *in, const struct directory_view *view, struct buf *number,
                     struct slice *aor_uri)
{
    const struct uri *u = msg_to_uri(in->m);

    if (!u || !uri_is_sip(u)) {
        refuse(sh, in, 400, S("To is no SIP URI"));
        return false;
    }
    if (!directory_host_may_be_ours(view, u->host)) {
        refuse(sh, in, 404, SLICE_NONE);
        return false;
    }
    uri_put_user_key(number, u);
    *aor_uri = u->raw;
    return true;
}

static const char *date_row(struct registrar *r, struct shard *sh, int64_t now_ms)
{
    struct date_row *d = &r->date[shard_index(sh)];
    struct buf       b = BUF_ON(d->text);

    if (!d->text[0] || d->second != now_ms / 1000) {
        d->second = now_ms / 1000;
        buf_put(&b, S("Date: "));
        msg_put_date(&b, (uint64_t)d->second);
        buf_put(&b, S("\r\n"));
    }
    return d->text;
}

static struct pending *pending_make(struct registrar *r, struct shard *sh, const struct stack_in *in, const struct location_change *c)
{
    struct pending *p = mem_alloc(r->mem, sizeof *p + PENDING_BLOCK_OCTETS);

    if (!p)
        return NULL;
    *p = (struct pending){.r = r, .stack = shard_stack(sh), .shard = shard_index(sh), .tsx = in->tsx, .now_ms = c->now_ms};
    arena_init_in(&p->arena, p->block, PENDING_BLOCK_OCTETS, r->mem, PENDING_BLOCK_OCTETS, PENDING_MAX_OCTETS);
    memcpy(p->date, date_row(r, sh, c->now_ms), sizeof p->date);
    p->gruu = msg_has_token(in->m, HDR_SUPPORTED, S("gruu"));
    for (size_t i = 0; i < c->n_contacts; i++) /* RFC 5626 §6 */
        p->outbound = p->outbound || (c->contacts[i].reg_id && msg_has_token(in->m, HDR_SUPPORTED, S("outbound")));
    if (c->path.n && msg_has_token(in->m, HDR_SUPPORTED, S("path")))
        arena_dup(&p->arena, c->path, &p->path);
    return p;
}

/* The request is gone when the store has it, so its part of the 200 is kept; without memory for that it is parsed again. */
static void keep_head(struct pending *p, struct shard *sh)
{
    struct slice head;
    char        *copy;

    if (stack_reply_head(sh, p->tsx, &(struct stack_reply){.code = 200}, &head) || !(copy = mem_alloc(p->r->mem, head.n)))
        return;
    memcpy(copy, head.p, head.n);
    p->head = (struct slice){copy, head.n};
}

static void start(struct registrar *r, struct shard *sh, const struct stack_in *in, struct location_change *c)
{
    struct pending *p = pending_make(r, sh, in, c);

    if (!p) {
        refuse(sh, in, 503, SLICE_NONE);
        return;
    }
    location_update(r->location, c, on_done, p);
    if (!atomic_load(&p->done))
        keep_head(p, sh);
    if (atomic_exchange(&p->done, 1) == 0)
        return; /* on_done() will post */
    answer(sh, p);
    pending_free(p);
}

void registrar_request(struct registrar *r, struct shard *sh, const struct stack_in *in, const struct directory_view *view)
{
    struct location_change  c = {0};
    struct account_question q = {.in = in, .view = view, .answer = ACCOUNT_401};
    char                    room[3 * LOCATION_MAX_AOR];
    struct buf              number = BUF_ON(room);
    const struct uri       *u;

    q.now_ms = net_wall_us(shard_net(sh)) / 1000;
    if (!read_aor(sh, in, view, &number, &c.aor_uri))
        return;
    q.number = c.aor = buf_slice(&number);
    if (account_check(r->account, sh, &q, NULL, NULL) || !may_be_taken(sh, in, c.aor))
        return;
    c.now_ms = (int64_t)q.now_ms;
    if (!registrar_read(r, sh, in, &c))
        return;
    if ((u = msg_request_uri(in->m)))
        directory_learn_host(r->directory, u->host);
    start(r, sh, in, &c);
}
