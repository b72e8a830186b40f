/* contacts.c - what a REGISTER asks for: Contacts with their times, `*`, Path, instance, order (RFC 3261 §10.2, §10.3 steps
 * 6 and 7; RFC 3327 §5.3; RFC 5626 §4.2).
 *
 * Room      server/registrar.
 * Touches   the shard's scratch arena. */
#include "server/registrar/registrar_priv.h"

static bool refuse(struct shard *sh, const struct stack_in *in, unsigned code, struct slice reason)
{
    struct stack_reply r = {.code = code, .reason = reason};

    stack_reply(sh, in->tsx, &r);
    return false;
}

static bool refuse_brief(struct registrar *r, struct shard *sh, const struct stack_in *in)
{
    char               row[64];
    struct buf         b = BUF_ON(row);
    struct stack_reply reply = {.code = 423};

    msg_put_row_number(&b, HDR_MIN_EXPIRES, r->min_s);
    reply.rows = buf_slice(&b);
    stack_reply(sh, in->tsx, &reply);
    return false;
}

/* Quotes and <> off a +sip.instance value. */
static struct slice bare_instance(struct slice v)
{
    v = slice_trim(v);
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = (struct slice){v.p + 1, v.n - 2};
    if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
        v = (struct slice){v.p + 1, v.n - 2};
    return v;
}

/* §10.2.1.1: the Contact's own time, else the message's, else ours. What cannot be read is as if it were not there
 * (§20.10, §20.19). */
static uint32_t expires_of(struct registrar *r, const struct msg *m, struct slice params)
{
    uint32_t s;

    if (msg_contact_expires(params, &s) != ERR_OK && msg_expires(m, &s) != ERR_OK)
        s = r->default_s;
    return s < r->max_s ? s : r->max_s;
}

static bool read_one(struct registrar *r, struct shard *sh, const struct stack_in *in, const struct name_addr *na,
                     struct location_contact *c)
{
    struct slice v;

    if (msg_q(na->params, &c->q))
        return refuse(sh, in, 400, S("Bad Contact header field"));
    if (slice_istarts(na->uri, S("sips:")) && in->from.kind != TRANSPORT_TLS && in->from.kind != TRANSPORT_WSS)
        return refuse(sh, in, 400, S("A sips Contact needs TLS")); /* what is for it could not get there */
    c->uri = na->uri;
    c->expires_s = expires_of(r, in->m, na->params);
    if (c->expires_s && c->expires_s < r->min_s)
        return refuse_brief(r, sh, in);
    if (msg_param(na->params, S("+sip.instance"), &v) == ERR_OK)
        c->instance = bare_instance(v);
    if (msg_param(na->params, S("reg-id"), &v) == ERR_OK && slice_u32(v, &c->reg_id))
        return refuse(sh, in, 400, S("Bad reg-id"));
    if (!c->instance.n)
        c->reg_id = 0; /* RFC 5626 §6: says nothing then */
    return true;
}

/* RFC 5626 §6: a flow is registered alone; only removals may stand beside it. */
static bool one_flow_at_most(const struct location_change *c)
{
    size_t n = 0, flows = 0;

    for (size_t i = 0; i < c->n_contacts; i++) {
        n += c->contacts[i].expires_s != 0;
        flows += c->contacts[i].expires_s != 0 && c->contacts[i].reg_id;
    }
    return !flows || n == 1;
}

/* `*` stands alone, with Expires: 0 (§10.2.2). */
static bool read_star(struct shard *sh, const struct stack_in *in, struct location_change *c)
{
    uint32_t expires;

    if (msg_element_count(in->m, HDR_CONTACT) != 1 || msg_expires(in->m, &expires) || expires != 0)
        return refuse(sh, in, 400, S("Contact * needs Expires: 0 and no other Contact"));
    c->remove_all = true;
    return true;
}

/* The first Contact has been read already. */
static bool read_element(const struct stack_in *in, size_t i, struct slice element, struct name_addr *na)
{
    return (i ? name_addr_parse(element, na) : msg_name_addr(in->m, HDR_CONTACT, na)) == ERR_OK;
}

static bool read_contacts(struct registrar *r, struct shard *sh, const struct stack_in *in, struct location_change *c)
{
    struct msg_list          it = msg_list_begin(in->m, HDR_CONTACT);
    struct location_contact *list = arena_alloc(shard_scratch(sh), LOCATION_MAX_CONTACTS_HARD * sizeof *list);
    struct slice             element;
    struct name_addr         na;

    if (!list)
        return refuse(sh, in, 503, SLICE_NONE);
    c->contacts = list;
    for (; msg_list_next(&it, &element); c->n_contacts++) {
        struct location_contact *one = &list[c->n_contacts];

        if (c->n_contacts == LOCATION_MAX_CONTACTS_HARD)
            return refuse(sh, in, 403, S("Too Many Contacts"));
        if (slice_eq(slice_trim(element), S("*")))
            return read_star(sh, in, c);
        *one = (struct location_contact){0};
        if (!read_element(in, c->n_contacts, element, &na))
            return refuse(sh, in, 400, S("Bad Contact header field"));
        one->parsed = c->n_contacts ? NULL : msg_contact_uri(in->m);
        if (!read_one(r, sh, in, &na, one))
            return false;
    }
    return one_flow_at_most(c) || refuse(sh, in, 400, S("One Contact with reg-id at a time"));
}

/* All Path rows as one Route value. RFC 3327 §5.3: without Supported: path the phone would not know: 420; but a Path that
 * our own edge put there is fine, and so is one from a phone that says nothing (many do): it is taken. */
static bool read_path(struct shard *sh, const struct stack_in *in, struct location_change *c)
{
    struct msg_list it = msg_list_begin(in->m, HDR_PATH);
    struct slice    element;
    char           *room;
    struct buf      b;

    if (!msg_has(in->m, HDR_PATH))
        return true;
    room = arena_alloc(shard_scratch(sh), LOCATION_MAX_PATH);
    buf_init(&b, room, room ? LOCATION_MAX_PATH : 0);
    while (msg_list_next(&it, &element))
        buf_puts(&b, b.n ? S(", ") : S(""), slice_trim(element));
    if (buf_err(&b))
        return refuse(sh, in, 400, S("Path is too long"));
    c->path = buf_slice(&b);
    return true;
}

bool registrar_read(struct registrar *r, struct shard *sh, const struct stack_in *in, struct location_change *c)
{
    struct cseq cseq;
    struct buf  received;
    char       *text = arena_alloc(shard_scratch(sh), ADDR_MAX_TEXT);

    if (msg_cseq(in->m, &cseq))
        return refuse(sh, in, 400, S("Bad CSeq header field"));
    if (!read_contacts(r, sh, in, c) || !read_path(sh, in, c))
        return false;
    buf_init(&received, text, text ? ADDR_MAX_TEXT : 0);
    addr_put(&received, &in->from.remote);
    c->received = buf_slice(&received);
    c->call_id = msg_call_id(in->m);
    c->cseq = cseq.number;
    c->agent = msg_value(in->m, HDR_USER_AGENT);
    c->flow = (struct slice){(const char *)&in->from, sizeof in->from}; /* it has no padding, so it can be compared */
    c->stream = transport_is_reliable(in->from.kind);
    return true;
}
