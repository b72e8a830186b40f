/* location_test.c - REGISTERs as RFC 3261 §10.3 has them, promises, refreshes, expiry, restarts. */
#include "server/location/kit_test.h"

#include <signal.h>
#include <sys/resource.h>

#define S60 60000

static void open_again(struct fixture *f)
{
    open_both(f, STORE_PUMPED, 3);
}

static int open_fixture(void **state)
{
    *state = fixture_make();
    open_again(*state);
    return 0;
}

/* ---- REGISTER in one line: contacts as "uri expires q", with a semicolon between them ---- */
struct asked {
    struct location_change  c;
    struct location_contact contacts[8];
};

static void ask(struct fixture *f, struct asked *a, uint32_t cseq, const char *contacts)
{
    struct slice rest = slice_z(contacts), one, word;

    *a = (struct asked){.c = {.aor = S("1001"), .aor_uri = S("sip:1001@example.com"), .call_id = S("call-1"), .cseq = cseq,
                              .agent = S("phone/1"), .received = S("127.0.0.4:5060"), .flow = S("\1\2\3"), .now_ms = f->now_ms}};
    a->c.contacts = a->contacts;
    while (rest.n > 0) {
        struct location_contact *c = &a->contacts[a->c.n_contacts++];
        uint64_t                 v = 0;

        slice_cut(&rest, ',', &one);
        slice_cut(&one, ' ', &c->uri);
        slice_cut(&one, ' ', &word);
        assert_int_equal(slice_u64(word, UINT32_MAX, &v), ERR_OK);
        c->expires_s = (uint32_t)v;
        c->q = 1000;
        if (one.n && slice_u64(one, 1000, &v) == ERR_OK)
            c->q = (uint16_t)v;
    }
}

struct told {
    int      n;
    enum err e;
    size_t   bindings;
    char     text[300];
};

static void on_done(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    struct told *t = arg;
    struct buf   text = BUF_ON(t->text);

    t->n++;
    t->e = e;
    t->bindings = n;
    for (size_t i = 0; i < n; i++)
        buf_puts(&text, b[i].contact, S(" "));
    buf_putc(&text, '\0');
}

static enum err go(struct fixture *f, const struct asked *a)
{
    struct told t = {0};

    location_update(f->l, &a->c, on_done, &t);
    store_pump(f->store, f->now_ms, false);
    assert_int_equal(t.n, 1);
    return t.e;
}

static enum err reg(struct fixture *f, uint32_t cseq, const char *contacts)
{
    struct asked a;

    ask(f, &a, cseq, contacts);
    return go(f, &a);
}

static void assert_bindings(struct fixture *f, const char *want)
{
    struct location_binding *b;
    size_t                   n;
    char                     text[400];
    struct buf               t = BUF_ON(text);

    assert_int_equal(location_lookup(f->l, S("1001"), f->now_ms, &f->arena, &b, &n), ERR_OK);
    for (size_t i = 0; i < n; i++)
        buf_puts(&t, b[i].contact, S(" "));
    if (!slice_eq(buf_slice(&t), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&t)), want);
}

static struct location_binding one_binding(struct fixture *f, bool last)
{
    struct location_binding *b;
    size_t                   n;

    assert_int_equal(location_lookup(f->l, S("1001"), f->now_ms, &f->arena, &b, &n), ERR_OK);
    assert_true(n > 0);
    return b[last ? n - 1 : 0];
}

static struct location_binding first_binding(struct fixture *f)
{
    return one_binding(f, false);
}

/* ---- §10.3 ---- */
static void a_new_binding_is_stored_before_it_is_seen(void **state)
{
    struct fixture          *f = *state;
    struct asked             a;
    struct told              t = {0};
    struct location_binding  b;

    ask(f, &a, 1, "sip:a@127.0.0.4 60 700");
    a.c.path = S("<sip:edge;lr>");
    location_update(f->l, &a.c, on_done, &t);
    memset(&a, 'x', sizeof a); /* nothing of it is needed any more */
    assert_int_equal(t.n, 0);
    assert_bindings(f, "");
    store_pump(f->store, NOW, false);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.e, ERR_OK);
    assert_string_equal(t.text, "sip:a@127.0.0.4 ");
    b = first_binding(f);
    assert_true(slice_eq(b.aor, S("1001")) && slice_eq(b.call_id, S("call-1")) && slice_eq(b.path, S("<sip:edge;lr>")));
    assert_true(slice_eq(b.agent, S("phone/1")) && slice_eq(b.received, S("127.0.0.4:5060")) && slice_eq(b.flow, S("\1\2\3")));
    assert_true(b.expires_ms == NOW + S60 && b.registered_ms == NOW && b.cseq == 1 && b.q == 700);
    assert_int_equal(b.flow_state, LOCATION_FLOW_LIVE);
    assert_int_equal(b.aor_uri.n, 0); /* only a GRUU needs it */
}

