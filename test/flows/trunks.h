/* trunks.h - an exchange with users and trunks, for the flows about them. Berlin and paris are other exchanges: they register
 * with nobody, and are known by their addresses. */
#ifndef FLOWS_TRUNKS_H
#define FLOWS_TRUNKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

#define CHALLENGE "Digest realm=\"berlin\", nonce=\"5432\", qop=\"auth\""

struct house {
    struct kit  *k;
    struct peer *alice, *bob, *berlin, *paris;
};

/* "key=value key=value" */
static inline void change(struct kit *k, enum err (*how)(struct directory *, const struct directory_act *, struct directory_fault *),
                   const char *name, const char *pairs)
{
    struct directory_pair  p[12];
    struct directory_act   a = {.number = slice_z(name), .pairs = p, .who = S("test")};
    struct directory_fault fault = {""};
    struct slice           rest = slice_z(pairs), one;

    for (bool more = rest.n > 0; more && a.n_pairs < 12; a.n_pairs++) {
        more = slice_cut(&rest, ' ', &one);
        slice_cut(&one, '=', &p[a.n_pairs].key);
        p[a.n_pairs].value = one;
    }
    if (how(kit_exchange(k)->directory, &a, &fault))
        kit_fail(k, "trunk cannot be changed:", fault.text);
}

/* A trunk whose server is that peer; it is not asked whether it is there, unless `pairs` says so. */
static inline void add_trunk(struct kit *k, const struct peer *at, const char *name, const char *pairs)
{
    char text[600];

    snprintf(text, sizeof text, "server=sip:%s qualify_s=0 %s", peer_host(at), pairs);
    change(k, directory_trunk_add, name, text);
}

static inline struct house begin_with(struct kit_options o)
{
    struct house h;

    o.digest = true;
    h.k = kit_begin(&o);
    h.alice = peer_registered(h.k, "alice");
    h.bob = peer_registered(h.k, "bob");
    h.berlin = peer_add(h.k, "berlin");
    h.paris = peer_add(h.k, "paris");
    return h;
}

static inline struct house begin(void)
{
    return begin_with((struct kit_options){.digest = true});
}

static inline void end(struct house *h)
{
    struct directory             *d = kit_exchange(h->k)->directory;
    const struct directory_view  *v = directory_take(d);
    const struct directory_trunk *t;
    char                          names[4][40];
    size_t                        n = directory_trunks(v, &t);

    for (size_t i = 0; i < n; i++)
        snprintf(names[i], sizeof names[i], "%.*s", SARG(t[i].name));
    directory_give(v);
    for (size_t i = 0; i < n; i++)
        change(h->k, directory_trunk_remove, names[i], "");
    kit_end(h->k);
}

static inline void assert_slice(struct slice s, const char *want)
{
    if (!slice_eq(s, slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(s), want);
}

static inline void assert_from(const struct msg *m, const char *uri)
{
    struct name_addr na;

    assert_int_equal(msg_from(m, &na), ERR_OK);
    assert_slice(na.uri, uri);
}

#endif
