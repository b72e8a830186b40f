/* torture_test.c - messages that are hard to read, or must be refused: our own in test/torture, one per rule; and the
 * outside ones of STROWGER_CONFORMANCE (rfc4475, rfc5118, messages), which are skipped without it.
 *
 * Each file is judged as its table says, then read again cut at every octet against a page that may not be touched, and
 * cut in two at every octet as a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"
#include "sys/guard.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

enum { FILE_OCTETS = 8192, STREAM_OCTETS = 256 * 1024, ARENA_OCTETS = 512 * 1024, COLUMNS = 16 };

static char file_octets[STREAM_OCTETS];
static char arena_octets[ARENA_OCTETS];

struct file {
    char         name[128];
    struct slice column[COLUMNS];
    struct slice octets;
};

typedef void for_file(const struct file *f, void *ctx);

/* A folder of messages: its table, whose first column names the files, where they lie and how their names end. */
struct set {
    bool        own;
    const char *folder, *table, *files, *ending;
};
static const struct set own = {true, "test/torture", "index.tsv", "test/torture", ".sip"};
static const struct set rfc4475 = {false, "rfc4475", "expectations.tsv", "rfc4475", ".dat"};
static const struct set rfc5118 = {false, "rfc5118", "expectations.tsv", "rfc5118/wire", ".dat"};
static const struct set rfc3665 = {false, "messages/rfc3665", "index.tsv", "messages/rfc3665", ""};

static const char *outside_root(void)
{
    const char *root = getenv("STROWGER_CONFORMANCE");

    return root && *root ? root : NULL;
}

static struct slice load(const struct set *set, const char *folder, const char *name, struct slice room)
{
    char   path[1024], *into = (char *)(uintptr_t)room.p;
    size_t n, cap = room.n;
    FILE  *f;

    snprintf(path, sizeof path, "%s/%s/%s", set->own ? STROWGER_SOURCE_DIR : outside_root(), folder, name);
    f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot read %s", path);
    n = fread(into, 1, cap, f);
    assert_true(n < cap);
    fclose(f);
    return (struct slice){into, n};
}

static struct msg *parse(struct slice octets)
{
    return walk_parse(octets, arena_octets, sizeof arena_octets);
}

/* Returns how many files there were. */
static size_t each_file(const struct set *set, for_file *call, void *ctx)
{
    static char  table_octets[65536], octets[FILE_OCTETS];
    struct slice rest = load(set, set->folder, set->table, (struct slice){table_octets, sizeof table_octets}), line;
    size_t       n = 0;

    slice_line(&rest, &line); /* names of the columns */
    while (slice_line(&rest, &line)) {
        struct file f = {0};

        for (size_t i = 0; i < COLUMNS && line.n; i++)
            slice_cut(&line, '\t', &f.column[i]);
        snprintf(f.name, sizeof f.name, "%.*s%s", SARG(f.column[0]), set->ending);
        f.octets = load(set, set->files, f.name, (struct slice){octets, sizeof octets});
        call(&f, ctx);
        n++;
    }
    return n;
}

static bool list_has(struct slice list, struct slice word)
{
    struct slice one;

    while (list.n) {
        slice_cut(&list, ',', &one);
        if (slice_eq(one, word))
            return true;
    }
    return false;
}

struct columns {
    size_t verdict, ok;
};

/* What msg_check() makes of it must be one of the answers that the table allows. */
static void judge(const struct file *f, void *ctx)
{
    const struct columns *c = ctx;
    struct slice          verdict = f->column[c->verdict], ok = f->column[c->ok];
    struct msg           *m = parse(f->octets);
    unsigned              code = m ? msg_check(m, NULL) : 1;
    char                  text[16];

    snprintf(text, sizeof text, "%u", code);
    if (slice_eq(verdict, S("reject")) && code == 0)
        fail_msg("%s: accepted", f->name);
    if (slice_eq(verdict, S("accept then reject")) && (code == 0 || !m || m->fault.what))
        fail_msg("%s: %s", f->name, code ? "no longer parses" : "accepted");
    if (slice_eq(verdict, S("accept")) && (!m || m->fault.what))
        fail_msg("%s: does not parse", f->name);
    if (code && !list_has(ok, slice_z(text)) && !list_has(ok, S("drop")))
        fail_msg("%s: %u, but allowed are %.*s", f->name, code, SARG(ok));
    if (!code && !slice_eq(verdict, S("either")) && !slice_eq(verdict, S("accept")))
        fail_msg("%s: accepted", f->name);
}

