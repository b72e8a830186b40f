/* link.c - what a peer sends and receives by: a UDP socket, or one TCP connection to the exchange. See kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit_priv.h"

static void exchange_addr(struct addr *out)
{
    assert_int_equal(addr_parse(S(KIT_EXCHANGE ":5060"), out), ERR_OK);
}

/* ---- UDP ---- */

static void on_datagram(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct peer *p = arg;

    (void)u;
    (void)to;
    if (p->by_edge)
        p->outbound = *from;
    peer_on_octets(p, octets);
}

static void on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg; /* a peer does not mind ICMP: it is there for phones that have gone */
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

static void open_udp(struct peer *p)
{
    static const struct net_udp_on on = {.octets = on_datagram, .error = on_error};
    struct net_udp_options         o = {0};

    assert_int_equal(addr_parse_ip(slice_z(p->host), &o.local), ERR_OK);
    o.local.port = 5060;
    assert_int_equal(net_udp_open(p->net, &o, &on, p, &p->udp), ERR_OK);
}

/* ---- TCP ---- */

static void take_messages(struct peer *p)
{
    struct msg_frame f;

    for (;;) {
        msg_frame(&p->framer, (struct slice){p->stream_in, p->n_in}, sizeof p->stream_in, &f);
        if (f.kind == MSG_FRAME_MORE)
            return;
        if (f.kind != MSG_FRAME_WHOLE && f.kind != MSG_FRAME_CRLF)
            kit_fail(p->k, "the exchange has sent what is no message to", p->number);
        if (f.kind == MSG_FRAME_WHOLE)
            peer_on_octets(p, (struct slice){p->stream_in, f.n});
        memmove(p->stream_in, p->stream_in + f.n, p->n_in - f.n);
        p->n_in -= f.n;
    }
}

static void on_open(void *arg, struct net_tcp *t)
{
    (void)arg;
    (void)t;
}

static void on_stream(void *arg, struct net_tcp *t, struct slice octets)
{
    struct peer *p = arg;

    (void)t;
    if (octets.n > sizeof p->stream_in - p->n_in)
        kit_fail(p->k, "the exchange has sent too much to", p->number);
    memcpy(p->stream_in + p->n_in, octets.p, octets.n);
    p->n_in += octets.n;
    take_messages(p);
}

static void on_drained(void *arg, struct net_tcp *t)
{
    (void)arg;
    (void)t;
}

static void on_closed(void *arg, struct net_tcp *t, enum err why)
{
    struct peer *p = arg;

    (void)why;
    net_tcp_close(p->net, t);
    p->tcp = NULL;
}

void peer_connect(struct peer *p)
{
    static const struct net_tcp_on on = {.open = on_open, .octets = on_stream, .drained = on_drained, .closed = on_closed};
    struct addr                    to;

    exchange_addr(&to);
    if (p->secure)
        to.port = 5061;
    p->n_in = 0;
    p->framer = (struct msg_framer){.opened_by_us = true};
    assert_int_equal(net_tcp_connect(p->net, NULL, &to, 2000, &on, p, &p->tcp), ERR_OK);
    if (p->secure && !p->tls) {
        enum net_tls_part wrong;

        assert_int_equal(net_tls_open(p->net, &(struct net_tls_config){.unchecked = true}, &wrong, &p->tls), ERR_OK);
    }
    if (p->secure)
        assert_int_equal(net_tcp_secure(p->net, p->tcp, p->tls, S(KIT_EXCHANGE)), ERR_OK);
}

void peer_disconnect(struct peer *p)
{
    net_tcp_close(p->net, p->tcp);
    p->tcp = NULL;
}

/* ---- either ---- */

void peer_open_link(struct peer *p)
{
    if (p->stream)
        peer_connect(p);
    else
        open_udp(p);
}

void peer_close_link(struct peer *p)
{
    if (p->tcp)
        peer_disconnect(p);
    net_tls_close(p->net, p->tls);
    net_udp_close(p->net, p->udp);
}

void peer_put_octets(struct peer *p, struct slice octets)
{
    struct addr to;

    exchange_addr(&to);
    if (p->by_edge)
        to = p->outbound;
    if (!p->stream)
        assert_int_equal(net_udp_send(p->net, p->udp, &to, octets), ERR_OK);
    else if (!p->tcp)
        kit_fail(p->k, "has no connection any more:", p->number);
    else
        assert_int_equal(net_tcp_send(p->net, p->tcp, octets), ERR_OK);
}
