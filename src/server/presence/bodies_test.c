/* bodies_test.c - bodies of PUBLISH and SUBSCRIBE: what is read out of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/presence/bodies.h"
#include "server/presence/read_xml.h"
#include "sys/guard.h"

#define PIDF "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:a@b\">"

static void pidf_tells_status_and_note(void **state)
{
    struct pidf p;

    (void)state;
    assert_int_equal(pidf_read(S(PIDF "<tuple id=\"1\"><status><basic>open</basic></status><note>In a <!-- x -->meeting</note></tuple>"
                                      "<tuple id=\"2\"><status><basic>closed</basic></status><note>two</note></tuple></presence>"), &p), ERR_OK);
    assert_true(p.has_status && p.open);
    assert_true(slice_eq((struct slice){p.note, p.n_note}, S("In a meeting")));
    assert_int_equal(pidf_read(S(PIDF "<tuple id=\"1\"><status><basic> closed </basic></status></tuple></presence>"), &p), ERR_OK);
    assert_true(p.has_status && !p.open && p.n_note == 0);
    assert_int_equal(pidf_read(S("<p:presence xmlns:p=\"urn:ietf:params:xml:ns:pidf\"><p:tuple><p:status><p:basic>open</p:basic>"
                                 "</p:status></p:tuple></p:presence>"), &p), ERR_OK);
    assert_true(p.open);
}

static void a_long_note_is_cut_between_characters(void **state)
{
    char        text[1000];
    struct buf  b = BUF_ON(text);
    struct pidf p;

    (void)state;
    buf_put(&b, S(PIDF "<note>a"));
    for (int i = 0; i < 200; i++)
        buf_put(&b, S("\xc3\xbc"));
    buf_put(&b, S("</note></presence>"));
    assert_int_equal(pidf_read(buf_slice(&b), &p), ERR_OK);
    assert_int_equal(p.n_note, NOTE_OCTETS - 1);
    assert_int_equal((unsigned char)p.note[p.n_note - 1], 0xbc);
}

static void what_is_no_presence_is_refused(void **state)
{
    struct pidf p;

    (void)state;
    assert_int_equal(pidf_read(S(""), &p), ERR_SYNTAX);
    assert_int_equal(pidf_read(S("<html/>"), &p), ERR_INVALID);
    assert_int_equal(pidf_read(S("<presence>"), &p), ERR_SYNTAX);
    assert_int_equal(pidf_read(S("<presence></presence><presence/>"), &p), ERR_SYNTAX);
    assert_int_equal(pidf_read(S("<presence>\xff</presence>"), &p), ERR_SYNTAX);
}

/* RFC 3863 has no document type, and who brings one wants entities: of our memory, or of our files. */
static void no_document_type_no_entities(void **state)
{
    struct pidf p;

    (void)state;
    assert_int_equal(pidf_read(S("<!DOCTYPE presence [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>"
                                 "<presence><note>&b;</note></presence>"), &p), ERR_SYNTAX);
    assert_int_equal(pidf_read(S("<!DOCTYPE presence SYSTEM \"file:///etc/passwd\"><presence/>"), &p), ERR_SYNTAX);
    assert_int_equal(pidf_read(S("<presence><note>&unknown;</note></presence>"), &p), ERR_SYNTAX);
}

static void depth_and_size_have_limits(void **state)
{
    char       *large = calloc(1, XML_MAX_OCTETS + 100);
    struct buf  b;
    struct pidf p;

    (void)state;
    assert_non_null(large);
    buf_init(&b, large, XML_MAX_OCTETS + 100);
    buf_put(&b, S("<presence>"));
    for (int i = 1; i < XML_MAX_DEPTH; i++)
        buf_put(&b, S("<a>"));
    for (int i = 1; i < XML_MAX_DEPTH; i++)
        buf_put(&b, S("</a>"));
    buf_put(&b, S("</presence>"));
    assert_int_equal(pidf_read(buf_slice(&b), &p), ERR_OK);
    buf_reset(&b);
    buf_put(&b, S("<presence>"));
    for (int i = 0; i < XML_MAX_DEPTH; i++)
        buf_put(&b, S("<a>"));
    assert_int_equal(pidf_read(buf_slice(&b), &p), ERR_LIMIT);
    buf_reset(&b);
    buf_put(&b, S("<presence>"));
    while (b.n < XML_MAX_OCTETS)
        buf_putc(&b, ' ');
    buf_put(&b, S("</presence>"));
    assert_int_equal(pidf_read(buf_slice(&b), &p), ERR_LIMIT);
    free(large);
}

