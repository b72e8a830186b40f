/* guide_test.c - the guide's eleven flows as our own phones and our exchange play them, digest on, with sound: on a good wire,
 * on four workers, and with a tenth of all datagrams lost, doubled, held back. Each is judged as `strowger flow --check` does
 * it, from what the exchange received and sent. */
#include "app/flow/flow_priv.h"
#include "flows/phones.h"
#include "kit/kit.h"

enum { MAX_MESSAGES = 2048, FILE_OCTETS = 1 << 16, SEEDS = 3, HEAR_MS = 20000, SETTLE_MS = 40000 };

struct stage {
    struct kit  *k;
    struct band *w;
    struct ring *a, *b, *c;
};

/* ---- moves ---- */

static struct ring *registered(struct stage *s, const char *user, uint16_t tone_hz)
{
    const struct phone_config c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test"),
                                   .tone_hz = tone_hz};
    struct ring *r = ring_add(s->w, user, &c);

    ring_expect(r, "registered");
    return r;
}

static unsigned number_of(struct slice event)
{
    uint32_t n = 0;

    assert_int_equal(slice_u32(line_field(event, "call"), &n), ERR_OK);
    return n;
}

/* It rings at that phone, which answers: the numbers of the call at both ends. */
struct talk {
    struct ring *near, *far;
    unsigned     near_call, far_call;
};
static struct talk answer(struct ring *near, struct ring *far)
{
    struct talk t = {.near = near, .far = far};

    ring_do(far, "answer");
    t.far_call = number_of(ring_expect(far, "answered"));
    ring_expect(far, "confirmed");
    t.near_call = number_of(ring_expect(near, "answered"));
    return t;
}

static struct talk call(struct ring *near, struct ring *far)
{
    char command[32];

    (void)snprintf(command, sizeof command, "call %s", far->name);
    ring_do(near, command);
    ring_expect(far, "incoming");
    return answer(near, far);
}

static uint16_t tone_of(const struct ring *r)
{
    return r->name[0] == 'a' ? 440 : r->name[0] == 'b' ? 554 : 659;
}

/* That ear hears the other's tone for half a second more than before. */
static void hears(struct ring *ear, unsigned number, const struct ring *mouth)
{
    const uint32_t before = phone_heard_ms(ear->phone, number, tone_of(mouth));

    for (unsigned ms = 0; phone_heard_ms(ear->phone, number, tone_of(mouth)) < before + 500; ms += 100) {
        if (ms > HEAR_MS) {
            band_print(ear->band);
            fail_msg("%s does not hear %s in call %u", ear->name, mouth->name, number);
        }
        band_run_ms(ear->band, 100);
    }
}

static void listen(const struct talk *t)
{
    hears(t->near, t->near_call, t->far);
    hears(t->far, t->far_call, t->near);
}

static void silence(struct ring *ear, unsigned number, const struct ring *mouth)
{
    uint32_t before;

    band_run_ms(ear->band, 1000); /* what is on its way may still arrive */
    before = phone_heard_ms(ear->phone, number, tone_of(mouth));
    band_run_ms(ear->band, 1000);
    assert_int_equal(phone_heard_ms(ear->phone, number, tone_of(mouth)), before);
}

static void hang_up(struct ring *who, const struct talk *t)
{
    char command[32];

    (void)snprintf(command, sizeof command, "hangup %u", who == t->near ? t->near_call : t->far_call);
    ring_do(who, command);
    ring_expect(t->near, "ended");
    ring_expect(t->far, "ended");
}

/* Its calls have ended, in whatever order: on a bad wire the target's BYE may be there before the 202. */
static void is_free(struct ring *r)
{
    for (unsigned ms = 0; phone_calls(r->phone) && ms < HEAR_MS; ms += 100)
        band_run_ms(r->band, 100);
    assert_int_equal(phone_calls(r->phone), 0);
}

/* ---- the scenes ---- */

static void setup(struct stage *s)
{
    const struct talk t = call(s->a, s->b);

    listen(&t);
    hang_up(s->b, &t);
}