/* Its times move where they stand: nothing is taken, nothing put by, and of several bindings only its own are others. */
static void a_refresh_takes_no_memory(void **state)
{
    struct fixture          *f = *state;
    struct location_binding  b;
    uint64_t                 taken;

    assert_int_equal(reg(f, 1, "sip:a@127.0.0.4 60 700,sip:b@127.0.0.4 60 300"), ERR_OK);
    taken = f->heap.taken;
    for (uint32_t cseq = 2; cseq < 5000; cseq++) {
        f->now_ms++;
        assert_int_equal(reg(f, cseq, "sip:b@127.0.0.4 50 300"), ERR_OK);
    }
    assert_int_equal(f->heap.taken, taken);
    b = one_binding(f, true);
    assert_true(slice_eq(b.contact, S("sip:b@127.0.0.4")) && slice_eq(b.agent, S("phone/1")) && slice_eq(b.received, S("127.0.0.4:5060")));
    assert_true(b.registered_ms == f->now_ms && b.expires_ms == f->now_ms + 50000 && b.cseq == 4999);
    b = first_binding(f);
    assert_true(slice_eq(b.contact, S("sip:a@127.0.0.4")) && b.registered_ms == NOW && b.expires_ms == NOW + S60 && b.cseq == 1);
}

static void a_refresh_is_seen_at_once_and_is_no_row(void **state)
{
    struct fixture          *f = *state;
    struct asked             a;
    struct told              t = {0};
    struct location_counters c;

    assert_int_equal(reg(f, 1, "sip:a@127.0.0.4 60"), ERR_OK);
    f->now_ms += 30000;
    store_pump(f->store, f->now_ms, false);
    ask(f, &a, 2, "sip:a@127.0.0.4 60");
    location_update(f->l, &a.c, on_done, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.e, ERR_OK);
    assert_int_equal(first_binding(f).expires_ms, f->now_ms + S60);
    assert_int_equal(store_pump(f->store, f->now_ms, false), 0);
    assert_int_equal(store_pump(f->store, f->now_ms + STORE_BEHIND_MS, true), 0);
    location_counters(f->l, &c);
    assert_int_equal(c.refreshes, 1);
    assert_int_equal(c.promises, 1);
    close_both(f);
    open_again(f);
    assert_int_equal(first_binding(f).expires_ms, f->now_ms + S60);
    assert_int_equal(first_binding(f).cseq, 2);
}

static void what_changes_more_than_the_time_is_a_promise(void **state)
{
    struct fixture *f = *state;
    struct asked    a;
    struct told     t = {0};

    assert_int_equal(reg(f, 1, "sip:a@127.0.0.4 60"), ERR_OK);
    ask(f, &a, 2, "sip:a@127.0.0.4 60");
    a.c.flow = S("\1\2\4");
    location_update(f->l, &a.c, on_done, &t);
    assert_int_equal(t.n, 0);
    assert_true(slice_eq(first_binding(f).flow, S("\1\2\3")));
    store_pump(f->store, NOW, false);
    assert_int_equal(t.n, 1);
    assert_true(slice_eq(first_binding(f).flow, S("\1\2\4")));
    ask(f, &a, 3, "sip:a@127.0.0.4 60");
    a.c.flow = S("\1\2\4");
    a.c.agent = S("phone/2");
    location_update(f->l, &a.c, on_done, &t);
    assert_int_equal(t.n, 1);
    store_pump(f->store, NOW, false);
    assert_int_equal(t.n, 2);
    assert_true(slice_eq(first_binding(f).agent, S("phone/2")));
}