/* Of our own the very status is known: column 2. */
static void judge_own(const struct file *f, void *ctx)
{
    struct msg      *m = parse(f->octets);
    struct msg_fault fault = {0};
    uint64_t         want;

    (void)ctx;
    assert_int_equal(slice_u64(f->column[2], 999, &want), ERR_OK);
    if (!m)
        fail_msg("%s: does not parse at all", f->name);
    if (msg_check(m, &fault) != want)
        fail_msg("%s: %u %s", f->name, fault.code, fault.what ? fault.what : "");
}

static void our_own_verdicts(void **state)
{
    size_t n = each_file(&own, judge_own, NULL);

    (void)state;
    assert_true(n >= 76);
    printf("cases: %zu own\n", n);
}

/* One file by name. */
static struct msg *one(const struct set *set, const char *name)
{
    static char octets[FILE_OCTETS];
    char        path[128];
    struct msg *m;

    snprintf(path, sizeof path, "%s%s", name, set->ending);
    m = parse(load(set, set->files, path, (struct slice){octets, sizeof octets}));
    assert_non_null(m);
    assert_int_equal(msg_check(m, NULL), 0);
    return m;
}

static void what_the_tortuous_one_says(void **state)
{
    struct msg      *m = one(&own, "tortuous");
    struct name_addr na;
    struct cseq      cseq;
    struct slice     element;
    struct via       v;
    unsigned         n;
    uint16_t         q;

    (void)state;
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 3);
    assert_int_equal(msg_max_forwards(m, &n), ERR_OK);
    assert_int_equal(n, 42);
    assert_slice(msg_from_tag(m), "from1");
    assert_slice(msg_to_tag(m), "to1");
    assert_int_equal(msg_element_count(m, HDR_VIA), 3);
    assert_non_null(msg_via(m));
    v = *msg_via(m);
    assert_slice(v.host, "192.0.2.7");
    assert_int_equal(v.port, 5066);
    assert_slice(v.branch, "older-than-3261");
    assert_false(v.rfc3261);
    assert_int_equal(msg_element(m, HDR_VIA, 2, &element), ERR_OK);
    assert_int_equal(via_parse(element, &v), ERR_OK);
    assert_slice(v.branch, "z9hG4bKh2");
    assert_int_equal(msg_name_addr(m, HDR_CONTACT, &na), ERR_OK);
    assert_int_equal(msg_q(na.params, &q), ERR_OK);
    assert_int_equal(q, 250);
    assert_slice(msg_row_named(m, S("X-Odd"))->value, ";,;;,, ;");
}

static void what_some_others_say(void **state)
{
    struct msg      *m = one(&own, "percent-elsewhere");
    struct name_addr na;
    struct uri       u;

    (void)state;
    assert_int_equal(msg_element_count(m, HDR_CONTACT), 1);
    assert_int_equal(msg_count(m, HDR_TO), 1);
    m = one(&own, "contact-parameter");
    assert_int_equal(msg_name_addr(m, HDR_CONTACT, &na), ERR_OK);
    assert_slice(na.uri, "sip:1001@192.0.2.7");
    assert_true(msg_has_param(na.params, S("mine")));
    m = one(&own, "uri-parameter");
    assert_int_equal(msg_name_addr(m, HDR_CONTACT, &na), ERR_OK);
    assert_int_equal(uri_parse(na.uri, &u, NULL), ERR_OK);
    assert_true(uri_has_param(&u, S("mine")));
    assert_false(msg_has_param(na.params, S("mine")));
    m = one(&own, "two-in-one-datagram");
    assert_int_equal(m->body.n, 0);
    assert_int_equal(slice_find_slice(m->raw, S("INVITE")), SIZE_MAX);
    m = one(&own, "ip6-port-inside");
    assert_int_equal(uri_parse(m->uri, &u, NULL), ERR_OK);
    assert_slice(u.host, "2001:db8::10:5062");
    assert_int_equal(u.port, 0);
    m = one(&own, "long-values");
    assert_int_equal(msg_element_count(m, HDR_VIA), 34);
}