static void busy(struct stage *s)
{
    ring_do(s->b, "dnd on");
    ring_do(s->a, "call b");
    ring_expect(s->a, "ended \"code\":486");
}

static void no_answer(struct stage *s)
{
    ring_do(s->a, "call b");
    ring_expect(s->b, "incoming");
    band_run_ms(s->w, 5000);
    ring_do(s->a, "hangup");
    ring_expect(s->b, "ended");
}

static void hold(struct stage *s)
{
    const struct talk t = call(s->a, s->b);

    listen(&t);
    ring_do(s->a, "hold");
    ring_expect(s->a, "on-hold");
    ring_expect(s->b, "held");
    silence(s->b, t.far_call, s->a);
    silence(s->a, t.near_call, s->b);
    ring_do(s->a, "resume");
    ring_expect(s->b, "resumed");
    ring_expect(s->a, "off-hold");
    listen(&t);
    hang_up(s->a, &t);
}

static void wait_for(struct stage *s, struct ring *busy_one, const struct talk *first)
{
    struct ring *held = busy_one == s->a ? s->b : s->a;
    struct talk second;

    ring_do(s->c, busy_one == s->a ? "call a" : "call b");
    ring_expect(busy_one, "incoming");
    ring_do(busy_one, "answer");
    ring_expect(held, "held");
    second = (struct talk){.near = s->c, .far = busy_one, .near_call = 1, .far_call = 2};
    ring_expect(busy_one, "answered \"call\":2");
    ring_expect(s->c, "answered \"call\":1");
    listen(&second);
    silence(held, 1, busy_one);
    hang_up(s->c, &second);
    ring_do(busy_one, "swap");
    ring_expect(held, "resumed");
    listen(first);
    hang_up(s->a, first);
}

static void waiting(struct stage *s)
{
    const struct talk first = call(s->a, s->b);

    listen(&first);
    wait_for(s, s->a, &first);
}

/* The guide's text has it so, its table as above; a server carries both. */
static void waiting_at_b(struct stage *s)
{
    const struct talk first = call(s->a, s->b);

    wait_for(s, s->b, &first);
}

static void blind_transfer(struct stage *s)
{
    const struct talk first = call(s->a, s->b);
    struct talk second;

    listen(&first);
    ring_do(s->b, "transfer c");
    ring_expect(s->b, "transfer-accepted 202");
    ring_expect(s->b, "ended hung-up");
    ring_expect(s->a, "ended far-hung-up");
    ring_expect(s->c, "incoming \"from\":\"sip:a@");
    second = answer(s->a, s->c);
    listen(&second);
    hang_up(s->a, &second);
}

/* a holds b and talks with c: the two calls. */
static void attend(struct stage *s, struct talk *first, struct talk *second)
{
    *first = call(s->a, s->b);
    listen(first);
    ring_do(s->a, "attend c");
    ring_expect(s->b, "held");
    ring_expect(s->c, "incoming \"from\":\"sip:a@");
    *second = answer(s->a, s->c);
    listen(second);
    band_run_ms(s->w, 5000); /* on a bad wire the hold's ACK may need so long */
}

static void attended_transfer(struct stage *s)
{
    struct talk first, second, third = {.near = s->b, .far = s->c};

    attend(s, &first, &second);
    ring_do(s->a, "complete");
    ring_expect(s->a, "transfer-accepted 202");
    third.far_call = number_of(ring_expect(s->c, "incoming \"replaces\":true"));
    ring_expect(s->c, "ended replaced");
    third.near_call = number_of(ring_expect(s->b, "answered"));
    listen(&third);
    is_free(s->a);
    hang_up(s->b, &third);
}

