/* phones.c - the phones: numbers, addresses, registrations.
 *
 * Room      app/load.
 * Touches   struct load_phone. A phone has one REGISTER under way at most. */
#include <stdio.h>

#include "app/load/load_priv.h"

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on client_on = {.response = on_response, .failed = on_failed};

enum err load_phones_open(struct load *l)
{
    l->phones = mem_zalloc(&l->mem, l->o.n_users * sizeof *l->phones);
    if (!l->phones)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < l->o.n_users; i++) {
        l->phones[i].load = l;
        l->phones[i].index = i;
    }
    return load_connections_open(l);
}

void load_phones_close(struct load *l)
{
    load_connections_close(l);
    mem_free(&l->mem, l->phones, l->o.n_users * sizeof *l->phones);
}

void load_phone_put_number(struct buf *b, const struct load_phone *p)
{
    buf_putu(b, p->load->o.first_user + p->index);
}

void load_phone_put_uri(struct buf *b, const struct load_phone *p)
{
    buf_put(b, S("sip:"));
    load_phone_put_number(b, p);
    buf_puts(b, S("@"), p->load->domain);
}

void load_phone_put_contact(struct buf *b, const struct load_phone *p)
{
    const struct flow *f = load_phone_flow(p);

    buf_puts(b, hdr_name(HDR_CONTACT), S(": <sip:"));
    load_phone_put_number(b, p);
    buf_putc(b, '@');
    flow_put_sent_by(p->load->transport, f, b);
    if (f->kind != TRANSPORT_UDP)
        buf_puts(b, S(";transport="), transport_param_name((enum transport_kind)f->kind));
    buf_put(b, S(">\r\n"));
}

struct load_phone *load_phone_of(struct load *l, struct slice number)
{
    uint64_t n;

    if (slice_u64(number, UINT32_MAX, &n) || n < l->o.first_user || n - l->o.first_user >= l->o.n_users)
        return NULL;
    return &l->phones[n - l->o.first_user];
}

const struct flow *load_phone_flow(const struct load_phone *p)
{
    return p->load->connections ? &p->load->connections[p->index].flow : &p->load->flow[p->index % p->load->o.n_local];
}

struct load_phone *load_phone_next(struct load *l)
{
    struct load_phone *p = &l->phones[l->next_phone];

    l->next_phone = (l->next_phone + 1) % l->o.n_users;
    return p;
}

/* ---- REGISTER ---- */

static void put_call_id(struct buf *b, const struct load_phone *p)
{
    buf_put(b, S("register-"));
    load_phone_put_number(b, p);
    buf_putc(b, '-');
    buf_puthex64(b, p->load->key.k0); /* of this run */
}

static enum err send(struct load_phone *p, struct shard *sh)
{
    struct load *l = p->load;
    struct buf   b = load_scratch(sh, LOAD_HEAD_OCTETS);
    char         uri_room[ADDR_MAX_TEXT + 8];
    struct buf   uri = BUF_ON(uri_room);
    struct tsx_id tsx;

    buf_puts(&uri, S("sip:"), l->domain);
    msg_put_request_line(&b, method_name(METHOD_REGISTER), buf_slice(&uri));
    msg_put_row_number(&b, HDR_MAX_FORWARDS, 70);
    buf_put(&b, S("From: <"));
    load_phone_put_uri(&b, p);
    buf_put(&b, S(">;tag="));
    buf_putu(&b, p->index);
    buf_put(&b, S("\r\nTo: <"));
    load_phone_put_uri(&b, p);
    buf_put(&b, S(">\r\nCall-ID: "));
    put_call_id(&b, p);
    buf_put(&b, S("\r\n"));
    msg_put_cseq(&b, ++p->cseq, method_name(METHOD_REGISTER));
    load_phone_put_contact(&b, p);
    msg_put_row_number(&b, HDR_EXPIRES, l->o.expires_s);
    load_put_common(&b);
    load_login_put(p, &b, &(struct load_ask){METHOD_REGISTER, buf_slice(&uri)});
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    if (buf_err(&b))
        return ERR_LIMIT;
    p->tries++;
    return stack_request(sh, &(struct stack_send){.octets = buf_slice(&b), .flow = load_phone_flow(p), .on = &client_on, .arg = p}, &tsx);
}

static void over(struct load_phone *p, const char *cause)
{
    p->busy = false;
    if (!cause)
        load_connection_good(p);
    else if (p->returns)
        load_connection_wait(p);
    if (p->returns)
        return;
    if (!cause && p->counted)
        histogram_add(&p->load->figures.latency[LATENCY_REGISTER], net_now_us(p->load->net) - p->begun_us);
    pace_ended(p->load, p->counted, cause);
}

static void begin(void *arg, struct shard *sh)
{
    struct load_phone *p = arg;

    if (load_connection_need(p) || send(p, sh))
        over(p, "REGISTER could not be sent");
}

bool load_phone_register(struct load_phone *p, enum load_phone_why why)
{
    struct load *l = p->load;
    char         room[64];
    struct buf   call_id = BUF_ON(room);

    if (p->busy)
        return false;
    if (l->o.kind == LOAD_REGISTER && why == LOAD_PHONE_WORKS)
        p->login.n_nonce = 0; /* as one that has never been challenged */
    p->busy = true;
    p->counted = why == LOAD_PHONE_WORKS;
    p->returns = why == LOAD_PHONE_RETURNS;
    p->tries = 0;
    p->begun_us = net_now_us(l->net);
    put_call_id(&call_id, p);
    if (stack_run(l->stack, 0, stack_shard_of(l->stack, buf_slice(&call_id)), begin, p)) {
        p->busy = false;
        return false;
    }
    return true;
}

/* The 200 lists our Contact (RFC 3261 §10.2.4). */
static bool lists_us(const struct load_phone *p, const struct msg *m)
{
    char            room[128];
    struct buf      ours = BUF_ON(room);
    struct msg_list it = msg_list_begin(m, HDR_CONTACT);
    struct slice    one;

    load_phone_put_contact(&ours, p);
    while (msg_list_next(&it, &one)) {
        struct name_addr na;

        if (!name_addr_parse(one, &na) && slice_find_slice(buf_slice(&ours), na.uri) != SIZE_MAX)
            return true;
    }
    return false;
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct load_phone *p = arg;
    char               cause[LOAD_CAUSE_OCTETS];

    (void)t;
    (void)from;
    if (m->status < 200)
        return;
    if ((m->status == 401 || m->status == 407) && p->tries < LOAD_MAX_TRIES && !load_login_challenged(p, sh, m)) {
        begin(p, sh);
        return;
    }
    if (!p->returns && pace_later(p->load, m)) {
        p->busy = false;
        return;
    }
    if (m->status < 300) {
        pace_registered(p->load, p);
        over(p, lists_us(p, m) ? NULL : "REGISTER 200 without our Contact");
        return;
    }
    (void)snprintf(cause, sizeof cause, "REGISTER %u", m->status);
    over(p, cause);
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    (void)sh;
    (void)t;
    over(arg, why == ERR_TIMEOUT ? "REGISTER without an answer" : "REGISTER could not be sent");
}