static void what_the_outside_ones_say(void **state)
{
    struct msg  *m;
    struct cseq  cseq;
    unsigned     n;
    struct slice element;

    (void)state;
    if (!outside_root())
        skip();
    m = one(&rfc4475, "wsinv");
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 9);
    assert_int_equal(msg_max_forwards(m, &n), ERR_OK);
    assert_int_equal(n, 68);
    assert_int_equal(msg_element_count(m, HDR_VIA), 3);
    assert_int_equal(m->body.n, 150);
    assert_int_equal(msg_element_count(one(&rfc4475, "esc02"), HDR_CONTACT), 2);
    assert_int_equal(msg_element_count(one(&rfc4475, "longreq"), HDR_VIA), 34);
    m = one(&rfc4475, "mpart01");
    assert_int_equal(msg_find_body(m, S("application"), S("octet-stream"), &element), ERR_OK);
    assert_int_equal(msg_find_body(m, S("text"), S("plain"), &element), ERR_OK);
    assert_slice(element, "Hello");
}

static void cut_at_every_octet(const struct file *f, void *ctx)
{
    struct guard *g = ctx;

    for (size_t n = 0; n <= f->octets.n; n++) {
        struct slice octets = guard_copy(g, slice_to(f->octets, n)), id;
        struct msg  *m;
        unsigned     code;

        (void)msg_find_call_id(octets, &id);
        m = parse(octets);
        if (!m)
            continue;
        code = msg_check(m, NULL);
        msg_walk(m);
        assert_true(code == 0 || (code >= 400 && code < 600));
    }
}

/* Nothing is said against the beginning of a message that will not be said against all of it; and what is said of all but
 * its empty line and missing rows is said before that line has come. */
static void no_beginning_is_wronged(const struct file *f, void *ctx)
{
    struct msg *m = parse(f->octets);
    unsigned    whole = m ? msg_check(m, NULL) : 1;

    (void)ctx;
    for (size_t n = 0; n <= f->octets.n; n++) {
        struct slice sure = msg_sure_lines(slice_to(f->octets, n));

        assert_true(sure.n <= n);
        m = parse(sure);
        if (m && msg_check_begun(m, NULL) && !whole)
            fail_msg("%s: accused of its first %zu octets", f->name, n);
    }
}

static void what_has_begun_is_not_judged_too_early(void **state)
{
    (void)state;
    each_file(&own, no_beginning_is_wronged, NULL);
    if (outside_root()) {
        each_file(&rfc4475, no_beginning_is_wronged, NULL);
        each_file(&rfc5118, no_beginning_is_wronged, NULL);
        each_file(&rfc3665, no_beginning_is_wronged, NULL);
    }
}

static void answer_or_silence_at_every_cut(void **state)
{
    struct guard g;

    (void)state;
    assert_int_equal(guard_open(&g, FILE_OCTETS), ERR_OK);
    each_file(&own, cut_at_every_octet, &g);
    if (outside_root()) {
        each_file(&rfc4475, cut_at_every_octet, &g);
        each_file(&rfc5118, cut_at_every_octet, &g);
        each_file(&rfc3665, cut_at_every_octet, &g);
    }
    guard_close(&g);
}

struct frames {
    struct msg_framer framer;
    size_t            messages, taken;
    enum msg_frame_kind last;
};

/* Everything that is whole in octets[taken..n). */
static void take_frames(struct frames *fr, struct slice octets, size_t n)
{
    struct msg_frame out;

    for (;;) {
        msg_frame(&fr->framer, slice_between(octets.p + fr->taken, octets.p + n), MSG_MAX_OCTETS, &out);
        fr->last = out.kind;
        if (out.kind == MSG_FRAME_MORE || out.kind == MSG_FRAME_BROKEN || out.kind == MSG_FRAME_DEAF)
            return;
        fr->messages += out.kind == MSG_FRAME_WHOLE;
        fr->taken += out.n;
        assert_true(fr->taken <= n);
    }
}