static void rfc3261_10_3_step_7_order_by_call_id_and_cseq(void **state)
{
    struct fixture *f = *state;
    struct asked    a;

    assert_int_equal(reg(f, 5, "sip:a@h 60"), ERR_OK);
    assert_int_equal(reg(f, 5, "sip:a@h 60"), ERR_STALE);
    assert_int_equal(reg(f, 4, "sip:a@h 0"), ERR_STALE);
    assert_int_equal(reg(f, 4, "sip:b@h 60"), ERR_OK); /* another contact */
    assert_int_equal(reg(f, 3, "sip:c@h 60,sip:a@h 90"), ERR_STALE);
    assert_bindings(f, "sip:a@h sip:b@h "); /* all or nothing: no c */
    ask(f, &a, 1, "sip:a@h 90");
    a.c.call_id = S("call-2"); /* the phone began anew */
    assert_int_equal(go(f, &a), ERR_OK);
    assert_int_equal(reg(f, 6, "sip:a@h 0"), ERR_OK);
    assert_bindings(f, "sip:b@h ");
}

static void rfc3261_10_3_step_6_star_removes_all(void **state)
{
    struct fixture *f = *state;
    struct asked    a;

    assert_int_equal(reg(f, 5, "sip:a@h 60,sip:b@h 60"), ERR_OK);
    ask(f, &a, 5, "");
    a.c.remove_all = true;
    assert_int_equal(go(f, &a), ERR_STALE);
    assert_bindings(f, "sip:a@h sip:b@h ");
    a.c.cseq = 6;
    assert_int_equal(go(f, &a), ERR_OK);
    assert_bindings(f, "");
    close_both(f);
    open_again(f);
    assert_bindings(f, "");
}

static void contacts_are_compared_as_uris_and_ordered_by_q(void **state)
{
    struct fixture *f = *state;
    struct asked    a;

    assert_int_equal(reg(f, 1, "sip:a@Example.COM;x=1 60 300,sip:b@h 60 900"), ERR_OK);
    f->now_ms++;
    assert_int_equal(reg(f, 2, "sip:%61@example.com 60 900"), ERR_OK); /* §19.1.4: the same */
    assert_bindings(f, "sip:%61@example.com sip:b@h ");                 /* same q: the newer first */
    assert_int_equal(reg(f, 3, "sip:a@example.com 60,sip:a@EXAMPLE.com 60"), ERR_INVALID);
    assert_int_equal(reg(f, 3, "nonsense 60"), ERR_SYNTAX);
    assert_int_equal(reg(f, 3, "sip:zzz@h 0"), ERR_OK); /* not there: no harm */
    ask(f, &a, 0, "");
    assert_int_equal(go(f, &a), ERR_OK); /* a query */
}

static void limits_have_names(void **state)
{
    static char     big[2000];
    struct fixture *f = *state;
    struct asked    a;

    memset(big, 'x', sizeof big);
    assert_int_equal(reg(f, 1, "sip:a@h 60,sip:b@h 60,sip:c@h 60,sip:d@h 60"), ERR_LIMIT);
    assert_bindings(f, "");
    assert_int_equal(reg(f, 1, "sip:a@h 60,sip:b@h 60,sip:c@h 60"), ERR_OK);
    assert_int_equal(reg(f, 2, "sip:d@h 60"), ERR_LIMIT);
    assert_int_equal(reg(f, 2, "sip:d@h 60,sip:a@h 0"), ERR_OK); /* one for another */
    assert_bindings(f, "sip:b@h sip:c@h sip:d@h ");
    ask(f, &a, 3, "sip:d@h 60");
    a.c.call_id = (struct slice){big, LOCATION_MAX_CALL_ID + 1};
    assert_int_equal(go(f, &a), ERR_LIMIT);
    a.c.call_id = (struct slice){big, LOCATION_MAX_CALL_ID};
    assert_int_equal(go(f, &a), ERR_OK);
    a.c.path = (struct slice){big, LOCATION_MAX_PATH + 1};
    assert_int_equal(go(f, &a), ERR_LIMIT);
    a.c.path = SLICE_NONE;
    a.c.agent = (struct slice){big, 1000};
    a.c.cseq = 4;
    assert_int_equal(go(f, &a), ERR_OK);
    assert_int_equal(one_binding(f, true).agent.n, LOCATION_MAX_AGENT);
}

