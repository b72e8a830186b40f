/* repeat_test.c - what is kept of a response goes out again octet for octet, however it is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage g_stage;

static struct stage *begin(void)
{
    g_stage = (struct stage){0};
    stage_open(&g_stage);
    return &g_stage;
}

#define INVITE stage_request((struct stage_said){.method = "INVITE"})

static void answer(struct stage *g, struct shard *sh)
{
    assert_int_equal(stack_reply_code(sh, g->server, 200), ERR_OK);
}

static struct slice ringing;

static void ring_in_full(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    assert_int_equal(stack_respond(sh, in->tsx, ringing), ERR_OK);
}

/* After a second of ringing the response is kept as what the request does not say; the same goes out. */
static void fig7_repeats_what_has_rung_for_long(void **state)
{
    struct stage *g = begin();
    char          text[STAGE_OCTETS];
    struct buf    b = BUF_ON(text);
    struct slice  made = stage_answer(INVITE, 180, "callee"), first, again;
    uint64_t      before;

    (void)state;
    buf_puts(&b, slice_to(made, made.n - 2), S("Contact: <sip:b@192.0.2.9>\r\nSubject: nothing that stands in the request\r\n\r\n"));
    ringing = buf_slice(&b);
    g->on_request = ring_in_full;
    stage_send(g, INVITE);
    first = stage_expect(g, "SIP/2.0 180 ");
    before = atomic_load(&g->ours.octets);
    stage_run_ms(g, 1500);
    assert_true(atomic_load(&g->ours.octets) + 100 < before);
    stage_send(g, INVITE);
    again = stage_expect(g, "SIP/2.0 180 ");
    assert_int_equal(again.n, first.n);
    assert_memory_equal(again.p, first.p, first.n);
    stage_do(g, answer);
    stage_expect(g, "SIP/2.0 200 ");
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void reply_in_full(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    struct stack_reply r = {.code = 200, .reason = S("Right"), .to_tag = S("ours"), .rows = S("Subject: one\r\nExpires: 7\r\n")};

    (void)g;
    assert_int_equal(stack_reply(sh, in->tsx, &r), ERR_OK);
}

/* What is kept of an answer is only what the request does not have; the same goes out. */
static void fig8_repeats_octet_for_octet(void **state)
{
    struct stage     *g = begin();
    struct stage_said options = {.method = "OPTIONS", .branch = "9"};
    struct slice      first, again;

    (void)state;
    g->on_request = reply_in_full;
    stage_send(g, stage_request(options));
    first = stage_expect(g, "SIP/2.0 200 Right\r\n");
    assert_true(stage_has(first, "tag=ours\r\n") && stage_has(first, "Subject: one\r\nExpires: 7\r\n"));
    stage_send(g, stage_request(options));
    again = stage_expect(g, "SIP/2.0 200 Right\r\n");
    assert_int_equal(again.n, first.n);
    assert_memory_equal(again.p, first.p, first.n);
    stage_run_ms(g, 32000);
    stage_close(g);
}

static char   head_text[STAGE_OCTETS];
static size_t head_n;

static void keep_head(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    struct slice head;

    (void)g;
    assert_int_equal(stack_reply_head(sh, in->tsx, &(struct stack_reply){.code = 200}, &head), ERR_OK);
    assert_in_range(head.n, 1, sizeof head_text);
    memcpy(head_text, head.p, head.n);
    head_n = head.n;
}

static void reply_later(struct stage *g, struct shard *sh)
{
    struct stack_reply r = {.code = 200, .rows = S("Subject: one\r\n"), .head = {head_text, head_n}};
    struct slice       head;

    assert_int_equal(stack_reply(sh, g->server, &r), ERR_OK);
    assert_int_equal(stack_reply(sh, g->server, &r), ERR_INVALID);
    assert_int_equal(stack_reply_head(sh, g->server, &r, &head), ERR_INVALID);
    assert_int_equal(stack_reply_head(sh, (struct tsx_id){0}, &r, &head), ERR_NOTFOUND);
}

static void reply_later_from_the_request(struct stage *g, struct shard *sh)
{
    assert_int_equal(stack_reply(sh, g->server, &(struct stack_reply){.code = 200, .rows = S("Subject: one\r\n")}), ERR_OK);
}

/* What was kept of an answer that had to wait is what would be made of the request, and that is what goes out again. */
static void fig8_an_answer_that_has_waited_is_the_same(void **state)
{
    struct stage     *g = begin();
    struct stage_said options = {.method = "OPTIONS", .branch = "9"};
    char              text[STAGE_OCTETS];
    struct buf        first = BUF_ON(text);

    (void)state;
    g->on_request = keep_head;
    stage_send(g, stage_request(options));
    stage_expect_nothing(g);
    stage_do(g, reply_later);
    buf_put(&first, stage_expect(g, "SIP/2.0 200 OK\r\n"));
    assert_true(stage_has(buf_slice(&first), "\r\nSubject: one\r\n"));
    stage_send(g, stage_request(options));
    assert_true(slice_eq(stage_expect(g, "SIP/2.0 200 "), buf_slice(&first)));
    stage_run_ms(g, 33000);
    g->on_request = NULL;
    stage_send(g, stage_request(options));
    stage_do(g, reply_later_from_the_request);
    assert_true(slice_eq(stage_expect(g, "SIP/2.0 200 "), buf_slice(&first)));
    stage_run_ms(g, 32000);
    stage_close(g);
}

/* ---- liken.c ---- */

static void expect_back(const char *text, const char *like, size_t at_most)
{
    static char  block[65536];
    struct arena scratch;
    struct slice likened, back;

    arena_init_fixed(&scratch, block, sizeof block);
    assert_int_equal(liken(&scratch, slice_z(text), slice_z(like), &likened), ERR_OK);
    assert_in_range(likened.n, 1, at_most);
    assert_int_equal(unliken(&scratch, likened, slice_z(like), &back), ERR_OK);
    assert_true(slice_eq(back, slice_z(text)));
}

static void comes_back_whatever_it_is_likened_to(void **state)
{
    static char many[4000];

    (void)state;
    expect_back("", "", 6);
    expect_back("", "a line of some length\r\n", 6);
    expect_back("a line of some length\r\n", "", 29);
    expect_back("a line of some length\r\n", "a line of some length\r\n", 12);
    expect_back("a line of some length, and more\r\nand another\r\n", "x\r\na line of some length\r\n", 37);
    expect_back("a line without an end that", "a line without an end that goes on", 12);
    for (size_t i = 0; i + 1 < sizeof many; i++)
        many[i] = i % 20 == 19 ? '\n' : 'x';
    expect_back(many, many, 4000); /* more lines than are looked at */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fig7_repeats_what_has_rung_for_long),
        cmocka_unit_test(fig8_repeats_octet_for_octet),
        cmocka_unit_test(fig8_an_answer_that_has_waited_is_the_same),
        cmocka_unit_test(comes_back_whatever_it_is_likened_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
