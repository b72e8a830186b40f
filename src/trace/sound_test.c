/* sound_test.c - sound that goes one way only, and whose line it is; sound both ways accuses nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

#define A_SOUND "192.0.2.10:40000"
#define B_SOUND "192.0.2.12:40000"

static void sound_both_ways_accuses_nobody(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    kit_sound(&k, A_SOUND, B_SOUND, 400);
    kit_sound(&k, B_SOUND, A_SOUND, 400);
    kit_accuses_nobody(&k);
}

static void no_sound_in_the_capture_accuses_nobody(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_sound(&k, "198.51.100.1:4000", "198.51.100.2:4000", 400); /* somebody else's */
    kit_accuses_nobody(&k);
}

static void a_phone_that_sends_nothing(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    kit_sound(&k, A_SOUND, B_SOUND, 400);
    kit_accuses(&k, "RFC 3264", "A hears nothing: B sent no sound to 192.0.2.10:40000, as the line m=audio 40000 RTP/AVP 8 0");
}

static void an_answer_that_only_listens(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    kit_edit(&k, 4, "a=sendrecv", "a=recvonly");
    kit_edit(&k, 5, "a=sendrecv", "a=recvonly");
    kit_sound(&k, A_SOUND, B_SOUND, 400);
    kit_accuses(&k, "RFC 3264", "A hears nothing: the line a=recvonly in the SDP of B says that it does not speak");
}

static void an_offer_that_only_speaks(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    for (size_t i = 0; i < 2; i++)
        kit_edit(&k, i, "a=sendrecv", "a=sendonly");
    for (size_t i = 4; i < 6; i++)
        kit_edit(&k, i, "a=sendrecv", "a=recvonly");
    kit_sound(&k, A_SOUND, B_SOUND, 400);
    kit_accuses(&k, "RFC 3264", "the line a=sendonly in the SDP of A says that it does not listen");
}

static void an_address_that_leads_nowhere(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    for (size_t i = 0; i < 2; i++)
        kit_edit(&k, i, "c=IN IP4 192.0.2.10", "c=IN IP4 10.0.0.110");
    kit_sound(&k, A_SOUND, B_SOUND, 400);
    kit_sound(&k, B_SOUND, "10.0.0.110:40000", 400);
    kit_accuses(&k, "RFC 8866", "A hears nothing: the line c=IN IP4 10.0.0.110 in the SDP of A sends the sound to 10.0.0.110, and it "
                                "is at 192.0.2.10, behind a translator of addresses");
}

static void an_address_that_nobody_reaches(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    for (size_t i = 4; i < 6; i++)
        kit_edit(&k, i, "c=IN IP4 192.0.2.12", "c=IN IP4 10.0.0.112");
    kit_sound(&k, B_SOUND, A_SOUND, 400); /* A's own goes to where the capture does not see it */
    kit_accuses(&k, "RFC 8866", "B hears nothing: the line c=IN IP4 10.0.0.112 in the SDP of B");
}

static void sound_sent_back_to_where_it_comes_from_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    for (size_t i = 0; i < 2; i++)
        kit_edit(&k, i, "c=IN IP4 192.0.2.10", "c=IN IP4 10.0.0.110");
    kit_sound(&k, "192.0.2.10:61000", B_SOUND, 400);
    kit_sound(&k, B_SOUND, "192.0.2.10:61000", 400);
    kit_accuses_nobody(&k);
}

static void silence_on_hold_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD);
    kit_sound(&k, A_SOUND, B_SOUND, 400);
    kit_accuses_nobody(&k);
}

static void a_relay_in_between_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    kit_edit(&k, 1, "c=IN IP4 192.0.2.10", "c=IN IP4 192.0.2.99");
    kit_edit(&k, 5, "c=IN IP4 192.0.2.12", "c=IN IP4 192.0.2.98");
    kit_sound(&k, A_SOUND, "192.0.2.98:40000", 400);
    kit_sound(&k, "192.0.2.98:40000", A_SOUND, 400);
    kit_sound(&k, B_SOUND, "192.0.2.99:40000", 400);
    kit_sound(&k, "192.0.2.99:40000", B_SOUND, 400);
    kit_accuses_nobody(&k);
}

static void only_one_leg_of_a_relay_captured_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 10000000);
    kit_edit(&k, 1, "c=IN IP4 192.0.2.10", "c=IN IP4 192.0.2.99");
    kit_edit(&k, 5, "c=IN IP4 192.0.2.12", "c=IN IP4 192.0.2.98");
    kit_sound(&k, A_SOUND, "192.0.2.98:40000", 400);
    kit_sound(&k, "192.0.2.98:40000", A_SOUND, 400);
    kit_accuses_nobody(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_both_ways_accuses_nobody),
        cmocka_unit_test(no_sound_in_the_capture_accuses_nobody),
        cmocka_unit_test(a_phone_that_sends_nothing),
        cmocka_unit_test(an_answer_that_only_listens),
        cmocka_unit_test(an_offer_that_only_speaks),
        cmocka_unit_test(an_address_that_leads_nowhere),
        cmocka_unit_test(an_address_that_nobody_reaches),
        cmocka_unit_test(sound_sent_back_to_where_it_comes_from_is_lawful),
        cmocka_unit_test(silence_on_hold_is_lawful),
        cmocka_unit_test(a_relay_in_between_is_lawful),
        cmocka_unit_test(only_one_leg_of_a_relay_captured_is_lawful),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