/* ---- RFC 5626 ---- */
static void rfc5626_6_a_flow_replaces_its_earlier_contact(void **state)
{
    struct fixture         *f = *state;
    struct location_binding b;
    struct asked            a;

    ask(f, &a, 1, "sip:a@h1 60");
    a.contacts[0].instance = S("urn:uuid:1");
    a.contacts[0].reg_id = 1;
    assert_int_equal(go(f, &a), ERR_OK);
    assert_int_equal(location_by_contact(f->l, S("sip:a@h1"), NOW, &f->arena, &b), ERR_OK);
    ask(f, &a, 2, "sip:a@h2 60");
    a.contacts[0].instance = S("urn:uuid:1");
    a.contacts[0].reg_id = 1;
    assert_int_equal(go(f, &a), ERR_OK);
    assert_bindings(f, "sip:a@h2 ");
    assert_int_equal(location_by_contact(f->l, S("sip:a@h1"), NOW, &f->arena, &b), ERR_NOTFOUND);
    assert_int_equal(location_by_contact(f->l, S("sip:a@h2"), NOW, &f->arena, &b), ERR_OK);
    ask(f, &a, 3, "sip:a@h3 60");
    a.contacts[0].instance = S("urn:uuid:1");
    a.contacts[0].reg_id = 2; /* a second flow of the same phone */
    assert_int_equal(go(f, &a), ERR_OK);
    assert_bindings(f, "sip:a@h2 sip:a@h3 ");
}

/* ---- finding ---- */
static void protocol_2_4_and_7_4_a_binding_is_found_by_its_contact(void **state)
{
    struct fixture         *f = *state;
    struct location_binding b;
    struct asked            a;

    assert_int_equal(reg(f, 1, "sip:bob@127.0.0.4:5070;ob 60"), ERR_OK);
    assert_int_equal(location_by_contact(f->l, S("sip:b%6fb@127.0.0.4:5070"), NOW, &f->arena, &b), ERR_OK);
    assert_true(slice_eq(b.aor, S("1001")) && slice_eq(b.contact, S("sip:bob@127.0.0.4:5070;ob")));
    assert_int_equal(location_by_contact(f->l, S("sip:bob@127.0.0.4"), NOW, &f->arena, &b), ERR_NOTFOUND);
    assert_int_equal(location_by_contact(f->l, S("sip:bob@127.0.0.4:5070;transport=tcp"), NOW, &f->arena, &b), ERR_NOTFOUND);
    assert_int_equal(location_by_contact(f->l, S("junk"), NOW, &f->arena, &b), ERR_NOTFOUND);
    ask(f, &a, 1, "sip:bob@127.0.0.4:5070 60");
    a.c.aor = S("1002");
    a.c.now_ms = NOW + 5;
    assert_int_equal(go(f, &a), ERR_OK);
    assert_int_equal(location_by_contact(f->l, S("sip:bob@127.0.0.4:5070"), NOW, &f->arena, &b), ERR_OK);
    assert_true(slice_eq(b.aor, S("1002"))); /* the newer of two */
    assert_int_equal(location_by_contact(f->l, S("sip:bob@127.0.0.4:5070"), NOW + S60 + 6, &f->arena, &b), ERR_NOTFOUND);
}

static bool count(void *arg, const struct location_binding *b)
{
    assert_true(b->aor.n > 0);
    ++*(size_t *)arg;
    return true;
}

static void register_5000(struct fixture *f, uint32_t cseq)
{
    struct told  t = {0};
    struct asked a;
    char         aor[16];

    for (unsigned i = 0; i < 5000; i++) {
        ask(f, &a, cseq, "sip:a@h 60");
        a.c.aor = (struct slice){aor, (size_t)snprintf(aor, sizeof aor, "%u", 10000 + i)};
        location_update(f->l, &a.c, on_done, &t);
    }
    store_pump(f->store, NOW, true);
    assert_int_equal(t.n, 5000);
}

