/* matrix.c - a script is played, a mishap strikes, people give up, and all must be well. See matrix.h. */
#include "kit/matrix_priv.h"

#include <stdlib.h>

static const char *const party_names[] = {"a", "b", "c", "exchange", "the wire"};
static const char *const mishap_names[] = {"none", "lost", "twice", "late", "silences", "restarts"};

enum {
    PATIENCE_MS = 6000,     /* so long a person waits for what should happen                              */
    LATE_MS = 700,          /* behind T1, after which a message is repeated                               */
    DOWN_MS = 300,          /* a restart takes so long                                                    */
    ROUND_MS = 5000,        /* then people look again whether they are still connected                    */
    QUIET_MS = 40000,       /* longer than any transaction                                                */
    LOOK_MS = 250000,       /* what an exchange found ringing when it began is given up after 240 s       */
    RING_MS = 480000,       /* by then nothing rings: 180 s at the phone that nobody picks up, 240 s at one that hears nothing */
    SETTLE_MS = 2000000,    /* by then an end of the exchange has found that its phone is gone: it asks every half session */
    RINGBACK_HZ = 425
};

static size_t cases_played, cases_failed;
static bool   one_case; /* it is shown */
static char   playing[160];

/* ---- the wire ---- */

static uint64_t hash_of(const struct addr *from, const struct addr *to, struct slice octets)
{
    uint64_t h = 14695981039346656037u ^ from->port ^ ((uint64_t)to->port << 16);

    for (size_t i = 0; i < octets.n; i++)
        h = (h ^ (unsigned char)octets.p[i]) * 1099511628211u;
    return h;
}

bool matrix_is_sip(struct slice octets)
{
    return octets.n > 0 && ascii_is_alpha(octets.p[0]);
}

/* A message that differs from all before it counts; its repeats do not. */
static void count(struct run *r, uint64_t h)
{
    for (size_t i = 0; i < r->n_seen; i++)
        if (r->seen[i] == h)
            return;
    assert_true(r->n_seen < MATRIX_MAX_SEEN);
    if (r->fault.mishap != NONE && r->n_seen == r->fault.at && !r->struck) {
        r->struck = true;
        r->victim = h;
    }
    r->seen[r->n_seen++] = h;
}

static int64_t meet(struct run *r, bool victim, const struct addr *from, const struct addr *to)
{
    switch (r->fault.mishap) {
    case LOST:
        return victim ? -1 : 0;
    case TWICE:
        return victim ? FAKE_TWICE : 0;
    case LATE:
        if (!victim || r->held)
            return 0;
        r->held = true;
        return LATE_MS * 1000;
    case SILENCES:
        return addr_same_ip(from, &r->at[r->fault.who]) || addr_same_ip(to, &r->at[r->fault.who]) ? -1 : 0;
    default:
        return 0;
    }
}

static int64_t hold(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct run *r = ctx;
    uint64_t    h = 0;

    if (r->counting && matrix_is_sip(octets)) {
        h = hash_of(from, to, octets);
        count(r, h);
    }
    return r->struck ? meet(r, h && h == r->victim, from, to) : 0;
}

/* ---- people ---- */

static struct phone_config config(const struct run *r, int i)
{
    return (struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test"),
                                 .codecs = S("pcma"), /* the cheapest */ .refer_code = r->script->refuses[i]};
}

static void restart(struct run *r)
{
    if (!r->struck || r->restarted || r->fault.mishap != RESTARTS)
        return;
    r->restarted = true;
    if (r->fault.who == EXCHANGE) {
        kit_kill(r->k);
        kit_wait_ms(r->k, DOWN_MS);
        kit_restart(r->k);
    } else {
        struct phone_config c = config(r, r->fault.who);

        ring_restart(r->ring[r->fault.who], &c, DOWN_MS);
    }
}

static void pass(struct run *r, uint64_t ms)
{
    restart(r);
    kit_wait_ms(r->k, ms);
    restart(r);
}

static bool notices(struct run *r, const struct matrix_move *m)
{
    for (unsigned ms = 0; ms < PATIENCE_MS; ms += r->struck ? 20 : 1) {
        if (ring_find(r->ring[m->hears], slice_z(m->event)).n)
            return true;
        pass(r, r->struck ? 20 : 1);
    }
    return false;
}

