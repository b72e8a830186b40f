/* matrix_test.c - bad luck, all of it: each flow with each of its messages lost for good, and with each phone, and the
 * exchange, going silent or restarting at each of its messages. Our phones, our exchange, digest on, in virtual time.
 *
 * People act by a script. Where it cannot go on they wait, then hang up what is up, and leave the rest alone. Then must hold:
 * no phone and no caller is left ringing, nothing is left in the exchange or in a phone, no call is listed that nobody is in,
 * and the trace has a verdict on each story.
 *
 * `flows_matrix_test "hold" 9 restarts b` plays one case and shows it. */
#include <stdlib.h>

#include "flows/phones.h"
#include "kit/kit.h"
#include "trace/trace.h"

enum { A, B, C, PHONES, EXCHANGE = PHONES, PARTIES, NOBODY = PARTIES };

static const char *const party_names[PARTIES + 1] = {"a", "b", "c", "exchange", "for good"};

enum {
    MAX_MOVES = 24,
    MAX_SEEN = 1024,       /* messages of a run that differ                                               */
    PATIENCE_MS = 6000,    /* so long a person waits for what should happen                               */
    DOWN_MS = 300,         /* a restart takes so long                                                     */
    ROUND_MS = 5000,       /* then people look again whether they are still connected                     */
    LOOK_MS = 250000,      /* what an exchange found ringing when it began is given up after 240 s        */
    SETTLE_MS = 480000,    /* by then nothing rings: 180 s at the phone that nobody picks up, 240 s at one that hears nothing */
    MESSAGES = 8192
};

struct move {
    int         who;
    const char *says;      /* NULL: nothing, time passes       */
    int         hears;     /* who has to notice; NOBODY ...    */
    const char *event;     /* ... what                         */
};

struct script {
    const char *name;
    struct move move[MAX_MOVES];
};