static void many_aors_are_found_in_few_steps_walked_and_swept_once(void **state)
{
    struct fixture          *f = *state;
    struct location_counters before, after;
    size_t                   n = 0;
    char                     aor[16];

    register_5000(f, 1);
    location_counters(f->l, &before);
    assert_true(before.aors == 5000 && before.bindings == 5000);
    for (unsigned i = 0; i < 5000; i++) {
        struct location_binding *b;
        size_t                   found;

        arena_reset(&f->arena);
        assert_int_equal(location_lookup(f->l, (struct slice){aor, (size_t)snprintf(aor, sizeof aor, "%u", 10000 + i)}, NOW,
                                         &f->arena, &b, &found), ERR_OK);
        assert_int_equal(found, 1);
    }
    register_5000(f, 2);
    location_counters(f->l, &after);
    assert_true(after.steps - before.steps < 5000 * 2); /* whatever their number */
    assert_int_equal(location_each(f->l, NOW, count, &n), ERR_OK);
    assert_int_equal(n, 5000);
    assert_true(after.octets < 5000 * 400 + sizeof(struct location));
    for (int i = 0; i < 60; i++)
        n -= location_sweep(f->l, NOW + S60, 60);
    assert_int_equal(n, 0);
}

/* ---- expiry ---- */
static void what_has_expired_is_not_found_and_swept(void **state)
{
    struct fixture          *f = *state;
    struct location_binding  b;
    struct location_counters c;

    assert_int_equal(reg(f, 1, "sip:a@h 60,sip:b@h 90"), ERR_OK);
    f->now_ms += S60;
    assert_bindings(f, "sip:b@h ");
    assert_int_equal(location_by_contact(f->l, S("sip:a@h"), f->now_ms, &f->arena, &b), ERR_NOTFOUND);
    location_counters(f->l, &c);
    assert_int_equal(c.bindings, 2);
    assert_int_equal(location_sweep(f->l, f->now_ms, 1), 1);
    assert_int_equal(location_sweep(f->l, f->now_ms, 1), 0);
    location_counters(f->l, &c);
    assert_int_equal(c.bindings, 1);
    assert_int_equal(c.refreshes, 0);
    f->now_ms += S60;
    assert_int_equal(reg(f, 2, "sip:c@h 60"), ERR_OK); /* takes the expired one away, too */
    location_counters(f->l, &c);
    assert_int_equal(c.bindings, 1);
    assert_bindings(f, "sip:c@h ");
    close_both(f);
    open_again(f);
    assert_bindings(f, "sip:c@h ");
    location_counters(f->l, &c);
    assert_int_equal(c.bindings, 1);
}

/* ---- turns ---- */
static void updates_of_one_aor_happen_one_after_another(void **state)
{
    struct fixture *f = *state;
    struct told     t[LOCATION_MAX_WAITING + 2] = {0};
    struct asked    a;

    for (uint32_t i = 0; i < LOCATION_MAX_WAITING + 2; i++) {
        ask(f, &a, i + 1, i % 2 ? "sip:a@h 0" : "sip:a@h 60");
        location_update(f->l, &a.c, on_done, &t[i]);
        memset(&a, 'x', sizeof a);
    }
    assert_int_equal(t[LOCATION_MAX_WAITING + 1].n, 1);
    assert_int_equal(t[LOCATION_MAX_WAITING + 1].e, ERR_BUSY);
    for (int i = 0; i <= LOCATION_MAX_WAITING; i++) {
        assert_int_equal(t[i].n, 0);
        store_pump(f->store, NOW, false);
        assert_int_equal(t[i].n, 1);
        assert_int_equal(t[i].e, ERR_OK);
        assert_int_equal(t[i].bindings, i % 2 ? 0 : 1);
    }
    assert_bindings(f, "sip:a@h ");
}

/* ---- bad luck ---- */
static void a_commit_that_fails_changes_nothing(void **state)
{
    struct fixture          *f = *state;
    struct rlimit            was, tight;
    struct location_binding  b;
    struct location_counters before, after;
    enum err                 e;

    assert_int_equal(reg(f, 1, "sip:a@h 60"), ERR_OK);
    location_counters(f->l, &before);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tight = was;
    tight.rlim_cur = 1; /* the disk is full */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    e = reg(f, 2, "sip:b@h 60,sip:a@h 0");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(e, ERR_IO);
    assert_bindings(f, "sip:a@h ");
    assert_int_equal(first_binding(f).cseq, 1);
    assert_int_equal(location_by_contact(f->l, S("sip:b@h"), NOW, &f->arena, &b), ERR_NOTFOUND);
    location_counters(f->l, &after);
    assert_int_equal(after.bindings, before.bindings);
    assert_int_equal(reg(f, 2, "sip:b@h 60,sip:a@h 0"), ERR_OK);
    assert_bindings(f, "sip:b@h ");
}