static bool act(struct run *r)
{
    for (const struct matrix_move *m = r->script->move; m->says || m->event; m++)
        if ((m->says && phone_command(r->ring[m->who]->phone, slice_z(m->says))) || (m->event && !notices(r, m)))
            return false;
    return true;
}

/* Has it rung on in that call's ear since it was asked last? */
static bool hears_ringback(struct run *r, int i, struct slice call)
{
    uint64_t  n = 0;
    uint32_t  now, *last;

    assert_int_equal(slice_u64(call, UINT32_MAX, &n), ERR_OK);
    last = &r->ringback_ms[i][n % MATRIX_MAX_CALLS];
    now = phone_heard_ms(r->ring[i]->phone, (unsigned)n, RINGBACK_HZ);
    if (now == *last || r->script->music)
        return false;
    *last = now;
    return true;
}

/* The states of a phone's calls, as its `status` tells them. Calls that are up are hung up, unless it rings in them; how many
 * ring there or here. */
static unsigned hang_up_what_is_up(struct run *r, int i)
{
    struct ring *p = r->ring[i];
    struct slice line, at;
    unsigned     ringing = 0;
    char         command[32];

    ring_do(p, "status");
    line = ring_expect(p, "status");
    for (at = line; slice_find_slice(at, S("{\"call\":")) != SIZE_MAX;) {
        at = slice_from(at, slice_find_slice(at, S("{\"call\":")) + 1);
        if (!slice_eq(line_field(at, "state"), S("talking")) || hears_ringback(r, i, line_field(at, "call"))) {
            ringing++;
            continue;
        }
        snprintf(command, sizeof command, "hangup %.*s", SARG(line_field(at, "call")));
        ring_do(p, command);
    }
    return ringing;
}

/* Nobody is in a call any more, and the exchange has nothing in hand. One that has restarted looks for what it found ringing. */
static bool is_quiet(struct run *r, size_t up, unsigned ms)
{
    bool listed = r->fault.who != EXCHANGE && (kit_calls(r->k)[0] || core_pending(kit_exchange(r->k)->core));

    return !up && !listed && ms > (r->fault.who == EXCHANGE ? LOOK_MS : QUIET_MS);
}

/* Nobody acts any more but to hang up what is up. In the end nothing rings: callers and called alike have been told. */
static bool settles(struct run *r)
{
    unsigned ringing = 0;
    size_t   up = 1;

    for (unsigned ms = 0; ms < SETTLE_MS && !is_quiet(r, up, ms); ms += ROUND_MS) {
        ringing = 0;
        up = 0;
        for (int i = 0; i < MATRIX_PHONES; i++) {
            ringing += hang_up_what_is_up(r, i);
            up += phone_calls(r->ring[i]->phone);
        }
        if (ringing && ms >= RING_MS)
            return false;
        pass(r, ROUND_MS);
    }
    return ringing == 0;
}

/* ---- a case ---- */