static void split_in_two(const struct file *f, void *ctx)
{
    struct frames whole = {0};

    (void)ctx;
    take_frames(&whole, f->octets, f->octets.n);
    for (size_t n = 0; n <= f->octets.n; n++) {
        struct frames parts = {0};

        take_frames(&parts, f->octets, n);
        take_frames(&parts, f->octets, f->octets.n);
        if (parts.messages != whole.messages || parts.taken != whole.taken || parts.last != whole.last)
            fail_msg("%s: split at %zu it ends otherwise", f->name, n);
    }
}

static void a_stream_split_anywhere_is_the_same(void **state)
{
    (void)state;
    each_file(&own, split_in_two, NULL);
    if (outside_root()) {
        each_file(&rfc4475, split_in_two, NULL);
        each_file(&rfc5118, split_in_two, NULL);
        each_file(&rfc3665, split_in_two, NULL);
    }
}

static void rfc4475_verdicts(void **state)
{
    struct columns uas = {5, 8}, proxy = {5, 9};

    (void)state;
    if (!outside_root())
        skip();
    assert_int_equal(each_file(&rfc4475, judge, &uas), 49);
    assert_int_equal(each_file(&rfc4475, judge, &proxy), 49);
}

static void rfc5118_verdicts(void **state)
{
    struct columns c = {4, 6};

    (void)state;
    if (!outside_root())
        skip();
    assert_int_equal(each_file(&rfc5118, judge, &c), 12);
    printf("cases: %d outside\n", 49 + 12);
}

static void print_again(const struct file *f, void *ctx)
{
    static char  first_octets[FILE_OCTETS], second_octets[FILE_OCTETS];
    struct buf   first = BUF_ON(first_octets), second = BUF_ON(second_octets);
    struct arena a;
    struct msg  *m;
    size_t      *n = ctx;

    arena_init_fixed(&a, arena_octets, sizeof arena_octets);
    assert_int_equal(msg_parse(&a, f->octets, &m), ERR_OK);
    assert_int_equal(msg_check(m, NULL), 0);
    msg_print(&first, &a, m);
    assert_int_equal(buf_err(&first), ERR_OK);
    assert_int_equal(msg_parse(&a, buf_slice(&first), &m), ERR_OK);
    assert_int_equal(msg_check(m, NULL), 0);
    msg_print(&second, &a, m);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&second)));
    (*n)++;
}

static void rfc3665_messages_print_as_they_parse(void **state)
{
    size_t n = 0;

    (void)state;
    if (!outside_root())
        skip();
    each_file(&rfc3665, print_again, &n);
    assert_int_equal(n, 177);
}

struct joined {
    struct buf b;
};

static void join(const struct file *f, void *ctx)
{
    struct joined *j = ctx;

    buf_put(&j->b, f->octets);
}

static void a_stream_of_177_messages(void **state)
{
    struct joined j = {BUF_ON(file_octets)};
    struct slice  all;
    struct frames fr = {0};
    uint32_t      seed = 1;

    (void)state;
    if (!outside_root())
        skip();
    each_file(&rfc3665, join, &j);
    all = buf_slice(&j.b);
    take_frames(&fr, all, all.n);
    assert_int_equal(fr.messages, 177);
    fr = (struct frames){0};
    for (size_t n = 1; n <= all.n; n++)
        take_frames(&fr, all, n);
    assert_int_equal(fr.messages, 177);
    for (int round = 0; round < 50; round++) {
        fr = (struct frames){0};
        for (size_t n = 0; n < all.n;) {
            seed = seed * 1664525 + 1013904223;
            n += (seed >> 16) % 2000 + 1;
            take_frames(&fr, all, n < all.n ? n : all.n);
        }
        assert_int_equal(fr.messages, 177);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_verdicts),
        cmocka_unit_test(what_the_tortuous_one_says),
        cmocka_unit_test(what_some_others_say),
        cmocka_unit_test(rfc4475_verdicts),
        cmocka_unit_test(rfc5118_verdicts),
        cmocka_unit_test(what_the_outside_ones_say),
        cmocka_unit_test(rfc3665_messages_print_as_they_parse),
        cmocka_unit_test(a_stream_of_177_messages),
        cmocka_unit_test(a_stream_split_anywhere_is_the_same),
        cmocka_unit_test(answer_or_silence_at_every_cut),
        cmocka_unit_test(what_has_begun_is_not_judged_too_early),
    };
    return cmocka_run_group_tests_name("sip/msg/torture", tests, NULL, NULL);
}