static void no_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    enum err        e = ERR_NOMEM;
    int             failed = 0;

    for (size_t more = 0; e; more += 64) {
        assert_bindings(f, "");
        f->heap.limit = f->heap.octets + more;
        e = reg(f, 1, "sip:a@h 60,sip:b@h 60");
        f->heap.limit = 0;
        failed += e != ERR_OK;
    }
    assert_true(failed > 3);
    assert_bindings(f, "sip:a@h sip:b@h ");
}

/* ---- restarts ---- */
static void after_an_orderly_end_bindings_are_as_they_were(void **state)
{
    struct fixture         *f = *state;
    struct location_binding b;
    struct asked            a;

    assert_int_equal(reg(f, 1, "sip:a@h 60 500"), ERR_OK);
    ask(f, &a, 1, "sip:t@h 3600");
    a.c.stream = true;
    a.contacts[0].instance = S("urn:uuid:1");
    assert_int_equal(go(f, &a), ERR_OK);
    f->now_ms += 30000;
    close_both(f);
    open_again(f);
    assert_bindings(f, "sip:t@h sip:a@h ");
    b = first_binding(f);
    assert_int_equal(b.flow_state, LOCATION_FLOW_GONE);
    assert_true(slice_eq(b.instance, S("urn:uuid:1")) && slice_eq(b.aor_uri, S("sip:1001@example.com")));
    assert_int_equal(location_by_contact(f->l, S("sip:a@h"), f->now_ms, &f->arena, &b), ERR_OK);
    assert_int_equal(b.flow_state, LOCATION_FLOW_RESTORED);
    assert_true(b.q == 500 && b.expires_ms == NOW + S60);
    assert_int_equal(reg(f, 2, "sip:a@h 60 500"), ERR_OK); /* the phone is back: a plain refresh */
    assert_int_equal(location_by_contact(f->l, S("sip:a@h"), f->now_ms, &f->arena, &b), ERR_OK);
    assert_int_equal(b.flow_state, LOCATION_FLOW_LIVE);
    f->now_ms = NOW + 3600000;
    close_both(f);
    open_again(f);
    assert_bindings(f, ""); /* all have expired */
}

static void a_slot_is_free_again_after_a_restart(void **state)
{
    struct fixture *f = *state;
    uint32_t        slot;

    assert_int_equal(reg(f, 1, "sip:a@h 60,sip:b@h 60"), ERR_OK);
    slot = one_binding(f, true).slot;
    assert_int_equal(reg(f, 2, "sip:b@h 0"), ERR_OK);
    close_both(f);
    open_again(f);
    assert_int_equal(reg(f, 3, "sip:c@h 60"), ERR_OK);
    assert_int_equal(one_binding(f, true).slot, slot);
    assert_bindings(f, "sip:a@h sip:c@h ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(a_new_binding_is_stored_before_it_is_seen),
        T(a_refresh_is_seen_at_once_and_is_no_row),
        T(a_refresh_takes_no_memory),
        T(what_changes_more_than_the_time_is_a_promise),
        T(rfc3261_10_3_step_7_order_by_call_id_and_cseq),
        T(rfc3261_10_3_step_6_star_removes_all),
        T(contacts_are_compared_as_uris_and_ordered_by_q),
        T(limits_have_names),
        T(rfc5626_6_a_flow_replaces_its_earlier_contact),
        T(protocol_2_4_and_7_4_a_binding_is_found_by_its_contact),
        T(many_aors_are_found_in_few_steps_walked_and_swept_once),
        T(what_has_expired_is_not_found_and_swept),
        T(updates_of_one_aor_happen_one_after_another),
        T(a_commit_that_fails_changes_nothing),
        T(no_memory_changes_nothing),
        T(after_an_orderly_end_bindings_are_as_they_were),
        T(a_slot_is_free_again_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