static const struct script scripts[] = {
    {"setup", {{A, "call b", B, "incoming"}, {B, "answer", B, "confirmed"}, {A, "hangup", B, "ended"}}},
    {"busy", {{A, "call b", B, "incoming"}, {B, "reject", A, "ended"}}},
    {"no answer", {{A, "call b", B, "incoming"}, {A, "hangup", B, "ended"}}},
    {"hold",
     {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "hold", B, "on-hold"},
      {B, "resume", B, "off-hold"},
      {B, "hangup", A, "ended"}}},
    {"waiting",
     {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {C, "call b", B, "incoming"},
      {B, "hold 1", B, "on-hold"},
      {B, "answer 2", B, "confirmed"},
      {C, "hangup", B, "ended"},
      {B, "resume 1", B, "off-hold"},
      {A, "hangup", B, "ended"}}},
    {"blind transfer",
     {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "transfer c", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {C, "hangup", A, "ended"}}},
    {"transfer to a busy phone",
     {{A, "call b", B, "incoming"}, {B, "answer", B, "confirmed"}, {B, "transfer c", C, "incoming"}, {C, "reject", A, "ended"}}},
    {"attended transfer",
     {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "attend c", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {B, "complete", A, "confirmed"},
      {C, "hangup", A, "ended"}}},
    {"conference",
     {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {A, "attend c", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {A, "conference", A, "conference"},
      {A, "split", A, "conference"},
      {C, "hangup", A, "ended"}}},
    {"forward always",
     {{B, "forward always c", NOBODY, NULL}, {A, "call b", C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
    {"forward when busy",
     {{B, "forward busy c", NOBODY, NULL},
      {B, "dnd on", NOBODY, NULL},
      {A, "call b", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {A, "hangup", C, "ended"}}},
    {"forward when nobody answers",
     {{B, "forward noanswer 2 c", NOBODY, NULL},
      {A, "call b", B, "incoming"},
      {B, NULL, C, "incoming"},
      {C, "answer", C, "confirmed"},
      {A, "hangup", C, "ended"}}},
    {"forward",
     {{A, "call b", B, "incoming"}, {B, "deflect c", C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
};

enum fault_kind { FAULT_NONE, FAULT_LOST, FAULT_SILENT, FAULT_RESTART };

struct fault {
    enum fault_kind kind;
    int             who; /* NOBODY when a message is lost */
    size_t          at;  /* which message, from 0         */
};

struct run {
    const struct script *script;
    struct fault         fault;
    struct kit          *k;
    struct band         *w;
    struct ring         *ring[PHONES];
    struct addr          at[PARTIES];
    uint64_t             seen[MAX_SEEN];
    size_t               n_seen;
    uint64_t             victim;
    bool                 counting, struck, restarted;
};

static size_t cases_played, cases_failed;
static bool   one_case; /* it is shown */

/* ---- the wire ---- */

static uint64_t hash_of(const struct addr *from, const struct addr *to, struct slice octets)
{
    uint64_t h = 14695981039346656037u ^ from->port ^ ((uint64_t)to->port << 16);

    for (size_t i = 0; i < octets.n; i++)
        h = (h ^ (unsigned char)octets.p[i]) * 1099511628211u;
    return h;
}

static bool is_sip(struct slice octets)
{
    return octets.n > 0 && ascii_is_alpha(octets.p[0]);
}

/* A message that differs from all before it counts; its repeats do not. */
static void count(struct run *r, uint64_t h)
{
    for (size_t i = 0; i < r->n_seen; i++)
        if (r->seen[i] == h)
            return;
    assert_true(r->n_seen < MAX_SEEN);
    if (r->fault.kind != FAULT_NONE && r->n_seen == r->fault.at && !r->struck) {
        r->struck = true;
        r->victim = h;
    }
    r->seen[r->n_seen++] = h;
}

static int64_t hold(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct run *r = ctx;
    uint64_t    h = 0;

    if (r->counting && is_sip(octets)) {
        h = hash_of(from, to, octets);
        count(r, h);
    }
    if (!r->struck)
        return 0;
    if (r->fault.kind == FAULT_LOST && h && h == r->victim)
        return -1;
    if (r->fault.kind == FAULT_SILENT && (addr_same_ip(from, &r->at[r->fault.who]) || addr_same_ip(to, &r->at[r->fault.who])))
        return -1;
    return 0;
}

/* ---- people ---- */

static struct phone_config config(void)
{
    return (struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test")};
}

static void restart(struct run *r)
{
    if (!r->struck || r->restarted || r->fault.kind != FAULT_RESTART)
        return;
    r->restarted = true;
    if (r->fault.who == EXCHANGE) {
        kit_kill(r->k);
        kit_wait_ms(r->k, DOWN_MS);
        kit_restart(r->k);
    } else {
        struct phone_config c = config();

        ring_restart(r->ring[r->fault.who], &c, DOWN_MS);
    }
}

static void pass(struct run *r, uint64_t ms)
{
    restart(r);
    kit_wait_ms(r->k, ms);
    restart(r);
}

static bool notices(struct run *r, const struct move *m)
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
    for (const struct move *m = r->script->move; m->says || m->event; m++)
        if ((m->says && phone_command(r->ring[m->who]->phone, slice_z(m->says))) || (m->event && !notices(r, m)))
            return false;
    return true;
}

/* The states of a phone's calls, as its `status` tells them; calls that are up are hung up. */
static unsigned hang_up_what_is_up(struct ring *p)
{
    struct slice line, at;
    unsigned     ringing = 0;
    char         command[32];

    ring_do(p, "status");
    line = ring_expect(p, "status");
    for (at = line; slice_find_slice(at, S("{\"call\":")) != SIZE_MAX;) {
        at = slice_from(at, slice_find_slice(at, S("{\"call\":")) + 1);
        if (slice_eq(line_field(at, "state"), S("talking"))) {
            snprintf(command, sizeof command, "hangup %.*s", SARG(line_field(at, "call")));
            ring_do(p, command);
        } else
            ringing++;
    }
    return ringing;
}

/* Nobody acts any more but to hang up what is up. In the end nothing rings: callers and called alike have been told. */
static bool settles(struct run *r)
{
    unsigned ringing = 0;

    for (unsigned ms = 0; ms < SETTLE_MS; ms += ROUND_MS) {
        size_t up = 0;

        ringing = 0;
        for (int i = 0; i < PHONES; i++) {
            ringing += hang_up_what_is_up(r->ring[i]);
            up += phone_calls(r->ring[i]->phone);
        }
        if (!up && ms > LOOK_MS)
            break;
        pass(r, ROUND_MS);
    }
    return ringing == 0;
}

/* ---- what must hold ---- */

static void collect(void *ctx, const struct kit_seen *s)
{
    struct trace_input *in = ctx;

    if (is_sip(s->octets) && in->n_messages < MESSAGES)
        ((struct trace_message *)in->messages)[in->n_messages++] =
            (struct trace_message){.time_us = s->at_us, .from = s->from, .to = s->to, .octets = s->octets};
}

static void every_story_says_how(struct run *r, const char *name)
{
    static struct trace_message list[MESSAGES];
    struct trace_input          in = {.messages = list};
    struct arena                a;
    struct trace               *t;

    arena_init(&a, &r->w->plain, 65536, 0);
    kit_each_seen(r->k, collect, &in);
    if (trace_build(&a, &in, &t) || !t->n_stories)
        kit_fail(r->k, "no story:", name);
    for (size_t i = 0; i < t->n_stories; i++)
        if (!t->stories[i].verdict.known || !t->stories[i].verdict.text.n ||
            (r->fault.kind == FAULT_LOST && slice_find_slice(t->stories[i].verdict.text, S("still connected")) != SIZE_MAX))
            kit_fail(r->k, "a story without an end:", name);
    arena_close(&a);
}

static const char *const kind_names[] = {"none", "lost", "silences", "restarts"};

static void put_case_name(const struct run *r, char *room, size_t n)
{
    snprintf(room, n, "%s: message %zu %s %s", r->script->name, r->fault.at + 1, kind_names[r->fault.kind], party_names[r->fault.who]);
}

static void begin(struct run *r)
{
    static const char *const ips[PARTIES] = {"10.1.0.1", "10.1.0.2", "10.1.0.3", KIT_EXCHANGE};
    struct phone_config      c = config();

    r->k = kit_begin(&(struct kit_options){.digest = true});
    for (int i = 0; i < PHONES; i++)
        kit_add_user(r->k, party_names[i]);
    r->w = band_open(kit_world(r->k));
    for (int i = 0; i < PARTIES; i++)
        assert_int_equal(addr_parse_ip(slice_z(ips[i]), &r->at[i]), ERR_OK);
    for (int i = 0; i < PHONES; i++) {
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
    kit_end(r->k);
}

/* What does not hold is said with all that was sent, the first time, and then by name only. */
static void check(struct run *r, bool holds, const char *what, const char *name)
{
    if (holds)
        return;
    if (!cases_failed++)
        kit_show(r->k);
    print_error("%s %s\n", what, name);
}

/* One case. Returns how many messages the script has made. */
static size_t play(const struct script *s, struct fault f)
{
    static struct run r;
    char              name[160];
    size_t            n;
    bool              done;

    r = (struct run){.script = s, .fault = f};
    put_case_name(&r, name, sizeof name);
    begin(&r);
    done = act(&r);
    n = r.n_seen;
    if (f.kind == FAULT_NONE && !done)
        kit_fail(r.k, "the script does not come to its end:", s->name);
    check(&r, settles(&r), "it rings for ever:", name);
    check(&r, (f.kind == FAULT_SILENT && f.who == EXCHANGE) || !kit_calls(r.k)[0], "still listed:", name);
    every_story_says_how(&r, name);
    if (one_case)
        kit_show(r.k);
    r.counting = false;
    end(&r);
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
    const struct script *s = *state;
    size_t               before = cases_failed, n = play(s, (struct fault){FAULT_NONE, NOBODY, 0}), i = 0;

    for (size_t at = 0; at < n; at++) {
        for (int who = 0; who <= PARTIES; who++)
            for (int kind = FAULT_SILENT; kind <= FAULT_RESTART; kind++) {
                struct fault f = {who < PARTIES ? (enum fault_kind)kind : FAULT_LOST, who < PARTIES ? who : NOBODY, at};

                if (who == PARTIES && kind == FAULT_RESTART)
                    continue;
                if (i++ % stride() == 0)
                    play(s, f);
            }
    }
    assert_int_equal(cases_failed, before);
}

static int word_of(const char *word, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(word, names[i]))
            return i;
    fprintf(stderr, "matrix_test: '%s' is not known\n", word);
    exit(2);
}

/* SCRIPT MESSAGE KIND WHO */
static int play_one(char **argv)
{
    one_case = true;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (!strcmp(scripts[i].name, argv[1]))
            play(&scripts[i], (struct fault){(enum fault_kind)word_of(argv[3], kind_names, 4),
                                             word_of(argv[4], party_names, PARTIES + 1), strtoul(argv[2], NULL, 10) - 1});
    return cases_played != 1 || cases_failed;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[sizeof scripts / sizeof scripts[0]] = {0};
    int               failed;

    if (argc == 5)
        return play_one(argv);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        tests[i] = (struct CMUnitTest){.name = scripts[i].name, .test_func = a_flow, .initial_state = (void *)&scripts[i]};
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("matrix: %zu cases\n", cases_played);
    return failed;
}