/* a does not wait for c's answer: c's phone rings anew, for b, and no more for a. */
static void semi_attended(struct stage *s)
{
    const struct talk first = call(s->a, s->b);
    struct talk third = {.near = s->b, .far = s->c, .near_call = 2, .far_call = 2};

    listen(&first);
    ring_do(s->a, "attend c");
    ring_expect(s->c, "incoming \"from\":\"sip:a@");
    ring_expect(s->a, "ringing \"call\":2");
    ring_do(s->a, "complete");
    ring_expect(s->c, "incoming \"from\":\"sip:b@");
    ring_do(s->c, "answer 2");
    ring_expect(s->b, "answered \"call\":2");
    is_free(s->a);
    listen(&third);
    assert_int_equal(phone_calls(s->c->phone), 1);
    hang_up(s->b, &third);
}

static void forwarded(struct stage *s, const char *setting, const char *told)
{
    struct talk t;

    ring_do(s->b, setting);
    ring_do(s->a, "call b");
    ring_expect(s->b, told);
    ring_expect(s->a, "redirected");
    ring_expect(s->c, "incoming \"from\":\"sip:a@");
    t = answer(s->a, s->c);
    listen(&t);
    hang_up(s->a, &t);
}

static void forward_always(struct stage *s)
{
    forwarded(s, "forward always c", "forwarded \"why\":\"always\"");
}

static void forward_busy(struct stage *s)
{
    ring_do(s->b, "dnd on");
    forwarded(s, "forward busy c", "forwarded \"why\":\"busy\"");
}

static void forward_no_answer(struct stage *s)
{
    forwarded(s, "forward noanswer 8 c", "forwarded \"why\":\"noanswer\"");
}

static void conference(struct stage *s)
{
    struct talk first, second;

    attend(s, &first, &second);
    ring_do(s->a, "conference");
    ring_expect(s->b, "resumed");
    ring_expect(s->a, "off-hold");
    hears(s->b, first.far_call, s->c);
    hears(s->c, second.far_call, s->b);
    listen(&first);
    listen(&second);
    hang_up(s->c, &second);
    listen(&first);
    hang_up(s->b, &first);
}

static const struct scene {
    const char *name, *flow; /* flow: its file in flows/; NULL: judged by what the phones tell alone */
    void (*play)(struct stage *s);
    bool needs_180; /* which nobody repeats: not for a bad wire */
} scenes[] = {
    {"setup", "setup", setup, false},
    {"busy", "busy", busy, false},
    {"no-answer", "no-answer", no_answer, false},
    {"hold", "hold", hold, false},
    {"waiting", "waiting", waiting, false},
    {"waiting, as the guide's text has it", NULL, waiting_at_b, false},
    {"blind-transfer", "blind-transfer", blind_transfer, false},
    {"attended-transfer", "attended-transfer", attended_transfer, false},
    {"transfer while the target rings", NULL, semi_attended, true},
    {"forward-always", "forward-always", forward_always, false},
    {"forward-busy", "forward-busy", forward_busy, false},
    {"forward-no-answer", "forward-no-answer", forward_no_answer, false},
    {"conference", "conference", conference, false},
};
enum { N_SCENES = sizeof scenes / sizeof *scenes, N_WAYS = 3 };

/* ---- judging ---- */

static void read_flow(struct arena *a, const char *name, struct trace_flow *out)
{
    static char text[FILE_OCTETS];
    char path[512];
    struct slice why = SLICE_NONE;
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/flows/%s.json", STROWGER_SOURCE_DIR, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    assert_int_equal(flow_file_parse(a, (struct slice){text, n}, out, &why), ERR_OK);
}

struct seen_list {
    struct trace_message *m;
    size_t                n;
    struct addr           exchange;
};

static void on_seen(void *ctx, const struct kit_seen *s)
{
    struct seen_list *l = ctx;

    if (!addr_eq(&s->from, &l->exchange) && !addr_eq(&s->to, &l->exchange))
        return; /* sound */
    assert_true(l->n < MAX_MESSAGES);
    l->m[l->n++] = (struct trace_message){.time_us = s->at_us, .from = s->from, .to = s->to, .octets = s->octets};
}

