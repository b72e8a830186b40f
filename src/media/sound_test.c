/* sound_test.c - tones, what is heard of them through either law of G.711, and sound files. */
#include "media/codec.h"
#include "media/conceal.h"
#include "media/meter.h"
#include "media/tone.h"
#include "media/wav.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void *heap_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}

static void heap_free(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

static struct mem heap = {heap_alloc, heap_free, NULL};

/* `ms` of a tone through a codec into the meter. */
static void hear(struct meter *m, struct media_tone spec, uint32_t ms, enum media_codec c)
{
    int16_t     pcm[80];
    uint8_t     octets[80];
    struct tone t;

    assert_int_equal(tone_init(&t, &spec, CODEC_RATE_HZ), ERR_OK);
    for (uint32_t i = 0; i < ms / 10; i++) {
        size_t n;

        tone_read(&t, pcm, 80);
        n = codec_encode(c, pcm, 80, octets);
        assert_int_equal(codec_decode(c, (struct slice){(const char *)octets, n}, pcm, 80), 80);
        meter_write(m, pcm, 80);
    }
}

static void every_tone_is_heard_as_what_it_is(void **state)
{
    static struct meter m;

    (void)state;
    for (uint16_t hz = 110; hz < 3900; hz = (uint16_t)(hz + 37)) {
        assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
        hear(&m, (struct media_tone){hz, 0, -10, 0, 0}, 1200, hz % 2 ? MEDIA_PCMA : MEDIA_PCMU);
        assert_int_equal(m.n_heard, 1);
        assert_in_range(m.heard[0].hz, hz - 2u, hz + 2u);
        assert_in_range(m.heard[0].level_dbm0 + 100, 100 - 11, 100 - 9);
        assert_int_equal(m.heard[0].heard_ms, 1200);
    }
}

static void levels_are_told_within_a_decibel(void **state)
{
    static struct meter m;

    (void)state;
    for (int level = 3; level > -38; level--) {
        assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
        hear(&m, (struct media_tone){1004, 0, (int16_t)level, 0, 0}, 300, MEDIA_PCMU);
        assert_int_equal(m.n_heard, 1);
        assert_in_range(m.heard[0].level_dbm0 + 100, level + 99, level + 101);
    }
}

static void two_tones_at_once_are_two(void **state)
{
    static struct meter m;

    (void)state;
    assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
    hear(&m, (struct media_tone){697, 1209, -6, 0, 0}, 500, MEDIA_PCMA);
    assert_int_equal(m.n_heard, 2);
    assert_non_null(meter_find(&m, 697, 5));
    assert_non_null(meter_find(&m, 1209, 5));
    assert_null(meter_find(&m, 900, 15));
    assert_int_equal(meter_find(&m, 700, 15)->heard_ms, 500);
}

static void silence_is_no_tone(void **state)
{
    static struct meter m;
    static int16_t      zero[8000];

    (void)state;
    assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
    meter_write(&m, zero, 8000);
    hear(&m, (struct media_tone){440, 0, -60, 0, 0}, 1000, MEDIA_PCMU);
    assert_int_equal(m.n_heard, 0);
    assert_int_equal(m.heard_ms, 2000);
}

static void a_cadence_is_heard_for_its_on_time(void **state)
{
    static struct meter m;

    (void)state;
    assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
    hear(&m, MEDIA_RINGBACK, 10000, MEDIA_PCMA);
    assert_int_equal(m.n_heard, 1);
    assert_in_range(m.heard[0].hz, 424, 426);
    assert_int_equal(m.heard[0].heard_ms, 2000);
    assert_int_equal(m.heard[0].first_ms, 0);
    assert_int_equal(m.heard[0].last_ms, 6000);
}

static void only_what_is_watched_is_heard(void **state)
{
    static struct meter   m;
    static const uint16_t watched[] = {440, 660};

    (void)state;
    assert_int_equal(meter_init(&m, watched, 2), ERR_OK);
    hear(&m, (struct media_tone){440, 0, -10, 0, 0}, 1000, MEDIA_PCMA);
    hear(&m, (struct media_tone){880, 0, -10, 0, 0}, 1000, MEDIA_PCMA);
    assert_int_equal(m.n_heard, 1);
    assert_int_equal(meter_find(&m, 440, 0)->heard_ms, 1000);
    assert_int_equal(meter_init(&m, watched, METER_MAX_WATCHED + 1), ERR_LIMIT);
    assert_int_equal(meter_init(&m, (const uint16_t[]){50}, 1), ERR_INVALID);
}

static void more_tones_than_places_keep_the_long_ones(void **state)
{
    static struct meter m;

    (void)state;
    assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
    hear(&m, (struct media_tone){440, 0, -10, 0, 0}, 1000, MEDIA_PCMA);
    for (unsigned i = 0; i < 20; i++)
        hear(&m, (struct media_tone){(uint16_t)(500 + 50 * i), 0, -10, 0, 0}, 200, MEDIA_PCMA);
    assert_int_equal(m.n_heard, MEDIA_MAX_HEARD);
    assert_int_equal(meter_find(&m, 440, 5)->heard_ms, 1000);
    assert_non_null(meter_find(&m, 500 + 50 * 19, 5));
}

static void tones_that_cannot_be_are_refused(void **state)
{
    struct tone t;

    (void)state;
    assert_int_equal(tone_init(&t, &(struct media_tone){4000, 0, -10, 0, 0}, 8000), ERR_INVALID);
    assert_int_equal(tone_init(&t, &(struct media_tone){0, 0, -10, 0, 0}, 8000), ERR_INVALID);
    assert_int_equal(tone_init(&t, &(struct media_tone){440, 0, 4, 0, 0}, 8000), ERR_INVALID);
    assert_int_equal(tone_init(&t, &(struct media_tone){440, 0, 0, 0, 100}, 8000), ERR_INVALID);
}

/* ITU-T G.711's own values at the ends and in the middle of both laws. */
static void both_laws_are_g711(void **state)
{
    int16_t pcm[4];
    uint8_t out[3];

    (void)state;
    assert_int_equal(codec_decode(MEDIA_PCMU, S("\x00\x80\xff\x7f"), pcm, 4), 4);
    assert_int_equal(pcm[0], -32124);
    assert_int_equal(pcm[1], 32124);
    assert_int_equal(pcm[2], 0);
    assert_int_equal(pcm[3], 0);
    assert_int_equal(codec_decode(MEDIA_PCMA, S("\x2a\xaa\xd5"), pcm, 3), 3);
    assert_int_equal(pcm[0], -32256);
    assert_int_equal(pcm[1], 32256);
    assert_int_equal(pcm[2], 8);
    assert_int_equal(codec_encode(MEDIA_PCMA, (const int16_t[]){-32256, 32256, 8}, 3, out), 3);
    assert_memory_equal(out, "\x2a\xaa\xd5", 3);
    assert_int_equal(codec_decode(MEDIA_PCMA, S("\x2a\xaa\xd5"), pcm, 2), 2); /* no more than there is room */
    for (int v = 0; v < 256; v++) { /* what was decoded is encoded to the same sound */
        uint8_t octet = (uint8_t)v;
        int16_t once, twice;

        for (int c = 0; c < MEDIA_CODEC_N; c++) {
            codec_decode((enum media_codec)c, (struct slice){(const char *)&octet, 1}, &once, 1);
            codec_encode((enum media_codec)c, &once, 1, out);
            codec_decode((enum media_codec)c, (struct slice){(const char *)out, 1}, &twice, 1);
            assert_int_equal(once, twice);
        }
    }
}

/* ---- losses ---- */

static double mean_square(const int16_t *a, const int16_t *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pow(a[i] - (b ? b[i] : 0), 2);
    return sum / (double)n;
}

/* 20 ms of each tone are missing: what is made up is close to it, and the seams do not click. */
static void a_gap_is_filled_with_the_like(void **state)
{
    (void)state;
    for (uint16_t hz = 100; hz < 1000; hz = (uint16_t)(hz + 50)) {
        struct conceal c = {.filled = 0};
        struct tone    t;
        int16_t        whole[800], heard[800];

        assert_int_equal(tone_init(&t, &(struct media_tone){hz, 0, -10, 0, 0}, 8000), ERR_OK);
        tone_read(&t, whole, 800);
        memcpy(heard, whole, sizeof heard);
        conceal_heard(&c, heard, 400);
        conceal_fill(&c, heard + 400, 160);
        conceal_heard(&c, heard + 560, 240);
        assert_true(mean_square(heard + 400, whole + 400, 160) < mean_square(whole, NULL, 400) / 4);
        assert_memory_equal(heard + 580, whole + 580, 220 * sizeof *heard);
        for (size_t i = 401; i < 600; i++)
            assert_true(abs(heard[i] - heard[i - 1]) < 1.3 * tone_amplitude(-10) * 2 * M_PI * hz / 8000 + 600);
    }
}

static void the_seam_is_blended(void **state)
{
    struct conceal c = {.filled = 0};
    int16_t        pcm[160], zero[160] = {0};

    (void)state;
    for (size_t i = 0; i < 160; i++)
        pcm[i] = 10000;
    conceal_heard(&c, pcm, 160);
    conceal_heard(&c, pcm, 160);
    conceal_fill(&c, pcm, 80);
    conceal_heard(&c, zero, 160);
    assert_in_range(zero[0], 8000, 9000); /* a sixth has faded in 10 ms */
    for (size_t i = 1; i < 160; i++)
        assert_in_range(zero[i - 1] - zero[i], 0, 600);
    assert_int_equal(zero[159], 0);
}

static void a_long_gap_is_silence(void **state)
{
    struct conceal c = {.filled = 0};
    int16_t        pcm[1000];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        pcm[i] = (int16_t)(i % 2 ? INT16_MAX : INT16_MIN);
    conceal_heard(&c, pcm, 1000);
    conceal_fill(&c, pcm, 1000);
    assert_int_not_equal(pcm[0], 0);
    assert_true(mean_square(pcm + CONCEAL_FADE, NULL, 1000 - CONCEAL_FADE) == 0);
    memset(&c, 0, sizeof c);
    conceal_fill(&c, pcm, 1000); /* before anything was heard */
    assert_true(mean_square(pcm, NULL, 1000) == 0);
    conceal_heard(&c, pcm, 3);
}

/* ---- files ---- */

static void path_of(char *out, size_t n, const char *folder, const char *name)
{
    assert_true(snprintf(out, n, "%s/%s", folder, name) < (int)n);
}

static void what_is_recorded_can_be_played(void **state)
{
    char               folder[] = "/tmp/soundXXXXXX", path[64];
    struct wav_writer *w;
    struct wav_reader *r;
    struct tone        t;
    int16_t            pcm[160], back[160], all[10][160];

    (void)state;
    assert_non_null(mkdtemp(folder));
    path_of(path, sizeof path, folder, "a.wav");
    assert_int_equal(wav_write_open(&w, &heap, path), ERR_OK);
    assert_int_equal(tone_init(&t, &(struct media_tone){440, 0, -10, 0, 0}, 8000), ERR_OK);
    for (size_t i = 0; i < 10; i++) {
        tone_read(&t, all[i], 160);
        assert_int_equal(wav_write(w, all[i], 160), ERR_OK);
    }
    wav_write_close(w);

    assert_int_equal(wav_read_open(&r, &heap, path, false), ERR_OK);
    for (size_t i = 0; i < 10; i++) {
        assert_true(wav_read(r, pcm, 160));
        assert_memory_equal(pcm, all[i], sizeof pcm);
    }
    assert_false(wav_read(r, pcm, 160));
    memset(back, 0, sizeof back);
    assert_memory_equal(pcm, back, sizeof pcm);
    wav_read_close(r);

    assert_int_equal(wav_read_open(&r, &heap, path, true), ERR_OK);
    for (size_t i = 0; i < 35; i++)
        assert_true(wav_read(r, pcm, 160));
    assert_memory_equal(pcm, all[4], sizeof pcm);
    wav_read_close(r);
    unlink(path);
    rmdir(folder);
}

/* A file of another rate and two channels, written by hand: 16-bit PCM. */
static void write_stereo(const char *path, uint32_t rate_hz, double hz, double seconds)
{
    uint32_t frames = (uint32_t)(rate_hz * seconds), data = frames * 4, riff = data + 36, bytes = rate_hz * 4;
    FILE    *f = fopen(path, "wb");

    assert_non_null(f);
    fwrite("RIFF", 1, 4, f);
    fwrite(&riff, 4, 1, f);
    fwrite("WAVEfmt \x10\0\0\0\1\0\2\0", 1, 16, f);
    fwrite(&rate_hz, 4, 1, f);
    fwrite(&bytes, 4, 1, f);
    fwrite("\4\0\x10\0data", 1, 8, f);
    fwrite(&data, 4, 1, f);
    for (uint32_t i = 0; i < frames; i++) {
        int16_t v = (int16_t)lrint(10000 * sin(2 * M_PI * hz * i / rate_hz));

        fwrite(&v, 2, 1, f);
        fwrite(&v, 2, 1, f);
    }
    assert_int_equal(fclose(f), 0);
}

static void any_rate_becomes_ours(void **state)
{
    static const uint32_t rates[] = {8000, 11025, 16000, 22050, 44100, 48000, 6000, 96000};
    static struct meter   m;
    char                  folder[] = "/tmp/soundXXXXXX", path[64];
    int16_t               pcm[160];

    (void)state;
    assert_non_null(mkdtemp(folder));
    path_of(path, sizeof path, folder, "b.wav");
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct wav_reader *r;
        size_t             n = 0;

        write_stereo(path, rates[i], 700, 1.0);
        assert_int_equal(wav_read_open(&r, &heap, path, false), ERR_OK);
        assert_int_equal(meter_init(&m, NULL, 0), ERR_OK);
        while (wav_read(r, pcm, 160)) {
            meter_write(&m, pcm, 160);
            n++;
        }
        wav_read_close(r);
        assert_in_range(n, 49, 50);
        assert_non_null(meter_find(&m, 700, 3));
        assert_true(meter_find(&m, 700, 3)->heard_ms >= 900);
    }
    unlink(path);
    rmdir(folder);
}