static bool add_user(struct run *r, const char *number, struct slice key, struct slice value)
{
    struct directory_pair  pair = {key, value};
    struct directory_act   act = {.number = slice_z(number), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault = {""};

    return directory_add(kit_exchange(r->k)->directory, &act, NULL, &fault) == ERR_OK;
}

static void set_users(struct run *r)
{
    const char *at = r->script->settings;

    for (int i = 0; i < MATRIX_PHONES; i++)
        kit_add_user(r->k, party_names[i]);
    while (at && *at) {
        char number[32], key[64], value[128];

        assert_int_equal(sscanf(at, "%31s %63s %127[^\n]", number, key, value), 3);
        if (!add_user(r, number, slice_z(key), slice_z(value)))
            kit_set_user(r->k, number, key, value); /* it is there already */
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
}

static void begin(struct run *r)
{
    static const char *const ips[PARTIES] = {"10.1.0.1", "10.1.0.2", "10.1.0.3", KIT_EXCHANGE};

    r->k = kit_begin(&(struct kit_options){.digest = true});
    set_users(r);
    r->w = band_open(kit_world(r->k));
    for (int i = 0; i < PARTIES; i++)
        assert_int_equal(addr_parse_ip(slice_z(ips[i]), &r->at[i]), ERR_OK);
    for (int i = 0; i < MATRIX_PHONES; i++) {
        struct phone_config c = config(r, i);

        r->ring[i] = ring_add(r->w, party_names[i], &c);
        ring_expect(r->ring[i], "registered");
    }
    fake_set_filter(r->w->world, hold, r);
    r->counting = true;
}

static void end(struct run *r)
{
    band_leave(r->w);
    mem_free(&r->w->plain, r->w, sizeof *r->w);
    if (r->fault.mishap == SILENCES && r->fault.who == EXCHANGE)
        kit_kill(r->k); /* nobody could tell it that its calls are over; it would ask by and by */
    kit_end(r->k);
}

/* What does not hold is said with all that was sent, the first time, and then by name only. */
static void check(struct run *r, const char *complaint)
{
    if (!complaint)
        return;
    if (!cases_failed++)
        kit_show(r->k);
    print_error("%s: %s\n", playing, complaint);
}

/* One case. Returns how many messages the script has made. */
static size_t play(const struct matrix_script *s, struct fault f)
{
    static struct run r;
    size_t            n;
    bool              done;

    r = (struct run){.script = s, .fault = f};
    snprintf(playing, sizeof playing, "\"%s\" %zu %s %s", s->name, f.at + 1, mishap_names[f.mishap], party_names[f.who]);
    begin(&r);
    done = act(&r);
    n = r.n_seen;
    if (f.mishap == NONE && !done)
        kit_fail(r.k, "the script does not come to its end:", s->name);
    check(&r, settles(&r) ? NULL : "it rings for ever");
    check(&r, kit_calls(r.k)[0] && !(f.mishap == SILENCES && f.who == EXCHANGE) ? "calls are still listed" : NULL);
    check(&r, matrix_stories(&r));
    check(&r, matrix_records(&r));
    if (one_case)
        kit_show(r.k);
    r.counting = false;
    end(&r);
    playing[0] = 0;
    cases_played++;
    return n;
}

/* The sanitizers' builds take every so-manieth case. */
static size_t stride(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 11;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return 11;
#endif
#endif
    return 1;
}

static void a_flow(void **state)
{
    const struct matrix_script *s = *state;
    size_t before = cases_failed, n = play(s, (struct fault){NONE, THE_WIRE, 0}), i = 0;

    for (size_t at = 0; at < n; at++)
        for (int m = LOST; m < MISHAPS; m++)
            for (int who = m < SILENCES ? THE_WIRE : 0; who < (m < SILENCES ? THE_WIRE + 1 : PARTIES); who++)
                if (i++ % stride() == 0)
                    play(s, (struct fault){(enum mishap)m, who, at});
    assert_int_equal(cases_failed, before);
}

/* A case that failed in the middle has not been named yet. */
static int name_it(void **state)
{
    (void)state;
    if (playing[0])
        print_error("in the case %s\n", playing);
    playing[0] = 0;
    return 0;
}

static int word_of(const char *word, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(word, names[i]))
            return i;
    fprintf(stderr, "matrix: '%s' is not known\n", word);
    exit(2);
}

/* SCRIPT MESSAGE MISHAP WHO */
static int play_one(const struct matrix_script *s, char **argv)
{
    one_case = true;
    play(s, (struct fault){(enum mishap)word_of(argv[3], mishap_names, MISHAPS), word_of(argv[4], party_names, PARTIES + 1),
                           strtoul(argv[2], NULL, 10) - 1});
    return cases_failed != 0;
}

int matrix_main(int argc, char **argv, const struct matrix_script *scripts, size_t n)
{
    struct CMUnitTest *tests = calloc(n, sizeof *tests);
    const char        *names[64];
    size_t             from = 0;
    int                failed;

    assert_non_null(tests);
    assert_true(n <= sizeof names / sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = scripts[i].name;
    if (argc > 1) {
        from = (size_t)word_of(argv[1], names, (int)n);
        n = 1;
    }
    if (argc == 5) {
        free(tests);
        return play_one(&scripts[from], argv);
    }
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){.name = scripts[from + i].name, .test_func = a_flow, .teardown_func = name_it,
                                       .initial_state = (void *)&scripts[from + i]};
    failed = _cmocka_run_group_tests("matrix", tests, n, NULL, NULL);
    free(tests);
    printf("matrix: %zu cases\n", cases_played);
    return failed;
}
