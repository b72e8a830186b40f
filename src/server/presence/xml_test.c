/* xml_test.c - what may not stand in XML does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/presence/presence_priv.h"

static void assert_put(struct slice in, const char *want)
{
    char       room[200];
    struct buf b = BUF_ON(room);

    presence_put_xml(&b, in);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("got %.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static void markup_is_escaped(void **state)
{
    (void)state;
    assert_put(S("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;'");
    assert_put(S("]]>"), "]]&gt;");
    assert_put(S(""), "");
}

static void control_characters_are_left_out(void **state)
{
    (void)state;
    assert_put(S("a\0b\001c\td\r\ne\x7f"), "abc d  e\x7f");
}

static void utf8_is_kept_and_what_is_none_is_replaced(void **state)
{
    (void)state;
    assert_put(S("J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e"), "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e");
    assert_put(S("\xc3"), "\xef\xbf\xbd");                                     /* cut */
    assert_put(S("\xfc" "a"), "\xef\xbf\xbd" "a");                             /* Latin-1 */
    assert_put(S("\xc0\xbc"), "\xef\xbf\xbd\xef\xbf\xbd");                     /* '<' in two octets */
    assert_put(S("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");     /* half a surrogate pair */
    assert_put(S("\xef\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");     /* no character */
    assert_put(S("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void a_number_becomes_a_uri(void **state)
{
    char       room[200];
    struct buf b = BUF_ON(room);

    (void)state;
    presence_put_uri(&b, S("a&b c"), S("example.com:5070"));
    assert_true(slice_eq(buf_slice(&b), S("sip:a&amp;b%20c@example.com:5070")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_is_escaped),
        cmocka_unit_test(control_characters_are_left_out),
        cmocka_unit_test(utf8_is_kept_and_what_is_none_is_replaced),
        cmocka_unit_test(a_number_becomes_a_uri),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
