/* jitter.c - a small adaptive jitter buffer, packet by packet.
 *
 * Room      media; no world in here: arrival and hearing times come as numbers.
 * Touches   *j only.
 * Must hold slots[s % JITTER_SLOTS] holds packet s or nothing, for next <= s < next + JITTER_SLOTS; n counts them. */
#include "media/jitter.h"

#include <string.h>

#define MAX_JUMP_MS 2000 /* a timestamp that is so far off belongs to another clock: begin to measure anew */

void jitter_reset(struct jitter *j)
{
    for (size_t i = 0; i < JITTER_SLOTS; i++)
        j->slots[i].used = false;
    j->begun = j->heard = j->playing = j->timed = false;
    j->n = 0;
    j->ample = 0;
    j->peak_16 = 0;
}

static int64_t transit_16(const struct jitter_packet *p, uint64_t now_ms)
{
    return (int64_t)(now_ms * 16) - (int64_t)((uint64_t)p->ts * 16000 / p->rate_hz);
}

static bool is_other_clock(int64_t late_16)
{
    return late_16 > MAX_JUMP_MS * 16 || late_16 < -MAX_JUMP_MS * 16;
}

/* How late is this packet against the fastest of late? The fastest is forgotten slowly, so that clocks may drift. */
static void measure(struct jitter *j, const struct jitter_packet *p, uint64_t now_ms)
{
    int64_t transit = transit_16(p, now_ms);
    int64_t late = transit - j->fastest_16;

    if (!j->timed || is_other_clock(late)) {
        j->timed = true;
        j->fastest_16 = transit;
        j->peak_16 = 0;
        return;
    }
    if (late < 0) {
        j->fastest_16 = transit;
        j->peak_16 -= late;
        late = 0;
    } else {
        j->fastest_16 += late / 1024;
    }
    if (late > j->peak_16)
        j->peak_16 = late;
    else
        j->peak_16 -= (j->peak_16 - late + 127) / 128;
}

uint32_t jitter_delay_ms(const struct jitter *j)
{
    int64_t ms = j->peak_16 / 16 + j->packet_ms;

    return (uint32_t)(ms > JITTER_MAX_DELAY_MS ? JITTER_MAX_DELAY_MS : ms);
}

static struct jitter_slot *slot_of(struct jitter *j, uint32_t seq)
{
    return &j->slots[seq % JITTER_SLOTS];
}

/* Is there a place for seq? Moves `next` where the stream jumped, or where nothing was heard yet. */
static enum err make_place(struct jitter *j, uint32_t seq, uint64_t now_ms)
{
    int32_t ahead = (int32_t)(seq - j->next);

    if (j->begun && !j->heard && ahead < 0 && (size_t)-ahead + JITTER_SLOTS / 2 < JITTER_SLOTS && j->n) {
        uint32_t last = j->next + JITTER_SLOTS - 1 + (uint32_t)ahead; /* what would fall off must be empty */

        for (uint32_t s = last + 1; s != j->next + JITTER_SLOTS; s++)
            if (slot_of(j, s)->used)
                return ERR_STALE;
        j->next = seq;
        return ERR_OK;
    }
    if (j->begun && ahead < 0)
        return ERR_STALE;
    if (!j->begun || ahead >= JITTER_SLOTS) {
        jitter_reset(j);
        j->begun = true;
        j->next = seq;
        j->waiting_since_ms = now_ms;
    }
    return ERR_OK;
}

enum err jitter_put(struct jitter *j, const struct jitter_packet *p, uint64_t now_ms)
{
    struct jitter_slot *s = slot_of(j, p->seq);

    if (p->payload.n > JITTER_MAX_OCTETS)
        return ERR_LIMIT;
    if (!p->filler) {
        measure(j, p, now_ms);
        j->packet_ms = p->duration_ms;
    }
    if (make_place(j, p->seq, now_ms)) {
        j->late++;
        return ERR_STALE;
    }
    if (s->used) {
        j->duplicate++;
        return ERR_EXISTS;
    }
    if (!j->playing && j->n == 0)
        j->waiting_since_ms = now_ms;
    s->used = true;
    s->packet = *p;
    if (p->payload.n)
        memcpy(s->data, p->payload.p, p->payload.n);
    s->packet.payload.p = s->data;
    j->n++;
    return ERR_OK;
}

/* Take what is at `next`, if it is there. */
static bool take(struct jitter *j, struct jitter_packet *out)
{
    struct jitter_slot *s = slot_of(j, j->next++);

    if (!s->used)
        return false;
    s->used = false;
    j->n--;
    *out = s->packet;
    return true;
}

/* Too much at hand for long: leave one packet out. */
static void trim(struct jitter *j)
{
    struct jitter_packet unheard;

    if (j->n * j->packet_ms <= jitter_delay_ms(j) + j->packet_ms) {
        j->ample = 0;
    } else if (++j->ample >= JITTER_TRIM_PACKETS) {
        j->ample = 0;
        if (take(j, &unheard))
            j->trimmed++;
    }
}

/* How long the first packet at hand has been held back already: against the fastest packets, as the delay is. */
static uint64_t held_ms(struct jitter *j, uint64_t now_ms)
{
    const struct jitter_packet *p;
    int64_t                     late;

    while (!slot_of(j, j->next)->used) /* what did not come before the wait was over is no gap in the sound */
        j->next++;
    p = &slot_of(j, j->next)->packet;
    late = transit_16(p, now_ms) - j->fastest_16;
    if (p->filler || !j->timed || late < 0 || is_other_clock(late))
        return now_ms - j->waiting_since_ms;
    return (uint64_t)late / 16;
}

enum jitter_what jitter_get(struct jitter *j, uint64_t now_ms, struct jitter_packet *out)
{
    if (j->n == 0) {
        if (j->playing)
            j->ran_dry++;
        j->playing = false;
        return JITTER_NOTHING;
    }
    if (!j->playing) {
        /* One packet time is the way from here to the ear; the rest of the delay is waited for. */
        if (held_ms(j, now_ms) + j->packet_ms < jitter_delay_ms(j))
            return JITTER_NOTHING;
        j->playing = j->heard = true;
    }
    trim(j);
    if (take(j, out))
        return JITTER_PACKET;
    j->lost++;
    return JITTER_LOST;
}
