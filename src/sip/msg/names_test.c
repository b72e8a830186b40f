/* names_test.c - names and numbers of methods, header fields and phrases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"
#include "sip/msg/names_find.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static void every_header_is_found_by_its_name(void **state)
{
    (void)state;
    for (enum hdr_id id = HDR_ACCEPT; id < HDR_N; id++) {
        char         upper[64], lower[64];
        struct slice name = hdr_name(id);

        assert_true(name.n > 1 && name.n < sizeof upper);
        for (size_t i = 0; i < name.n; i++) {
            lower[i] = ascii_lower(name.p[i]);
            upper[i] = (char)(lower[i] >= 'a' && lower[i] <= 'z' ? lower[i] - 32 : lower[i]);
        }
        if (hdr_find(name) != id || hdr_find((struct slice){upper, name.n}) != id)
            fail_msg("%.*s is not found: its slot is wrong, or two names meet in one", SARG(name));
        assert_int_equal(hdr_find((struct slice){lower, name.n}), id);
        lower[name.n - 1] = '~';
        assert_int_equal(hdr_find((struct slice){lower, name.n}), HDR_OTHER);
        assert_false(hdr_is_list(id) && hdr_is_single(id));
    }
}

/* What stands behind the colon does not matter. */
static void a_short_name_is_found_in_its_line(void **state)
{
    (void)state;
    for (enum hdr_id id = HDR_ACCEPT; id < HDR_N; id++) {
        char   line[64], wrong[64];
        size_t n = hdr_name(id).n;

        if (n >= HDR_SHORT_OCTETS)
            continue;
        memset(line, '#', sizeof line);
        memcpy(line, hdr_name(id).p, n);
        line[n] = ':';
        assert_int_equal(hdr_find_short(line, n), id);
        memcpy(wrong, line, sizeof line);
        wrong[n - 1] = '~';
        assert_int_equal(hdr_find_short(wrong, n), HDR_OTHER);
        wrong[n - 1] = '\0';
        assert_int_equal(hdr_find_short(wrong, n), HDR_OTHER);
        for (size_t i = 0; i < n; i++) {
            line[i] = ascii_is_alpha(line[i]) ? (char)(line[i] ^ 0x20) : line[i];
            assert_int_equal(hdr_find_short(line, n), id);
        }
        if (hdr_compact(id)) {
            line[0] = hdr_compact(id);
            line[1] = ':';
            assert_int_equal(hdr_find_short(line, 1), id);
        }
    }
    assert_int_equal(hdr_find_short(":###############", 0), HDR_OTHER);
}

static void compact_forms_are_those_of_the_registry(void **state)
{
    static const char *const pairs[] = {
        "aAccept-Contact", "bReferred-By", "cContent-Type", "dRequest-Disposition", "eContent-Encoding", "fFrom",
        "iCall-ID", "jReject-Contact", "kSupported", "lContent-Length", "mContact", "nIdentity-Info", "oEvent",
        "rRefer-To", "sSubject", "tTo", "uAllow-Events", "vVia", "xSession-Expires", "yIdentity",
    };
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct slice pair = slice_z(pairs[i]);
        enum hdr_id  id = hdr_find(slice_to(pair, 1));
        char         upper = (char)(pair.p[0] - 32);

        assert_true(slice_eq(hdr_name(id), slice_from(pair, 1)));
        assert_int_equal(hdr_compact(id), pair.p[0]);
        assert_int_equal(hdr_find((struct slice){&upper, 1}), id);
    }
    for (enum hdr_id id = HDR_ACCEPT; id < HDR_N; id++)
        n += hdr_compact(id) != 0;
    assert_int_equal(n, sizeof pairs / sizeof pairs[0]);
}

static void unknown_names_are_other(void **state)
{
    (void)state;
    assert_int_equal(hdr_find(S("")), HDR_OTHER);
    assert_int_equal(hdr_find(S("g")), HDR_OTHER);
    assert_int_equal(hdr_find(S("\xe1")), HDR_OTHER);
    assert_int_equal(hdr_find(S("C%6Fntact")), HDR_OTHER);
    assert_int_equal(hdr_find(S("NewFangledHeader")), HDR_OTHER);
    assert_int_equal(hdr_name(HDR_OTHER).n, 0);
}

static void methods_have_case(void **state)
{
    (void)state;
    for (enum method m = METHOD_INVITE; m < METHOD_N; m++)
        assert_int_equal(method_find(method_name(m)), m);
    assert_int_equal(method_find(S("invite")), METHOD_OTHER);
    assert_int_equal(method_find(S("RE%47IST%45R")), METHOD_OTHER);
    assert_int_equal(method_name(METHOD_OTHER).n, 0);
}

static void phrases(void **state)
{
    (void)state;
    assert_slice(msg_reason(100), "Trying");
    assert_slice(msg_reason(202), "Accepted");
    assert_slice(msg_reason(440), "Max-Breadth Exceeded");
    assert_slice(msg_reason(606), "Not Acceptable");
    assert_slice(msg_reason(299), "Unknown");
    assert_slice(msg_reason(99), "Unknown");
    assert_slice(msg_reason(700), "Unknown");
}

static void status_lines_are_whole(void **state)
{
    (void)state;
    assert_slice(msg_status_line(100), "SIP/2.0 100 Trying\r\n");
    assert_slice(msg_status_line(200), "SIP/2.0 200 OK\r\n");
    assert_slice(msg_status_line(608), "SIP/2.0 608 Rejected\r\n");
    assert_int_equal(msg_status_line(299).n, 0);
    assert_int_equal(msg_status_line(0).n, 0);
    assert_int_equal(msg_status_line(700).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_header_is_found_by_its_name),
        cmocka_unit_test(a_short_name_is_found_in_its_line),
        cmocka_unit_test(compact_forms_are_those_of_the_registry),
        cmocka_unit_test(unknown_names_are_other),
        cmocka_unit_test(methods_have_case),
        cmocka_unit_test(phrases),
        cmocka_unit_test(status_lines_are_whole),
    };
    return cmocka_run_group_tests_name("sip/msg/names", tests, NULL, NULL);
}