/* On a bad wire a 1xx may be lost for good: nobody repeats it. */
static void excuse_provisional(struct trace_flow *f)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->steps[i].message.p[0] == '1') {
            f->steps[i].optional = true;
            f->steps[i].both = false; /* each hop loses for itself */
        }
}

static void judge(struct stage *s, const char *name, bool bad_wire)
{
    static struct trace_flow flow; /* large, as the next */
    static struct trace_judgement j;
    struct seen_list l = {0};
    struct trace_input in = {0};
    struct trace *t;
    struct mem mem;
    struct arena a;

    heap_mem(&mem);
    arena_init(&a, &mem, 1 << 16, 0);
    assert_int_equal(addr_parse(S(KIT_EXCHANGE ":5060"), &l.exchange), ERR_OK);
    l.m = arena_alloc(&a, MAX_MESSAGES * sizeof *l.m);
    assert_non_null(l.m);
    kit_each_seen(s->k, on_seen, &l);
    read_flow(&a, name, &flow);
    if (bad_wire)
        excuse_provisional(&flow);
    in.messages = l.m;
    in.n_messages = l.n;
    assert_int_equal(trace_build(&a, &in, &t), ERR_OK);
    assert_int_equal(trace_judge(&a, t, TRACE_NONE, &flow, &j), ERR_OK);
    if (!j.met)
        print_error("%s: %.*s\n", name, SARG(j.text));
    if (!j.met)
        kit_fail(s->k, "the flow is not met:", name);
    arena_close(&a);
}

/* ---- the ways ---- */

static void play(const struct scene *scene, const struct kit_options *o)
{
    struct stage s = {.k = kit_begin(o)};

    kit_add_user(s.k, "a");
    kit_add_user(s.k, "b");
    kit_add_user(s.k, "c");
    s.w = band_open(kit_world(s.k));
    s.a = registered(&s, "a", 440);
    s.b = registered(&s, "b", 554);
    s.c = registered(&s, "c", 659);
    scene->play(&s);
    kit_wait_ms(s.k, SETTLE_MS);
    if (scene->flow)
        judge(&s, scene->flow, o->link.loss_ppm != 0);
    band_leave(s.w);
    mem_free(&s.w->plain, s.w, sizeof *s.w);
    kit_end(s.k);
}

static void on_a_good_wire(void **state)
{
    play(*state, &(struct kit_options){.digest = true});
}

static void on_four_workers(void **state)
{
    play(*state, &(struct kit_options){.digest = true, .workers = 4, .spread = true});
}

static void on_a_bad_wire(void **state)
{
    static const struct fake_link bad = {.delay_us = 5000, .jitter_us = 20000, .loss_ppm = 100000, .duplicate_ppm = 100000,
                                         .reorder_ppm = 100000, .reorder_us = 300000};

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(*state, &(struct kit_options){.digest = true, .link = bad, .seed = seed, .workers = seed % 2 ? 1 : 4});
}

int main(void)
{
    static const struct {
        const char        *on;
        CMUnitTestFunction play;
    } ways[N_WAYS] = {{"", on_a_good_wire}, {", four workers", on_four_workers}, {", bad wire", on_a_bad_wire}};
    static struct CMUnitTest tests[N_SCENES * N_WAYS];
    static char names[N_SCENES * N_WAYS][96];
    static struct scene scene[N_SCENES]; /* cmocka wants to be handed what it may write to */
    size_t n = 0;

    memcpy(scene, scenes, sizeof scenes);
    for (size_t i = 0; i < N_SCENES; i++)
        for (size_t w = 0; w < N_WAYS; w++) {
            if (scene[i].needs_180 && ways[w].play == on_a_bad_wire)
                continue;
            (void)snprintf(names[n], sizeof names[n], "%s%s", scene[i].name, ways[w].on);
            tests[n] = (struct CMUnitTest){names[n], ways[w].play, NULL, NULL, &scene[i]};
            n++;
        }
    return _cmocka_run_group_tests("guide", tests, n, NULL, NULL);
}