static void files_that_cannot_be_used_say_why(void **state)
{
    char               folder[] = "/tmp/soundXXXXXX", path[64];
    struct wav_reader *r;
    struct wav_writer *w;
    FILE              *f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    path_of(path, sizeof path, folder, "none.wav");
    assert_int_equal(wav_read_open(&r, &heap, path, false), ERR_NOTFOUND);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("this is no sound at all, whatever its name says", f);
    fclose(f);
    assert_int_equal(wav_read_open(&r, &heap, path, false), ERR_SYNTAX);
    write_stereo(path, 8000, 440, 0);
    assert_int_equal(wav_read_open(&r, &heap, path, false), ERR_SYNTAX); /* empty */
    unlink(path);
    path_of(path, sizeof path, folder, "no/such.wav");
    assert_int_equal(wav_write_open(&w, &heap, path), ERR_NOTFOUND);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tone_is_heard_as_what_it_is),
        cmocka_unit_test(levels_are_told_within_a_decibel),
        cmocka_unit_test(two_tones_at_once_are_two),
        cmocka_unit_test(silence_is_no_tone),
        cmocka_unit_test(a_cadence_is_heard_for_its_on_time),
        cmocka_unit_test(only_what_is_watched_is_heard),
        cmocka_unit_test(more_tones_than_places_keep_the_long_ones),
        cmocka_unit_test(tones_that_cannot_be_are_refused),
        cmocka_unit_test(both_laws_are_g711),
        cmocka_unit_test(a_gap_is_filled_with_the_like),
        cmocka_unit_test(the_seam_is_blended),
        cmocka_unit_test(a_long_gap_is_silence),
        cmocka_unit_test(what_is_recorded_can_be_played),
        cmocka_unit_test(any_rate_becomes_ours),
        cmocka_unit_test(files_that_cannot_be_used_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
