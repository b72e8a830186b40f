/* mixer_bench.c - what a conference costs: CPU for a second of VOICES streams that all speak, over loopback, with their peers
 * (as many streams again) in the same loop; once each pair by itself, once all of one side in a mixer. The mixer's own part is
 * the difference: a conference's side alone costs about half of the first number and that. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "media/media.h"
#include "net/net.h"
#include "sys/heap.h"

enum { VOICES = 32, SECONDS = 5 };

static struct net *net;

static void stop(void *arg)
{
    (void)arg;
    net_real_stop(net);
}

static struct media *open_one(struct mem *mem, uint64_t seed)
{
    struct media_config c = {.net = net, .mem = mem, .seed = seed};
    struct media_tone   t = {.hz = (uint16_t)(300 + 20 * seed), .level_dbm0 = -20};
    struct media       *m;

    if (addr_parse_ip(S("127.0.0.1"), &c.local) || media_open(&m, &c) || media_play_tone(m, &t))
        abort();
    return m;
}

static void connect_to(struct media *m, const struct media *other, enum media_codec codec)
{
    struct media_params p = {.formats = {{.codec = codec, .send_pt = 8, .recv_pt = 8}}, .n_formats = 1, .send = true, .receive = true};

    media_local(other, &p.rtp, &p.rtcp);
    if (media_set(m, &p))
        abort();
}

static double cpu_ms(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double run(enum media_codec codec, bool mixed)
{
    struct media       *member[VOICES], *peer[VOICES];
    struct media_mixer *x;
    struct mem          mem;
    struct net_timer    end = {.fire = stop};
    double              before;

    heap_mem(&mem);
    if (net_real_open(&mem, &net) || media_mixer_open(&x, net, &mem))
        abort();
    for (unsigned i = 0; i < VOICES; i++) {
        member[i] = open_one(&mem, i);
        peer[i] = open_one(&mem, VOICES + i);
        connect_to(member[i], peer[i], codec);
        connect_to(peer[i], member[i], codec);
        if (mixed)
            media_play_silence(member[i]);
        if (mixed && media_join(member[i], x))
            abort();
    }
    net_timer_set(net, &end, net_now_us(net) + SECONDS * 1000000u);
    before = cpu_ms();
    net_real_run(net);
    before = (cpu_ms() - before) / SECONDS;
    for (unsigned i = 0; i < VOICES; i++) {
        media_close(member[i]);
        media_close(peer[i]);
    }
    media_mixer_close(x);
    net_real_close(net);
    return before;
}

int main(void)
{
    for (enum media_codec c = 0; c < MEDIA_CODEC_N; c++) {
        double pairs = run(c, false), mixed = run(c, true);

        printf("%-5.*s %d voices: in pairs %6.1f ms CPU a second, in a mixer %6.1f; so a mixer with its streams takes %.1f %% of a core\n",
               SARG(media_codec_name(c)), VOICES, pairs, mixed, (mixed - pairs / 2) / 10);
    }
    return 0;
}