static void summaries(void **state)
{
    struct summary s;

    (void)state;
    assert_int_equal(summary_read(S("Messages-Waiting: yes\r\nMessage-Account: sip:a@b\r\nVoice-Message: 2/8 (0/2)\r\n"), &s), ERR_OK);
    assert_true(s.waiting && s.new == 2 && s.old == 8);
    assert_int_equal(summary_read(S("messages-waiting:YES\n"), &s), ERR_OK);
    assert_true(s.waiting && s.new == 1 && s.old == 0);
    assert_int_equal(summary_read(S("Messages-Waiting: no"), &s), ERR_OK);
    assert_true(!s.waiting && s.new == 0);
    assert_int_equal(summary_read(S("Messages-Waiting: yes\r\nVoice-Message: 99999999999/1"), &s), ERR_OK);
    assert_true(s.new == 0);
    assert_int_equal(summary_read(S("Voice-Message: 2/8"), &s), ERR_SYNTAX);
    assert_int_equal(summary_read(S(""), &s), ERR_SYNTAX);
}

static void feature_requests(void **state)
{
    struct feature_request r;

    (void)state;
    assert_int_equal(feature_read(S(""), &r), ERR_OK);
    assert_int_equal(r.feature, FEATURE_NONE);
    assert_int_equal(feature_read(S("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><SetDoNotDisturb xmlns=\"http://www.ecma-international.org/"
                                    "standards/ecma-323/csta/ed3\"><device/><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>"), &r), ERR_OK);
    assert_true(r.feature == FEATURE_DND && r.on);
    assert_int_equal(feature_read(S("<SetForwarding><device/><forwardingType>forwardNoAns</forwardingType><activateForward>true"
                                    "</activateForward><forwardDN>1003</forwardDN><ringCount>4</ringCount></SetForwarding>"), &r), ERR_OK);
    assert_true(r.feature == FEATURE_NO_ANSWER && r.on && r.has_rings && r.rings == 4);
    assert_true(slice_eq((struct slice){r.target, r.n_target}, S("1003")));
    assert_int_equal(feature_read(S("<SetForwarding><forwardingType>forwardBusy</forwardingType><activateForward>false</activateForward>"
                                    "</SetForwarding>"), &r), ERR_OK);
    assert_true(r.feature == FEATURE_BUSY && !r.on);
    assert_int_equal(feature_read(S("<SetForwarding><forwardingType>forwardFax</forwardingType></SetForwarding>"), &r), ERR_INVALID);
    assert_int_equal(feature_read(S("<SetSomething/>"), &r), ERR_INVALID);
}

/* Cut at every octet, against a page that nobody may touch. */
static void cut_anywhere_nothing_is_read_beyond(void **state)
{
    const struct slice bodies[] = {S(PIDF "<tuple id=\"1\"><status><basic>open</basic></status><note>hi</note></tuple></presence>"),
                                   S("Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"),
                                   S("<SetForwarding><forwardingType>forwardBusy</forwardingType><forwardDN>1</forwardDN></SetForwarding>")};
    struct guard       g;

    (void)state;
    assert_int_equal(guard_open(&g, 1000), ERR_OK);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        for (size_t n = 0; n <= bodies[i].n; n++) {
            struct slice           cut = guard_copy(&g, slice_to(bodies[i], n));
            struct pidf            p;
            struct summary         s;
            struct feature_request r;

            assert_int_equal(pidf_read(cut, &p) == ERR_OK, i == 0 && n == bodies[i].n);
            summary_read(cut, &s);
            feature_read(cut, &r);
        }
    guard_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pidf_tells_status_and_note),
        cmocka_unit_test(a_long_note_is_cut_between_characters),
        cmocka_unit_test(what_is_no_presence_is_refused),
        cmocka_unit_test(no_document_type_no_entities),
        cmocka_unit_test(depth_and_size_have_limits),
        cmocka_unit_test(summaries),
        cmocka_unit_test(feature_requests),
        cmocka_unit_test(cut_anywhere_nothing_is_read_beyond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
