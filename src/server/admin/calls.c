/* calls.c - acts on what goes on: bindings, calls in progress, calls that have ended.
 *
 * Room      server/admin.
 * Touches   server/location, dialogs, store: only to read; ending a call is the exchange's (admin_config.end_call). */
#include "server/admin/admin_priv.h"

enum { CDR_DEFAULT_MAX = 100 };

struct filtered {
    struct slice number; /* empty: all */
    json_t      *list;
    int64_t      now_ms;
};

static bool add_binding(void *arg, const struct location_binding *b)
{
    struct filtered *f = arg;
    json_t          *o;

    if (f->number.n && !slice_eq(f->number, b->aor))
        return true;
    o = json_object();
    act_set_slice(o, "number", b->aor);
    act_set_slice(o, "contact", b->contact);
    act_set_slice(o, "received", b->received);
    act_set_slice(o, "agent", b->agent);
    act_set_number(o, "q", b->q);
    act_set_number(o, "registered-ms", b->registered_ms);
    act_set_number(o, "expires-s", (b->expires_ms - f->now_ms) / 1000);
    json_array_append_new(f->list, o);
    return true;
}

json_t *act_bindings_list(const struct request *r)
{
    struct filtered f = {act_text(r, "number"), json_array(), act_now_ms(r)};
    json_t         *out = act_ok();
    enum err        e = location_each(r->a->config.location, f.now_ms, add_binding, &f);

    json_object_set_new(out, "bindings", f.list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the bindings cannot be listed", e);
}

static bool add_call(void *arg, struct dialog_id id, const struct dialog_record *rec)
{
    char       text[DIALOGS_ID_TEXT];
    struct buf b = BUF_ON(text);
    json_t    *o;

    if (rec->state == DIALOG_ENDED || (rec->state == DIALOG_EARLY && !rec->writes_cdr))
        return true; /* over; or another phone of a call that is listed already */
    o = json_object();
    dialogs_id_text(&b, id);
    act_set_slice(o, "id", buf_slice(&b));
    act_set_slice(o, "call-id", rec->call_id);
    act_set_slice(o, "caller", dialogs_who(&rec->side[DIALOG_CALLER]));
    act_set_slice(o, "callee", dialogs_who(&rec->side[DIALOG_CALLEE]));
    json_object_set_new(o, "state", json_string(rec->state == DIALOG_EARLY ? rec->code >= 180 ? "ringing" : "calling" : "talking"));
    act_set_number(o, "started-ms", rec->started_ms);
    act_set_number(o, "answered-ms", rec->answered_ms);
    json_array_append_new(arg, o);
    return true;
}

/* Nothing is set where no exchange runs. */
static void set_overload(const struct request *r, json_t *out)
{
    struct admin_overload n = {0};
    json_t               *o;

    if (!r->a->config.overload)
        return;
    r->a->config.overload(r->a->config.ctx, &n);
    o = json_object();
    act_set_number(o, "workers", n.workers);
    act_set_number(o, "since-ms", n.since_ms);
    act_set_number(o, "calls-per-s", (int64_t)n.calls_per_s);
    act_set_number(o, "let-in", (int64_t)n.let_in);
    act_set_number(o, "refused", (int64_t)n.refused);
    act_set_number(o, "silent", (int64_t)n.silent);
    json_object_set_new(out, "overload", o);
}

json_t *act_calls_list(const struct request *r)
{
    json_t  *out = act_ok(), *list = json_array();
    enum err e = dialogs_each(r->a->config.dialogs, add_call, list);

    json_object_set_new(out, "calls", list);
    set_overload(r, out);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the calls cannot be listed", e);
}

json_t *act_calls_end(const struct request *r)
{
    struct dialog_id id;
    enum err         e;

    if (dialogs_id_parse(act_text(r, "id"), &id))
        return act_failed("that is no call's id: `strowger calls` lists them");
    if (!r->a->config.end_call)
        return act_failed("the exchange does not run, so it cannot end a call: start it first");
    e = r->a->config.end_call(r->a->config.ctx, id);
    if (e == ERR_NOTFOUND)
        return act_failed("there is no such call (any more): `strowger calls` lists them");
    return e ? act_failed_err("the call cannot be ended", e) : act_ok();
}

static void set_hundredths(json_t *o, const char *key, uint32_t n)
{
    if (n != STORE_UNKNOWN)
        json_object_set_new(o, key, json_real(n / 100.0));
}

static void set_ms(json_t *o, const char *key, uint32_t n)
{
    if (n != STORE_UNKNOWN)
        act_set_number(o, key, n);
}

/* How that side has heard; NULL: nobody has told. */
static json_t *quality(const struct store_cdr *c, enum store_side side)
{
    const struct store_quality *q = &c->quality[side];
    json_t                     *o;

    if (!c->heard[side])
        return NULL;
    o = json_object();
    set_hundredths(o, "loss-percent", q->loss);
    set_hundredths(o, "discard-percent", q->discard);
    set_ms(o, "jitter-ms", q->jitter_ms);
    set_ms(o, "round-trip-ms", q->round_trip_ms);
    set_hundredths(o, "mos", q->mos_cq);
    set_hundredths(o, "mos-listening", q->mos_lq);
    act_set_slice(o, "codec", q->codec);
    if (q->hearsay)
        json_object_set_new(o, "told-by-the-other-side", json_true());
    return o;
}

static bool add_cdr(void *arg, const struct store_cdr *c)
{
    json_t *o = json_object();

    act_set_slice(o, "call-id", c->call_id);
    act_set_slice(o, "caller", c->caller);
    act_set_slice(o, "callee", c->callee);
    act_set_number(o, "started-ms", c->started_ms);
    act_set_number(o, "answered-ms", c->answered_ms);
    act_set_number(o, "ended-ms", c->ended_ms);
    act_set_number(o, "code", c->code);
    act_set_slice(o, "ended-by", c->ended_by);
    act_set_slice(o, "why", c->why);
    act_set_slice(o, "mode", c->mode);
    json_object_set_new(o, "caller-hears", quality(c, STORE_CALLER)); /* nothing is set where there is nothing */
    json_object_set_new(o, "callee-hears", quality(c, STORE_CALLEE));
    json_array_append_new(arg, o);
    return true;
}

json_t *act_cdr_list(const struct request *r)
{
    json_t                *max = json_object_get(r->in, "max"), *out = act_ok(), *list = json_array();
    struct store_cdr_query q = {.party = act_text(r, "party"), .max = CDR_DEFAULT_MAX};
    enum err               e;

    if (json_is_integer(max) && json_integer_value(max) > 0 && json_integer_value(max) <= UINT32_MAX)
        q.max = (uint32_t)json_integer_value(max);
    store_flush(r->a->config.store); /* of calls that ended just now, too */
    e = store_each_cdr(r->a->config.store, &q, add_cdr, list);
    json_object_set_new(out, "cdrs", list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the CDRs cannot be read", e);
}

json_t *act_status(const struct request *r)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    struct directory_counts      users;
    struct location_counters     where;
    struct dialogs_counters      calls;
    json_t                      *out = act_ok();

    directory_counts(view, &users);
    directory_give(view);
    location_counters(r->a->config.location, &where);
    dialogs_counters(r->a->config.dialogs, &calls);
    json_object_set_new(out, "running", json_boolean(r->a->config.end_call != NULL));
    act_set_number(out, "users", (int64_t)users.users);
    act_set_number(out, "bindings", (int64_t)where.bindings);
    act_set_number(out, "calls", (int64_t)calls.records);
    set_overload(r, out);
    return out;
}
