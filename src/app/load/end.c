/* end.c - what both ends of a call have: memory, their shard's map, requests within the dialog.
 *
 * Room      app/load.
 * Must hold an end is in its shard's map from load_end_new() to load_end_free(). */
#include <stdio.h>
#include <string.h>

#include "app/load/load_priv.h"

static uint64_t hash_of(const struct load *l, struct slice call_id, bool is_callee)
{
    return hash_pair(&l->key, call_id, is_callee ? S("callee") : S("caller"));
}

struct end *load_end_new(struct load *l, struct shard *sh, struct slice call_id, bool is_callee)
{
    struct ends *ends = shard_data(sh);
    struct end  *e = mem_zalloc(shard_mem(sh), sizeof *e);

    if (!e)
        return NULL;
    e->load = l;
    e->sh = sh;
    e->is_callee = is_callee;
    arena_init(&e->arena, shard_mem(sh), LOAD_ARENA_OCTETS, 0);
    if (arena_dup(&e->arena, call_id, &e->call_id)) {
        mem_free(shard_mem(sh), e, sizeof *e);
        return NULL;
    }
    map_insert(&ends->map, &e->node, hash_of(l, call_id, is_callee));
    return e;
}

struct end *load_end_find(struct load *l, struct shard *sh, struct slice call_id, bool is_callee)
{
    struct ends     *ends = shard_data(sh);
    struct map_node *n = map_find(&ends->map, hash_of(l, call_id, is_callee));

    while (n && (MAP_OF(n, struct end, node)->is_callee != is_callee || !slice_eq(MAP_OF(n, struct end, node)->call_id, call_id)))
        n = map_find_next(n);
    return n ? MAP_OF(n, struct end, node) : NULL;
}

void load_end_free(struct end *e)
{
    struct ends *ends = shard_data(e->sh);
    struct mem  *mem = shard_mem(e->sh);

    shard_timer_stop(e->sh, &e->timer);
    if (!e->is_callee)
        stack_forget(e->sh, e->tsx);
    stack_forget(e->sh, e->within);
    stack_forget(e->sh, e->info);
    map_remove(&ends->map, &e->node);
    mem_free(mem, e->kept, e->n_kept);
    arena_close(&e->arena);
    mem_free(mem, e, sizeof *e);
}

uint64_t load_end_now_us(const struct end *e)
{
    return net_now_us(e->load->net);
}

void load_end_over(struct end *e, const char *cause)
{
    struct load *l = e->load;
    bool         is_callee = e->is_callee, measured = e->measured;

    if (e->wrong)
        cause = e->wrong;
    if (e->asking)
        pace_ended(l, true, "INFO in a call that ended");
    load_end_free(e);
    if (!is_callee)
        pace_ended(l, measured, cause);
    else if (cause)
        figures_cause(&l->figures, cause);
}

void load_end_timer(struct end *e, void (*fire)(void *end), uint64_t in_ms)
{
    e->timer.fire = fire;
    e->timer.arg = e;
    shard_timer_start(e->sh, &e->timer, in_ms);
}

/* ---- the request that makes the dialog ---- */

enum err load_end_begin(struct end *e, const struct end_request *r)
{
    struct buf b = load_scratch(e->sh, LOAD_HEAD_OCTETS);
    char       uri_room[128];
    struct buf uri = BUF_ON(uri_room);
    bool       call = r->method == METHOD_INVITE;

    load_phone_put_uri(&uri, e->peer);
    msg_put_request_line(&b, method_name(r->method), buf_slice(&uri));
    msg_put_row_number(&b, HDR_MAX_FORWARDS, 70);
    buf_put(&b, S("From: <"));
    load_phone_put_uri(&b, e->phone);
    buf_puts(&b, S(">;tag="), (struct slice){e->tag, sizeof e->tag}, S("\r\nTo: <"), buf_slice(&uri), S(">\r\n"));
    msg_put_row(&b, HDR_CALL_ID, e->call_id);
    msg_put_cseq(&b, ++e->cseq, method_name(r->method));
    load_phone_put_contact(&b, e->phone);
    load_put_common(&b);
    buf_put(&b, r->rows);
    load_login_put(e->phone, &b, &(struct load_ask){r->method, buf_slice(&uri)});
    msg_put_end(&b, call ? S("application/sdp") : SLICE_NONE, call ? load_sdp : SLICE_NONE);
    if (buf_err(&b))
        return ERR_LIMIT;
    e->tries++;
    return stack_request(e->sh, &(struct stack_send){.octets = buf_slice(&b), .flow = load_phone_flow(e->phone), .on = r->on, .arg = e},
                         &e->tsx);
}

