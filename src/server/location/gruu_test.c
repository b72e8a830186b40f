/* gruu_test.c - GRUUs (RFC 5627): given to phones with an instance, and found again. */
#include "server/location/kit_test.h"

#define INSTANCE "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

static int open_fixture(void **state)
{
    *state = fixture_make();
    open_both(*state, STORE_DIRECT, 0);
    return 0;
}

static void reg(struct fixture *f, struct location_contact c, const char *call_id, uint32_t cseq, int64_t now_ms)
{
    struct location_change change = {.aor = S("1001"), .aor_uri = S("sip:1001@example.com:5062;x=y"), .call_id = slice_z(call_id),
                                     .cseq = cseq, .contacts = &c, .n_contacts = 1, .now_ms = now_ms};
    enum err               e = ERR_N;

    location_update(f->l, &change, keep_err, &e);
    assert_int_equal(e, ERR_OK);
}

static struct location_binding by_contact(struct fixture *f, const char *uri)
{
    struct location_binding b;

    assert_int_equal(location_by_contact(f->l, slice_z(uri), NOW + 1000, &f->arena, &b), ERR_OK);
    return b;
}

static enum err find(struct fixture *f, struct slice gruu, struct location_binding *first, size_t *n)
{
    struct location_binding *list = NULL;
    enum err                 e = location_by_gruu(f->l, gruu, NOW + 1000, &f->arena, &list, n);

    if (!e)
        *first = list[0];
    return e;
}

static const struct location_contact phone = {.uri = {"sip:a@127.0.0.4", 15}, .q = 1000, .expires_s = 60,
                                              .instance = {INSTANCE, sizeof INSTANCE - 1}};

static void rfc5627_5_3_a_public_gruu_names_the_instance(void **state)
{
    struct fixture         *f = *state;
    struct location_contact other = phone;
    struct location_binding b;
    char                    text[LOCATION_MAX_GRUU];
    struct buf              gruu = BUF_ON(text);
    size_t                  n;

    reg(f, phone, "one", 1, NOW);
    other.uri = S("sip:a@127.0.0.5");
    other.instance = S("urn:uuid:2");
    reg(f, other, "two", 1, NOW + 1);
    b = by_contact(f, "sip:a@127.0.0.4");
    location_put_pub_gruu(&gruu, &b);
    assert_true(slice_eq(buf_slice(&gruu), S("sip:1001@example.com:5062;gr=" INSTANCE)));
    assert_true(location_is_gruu(buf_slice(&gruu)));
    assert_int_equal(find(f, buf_slice(&gruu), &b, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(slice_eq(b.contact, S("sip:a@127.0.0.4")));
    other = phone; /* the same phone from another address: the newest first (§5.2) */
    other.uri = S("sip:a@127.0.0.6");
    reg(f, other, "three", 1, NOW + 2);
    assert_int_equal(find(f, buf_slice(&gruu), &b, &n), ERR_OK);
    assert_int_equal(n, 2);
    assert_true(slice_eq(b.contact, S("sip:a@127.0.0.6")));
    assert_int_equal(find(f, S("sip:1002@example.com;gr=" INSTANCE), &b, &n), ERR_NOTFOUND);
    assert_int_equal(find(f, S("sip:1001@example.com;gr=urn:uuid:3"), &b, &n), ERR_NOTFOUND);
    assert_false(location_is_gruu(S("sip:1001@example.com")));
    assert_false(location_is_gruu(S("tel:1001;gr=x")));
}

static void rfc5627_5_4_a_temporary_gruu_lasts_as_long_as_the_call_id(void **state)
{
    struct fixture         *f = *state;
    struct location_binding b;
    char                    first[LOCATION_MAX_GRUU], second[LOCATION_MAX_GRUU];
    struct buf              g1 = BUF_ON(first), g2 = BUF_ON(second);
    size_t                  n;

    reg(f, phone, "one", 1, NOW);
    b = by_contact(f, "sip:a@127.0.0.4");
    location_put_temp_gruu(f->l, &g1, &b);
    assert_true(slice_starts(buf_slice(&g1), S("sip:tgruu.")));
    assert_true(slice_ends(buf_slice(&g1), S("@example.com:5062;gr")));
    assert_int_equal(slice_find_slice(buf_slice(&g1), S("1001")), SIZE_MAX); /* it does not tell whose it is */
    assert_int_equal(find(f, buf_slice(&g1), &b, &n), ERR_OK);
    assert_true(slice_eq(b.aor, S("1001")));
    reg(f, phone, "one", 2, NOW + 10);
    b = by_contact(f, "sip:a@127.0.0.4");
    location_put_temp_gruu(f->l, &g2, &b);
    assert_false(slice_eq(buf_slice(&g1), buf_slice(&g2))); /* another each time, and both hold */
    assert_int_equal(find(f, buf_slice(&g1), &b, &n), ERR_OK);
    assert_int_equal(find(f, buf_slice(&g2), &b, &n), ERR_OK);
    close_both(f);
    open_both(f, STORE_DIRECT, 0);
    assert_int_equal(find(f, buf_slice(&g2), &b, &n), ERR_OK); /* also after a restart */
    reg(f, phone, "two", 1, NOW + 20);
    assert_int_equal(find(f, buf_slice(&g1), &b, &n), ERR_NOTFOUND);
    assert_int_equal(find(f, buf_slice(&g2), &b, &n), ERR_NOTFOUND);
}

static void a_forged_temporary_gruu_finds_nothing(void **state)
{
    struct fixture         *f = *state;
    struct location_binding b;
    char                    text[LOCATION_MAX_GRUU];
    struct buf              g = BUF_ON(text);
    size_t                  n, at;

    reg(f, phone, "one", 1, NOW);
    b = by_contact(f, "sip:a@127.0.0.4");
    location_put_temp_gruu(f->l, &g, &b);
    at = slice_find(buf_slice(&g), '@');
    for (size_t i = sizeof "sip:tgruu." - 1; i < at; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'Q' : 'A'; /* differs in bits that count, wherever it stands */
        assert_int_equal(find(f, buf_slice(&g), &b, &n), ERR_NOTFOUND);
        text[i] = was;
    }
    assert_int_equal(find(f, buf_slice(&g), &b, &n), ERR_OK);
    assert_int_equal(find(f, S("sip:tgruu.@example.com;gr"), &b, &n), ERR_NOTFOUND);
    assert_int_equal(find(f, S("sip:tgruu.!!@example.com;gr"), &b, &n), ERR_NOTFOUND);
    assert_int_equal(find(f, S("sip:1001@example.com;gr"), &b, &n), ERR_NOTFOUND);
}

static void without_an_instance_there_is_no_gruu(void **state)
{
    struct fixture         *f = *state;
    struct location_contact c = phone;
    struct location_binding b;
    char                    text[LOCATION_MAX_GRUU];
    struct buf              g = BUF_ON(text);

    c.instance = SLICE_NONE;
    reg(f, c, "one", 1, NOW);
    b = by_contact(f, "sip:a@127.0.0.4");
    location_put_pub_gruu(&g, &b);
    location_put_temp_gruu(f->l, &g, &b);
    assert_int_equal(g.n, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(rfc5627_5_3_a_public_gruu_names_the_instance),
        T(rfc5627_5_4_a_temporary_gruu_lasts_as_long_as_the_call_id),
        T(a_forged_temporary_gruu_finds_nothing),
        T(without_an_instance_there_is_no_gruu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
