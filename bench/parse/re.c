/* re.c - libre as a reader: sip_msg_decode() reads what it holds ready, sip_addr_decode() the rest. */
#include <stdint.h>
#include <sys/socket.h>

#include <re.h>

#include "reader.h"

enum { OCTETS = 64 * 1024 };

static struct mbuf *datagram; /* as it would come from a socket */

static struct slice text_of(const struct pl *pl)
{
    return (struct slice){pl->p, pl->l};
}

static void put_uri(struct fields *f, enum field user, const struct uri *uri)
{
    f->text[user] = text_of(&uri->user);
    f->text[user + 1] = text_of(&uri->host);
}

static void put_party(struct fields *f, enum field user, const struct sip_taddr *party)
{
    put_uri(f, user, &party->uri);
    f->text[user + 2] = text_of(&party->tag);
}

static bool put_first(struct fields *f, enum field user, const struct sip_msg *m, enum sip_hdrid id)
{
    const struct sip_hdr *hdr = sip_msg_hdr(m, id);
    struct sip_addr       addr;

    if (!hdr || pl_strcmp(&hdr->val, "*") == 0)
        return true;
    if (sip_addr_decode(&addr, &hdr->val))
        return false;
    put_uri(f, user, &addr.uri);
    return true;
}

static bool put_all(struct fields *f, const struct sip_msg *m)
{
    f->status = m->scode;
    f->text[FIELD_METHOD] = text_of(&m->met);
    put_uri(f, FIELD_URI_USER, &m->uri);
    f->text[FIELD_VIA_HOST] = text_of(&m->via.sentby); /* with its port: parse_bench knows */
    f->text[FIELD_VIA_BRANCH] = text_of(&m->via.branch);
    put_party(f, FIELD_FROM_USER, &m->from);
    put_party(f, FIELD_TO_USER, &m->to);
    f->text[FIELD_CALL_ID] = text_of(&m->callid);
    f->text[FIELD_CSEQ_METHOD] = text_of(&m->cseq.met);
    f->cseq = m->cseq.num;
    f->max_forwards = pl_isset(&m->maxfwd) ? pl_u32(&m->maxfwd) : 0;
    f->body_octets = pl_isset(&m->clen) ? pl_u32(&m->clen) : 0;
    return put_first(f, FIELD_CONTACT_USER, m, SIP_HDR_CONTACT) && put_first(f, FIELD_ROUTE_USER, m, SIP_HDR_ROUTE);
}

static void *open_message(struct slice octets, struct fields *out)
{
    struct sip_msg *m;

    mbuf_rewind(datagram);
    if (mbuf_write_mem(datagram, (const uint8_t *)octets.p, octets.n))
        return NULL;
    mbuf_set_pos(datagram, 0);
    if (sip_msg_decode(&m, datagram))
        return NULL;
    if (!put_all(out, m)) {
        mem_deref(m);
        return NULL;
    }
    return m;
}

static void close_message(void *opened)
{
    mem_deref(opened);
}

__attribute__((constructor)) static void begin(void)
{
    datagram = mbuf_alloc(OCTETS);
}

__attribute__((destructor)) static void end(void)
{
    mem_deref(datagram);
}

const struct reader reader = {"libre", true, open_message, close_message};