/* ---- requests within the dialog ---- */

/* Where the route set or the target leads, from the phone's own address; the server by the phone's own connection. */
static bool flow_of(const struct end *e, struct slice hop, struct flow *out)
{
    struct addr to;
    struct uri  u;

    *out = *load_phone_flow(e->phone);
    if (e->load->o.relay) /* as with an outbound proxy: RFC 3261 §8.1.2 */
        return true;
    if (uri_parse(hop, &u, NULL) || addr_parse_ip(u.host, &to))
        return false;
    to.port = u.port ? u.port : transport_default_port((enum transport_kind)out->kind);
    if (out->kind != TRANSPORT_UDP)
        return addr_eq(&to, &out->remote);
    out->remote = to;
    return true;
}

enum err load_end_request(struct end *e, const struct end_request *r)
{
    struct shard     *sh = e->sh;
    struct buf        b = load_scratch(sh, LOAD_HEAD_OCTETS + r->rows.n);
    struct slice      hop = dialog_next_hop(&e->dialog);
    struct stack_send s = {.on = r->on, .arg = e};
    struct flow       flow;
    struct uri        uri;
    bool              ack = r->method == METHOD_ACK;

    dialog_put_request(&b, &e->dialog, method_name(r->method), ack ? e->cseq : dialog_next_cseq(&e->dialog));
    if (r->method == METHOD_REFER || r->method == METHOD_SUBSCRIBE)
        load_phone_put_contact(&b, e->phone);
    load_put_common(&b);
    buf_put(&b, r->rows);
    load_login_put(e->phone, &b, &(struct load_ask){r->method, e->dialog.target});
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    if (buf_err(&b))
        return ERR_LIMIT;
    s.octets = buf_slice(&b);
    if (flow_of(e, hop, &flow))
        s.flow = &flow;
    else if (uri_parse(hop, &uri, NULL))
        return ERR_SYNTAX;
    else
        s.next_hop = &uri;
    if (ack)
        return stack_send(sh, &s);
    e->tries++;
    return stack_request(sh, &s, r->method == METHOD_INFO ? &e->info : &e->within);
}

bool load_end_again(struct end *e, const struct msg *m, const struct end_request *r)
{
    if ((m->status != 401 && m->status != 407) || e->tries >= LOAD_MAX_TRIES || load_login_challenged(e->phone, e->sh, m))
        return false;
    return load_end_request(e, r) == ERR_OK;
}

/* ---- BYE ---- */

static void bye_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void bye_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on bye_on = {.response = bye_answered, .failed = bye_failed};
static const struct end_request     bye = {.method = METHOD_BYE, .on = &bye_on};

static void bye_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct end *e = arg;
    char        cause[LOAD_CAUSE_OCTETS];

    (void)sh;
    (void)t;
    (void)from;
    if (m->status < 200 || load_end_again(e, m, &bye))
        return;
    if (m->status < 300) {
        if (e->measured)
            histogram_add(&e->load->figures.latency[LATENCY_BYE], load_end_now_us(e) - e->asked_us);
        load_end_over(e, NULL);
        return;
    }
    (void)snprintf(cause, sizeof cause, "BYE %u", m->status);
    load_end_over(e, cause);
}

static void bye_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    (void)sh;
    (void)t;
    load_end_over(arg, why == ERR_TIMEOUT ? "BYE without an answer" : "BYE could not be sent");
}

void load_end_bye(struct end *e)
{
    e->leaving = true;
    e->tries = 0;
    e->asked_us = load_end_now_us(e);
    if (load_end_request(e, &bye))
        load_end_over(e, "BYE could not be sent");
}
