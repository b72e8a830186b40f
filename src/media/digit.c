/* digit.c - telephone-events sent and received: RFC 4733.
 *
 * Room      media; no world in here.
 * Touches   its arguments only.
 * Must hold all packets of one event carry the timestamp of its begin; its durations rise; three packets end it. */
#include "media/digit.h"

#include <string.h>

static const char names[] = "0123456789*#ABCD!";

int digit_code(char c)
{
    char upper = c >= 'a' && c <= 'd' ? (char)(c - 'a' + 'A') : c;
    const char *at = c ? strchr(names, upper) : NULL;

    return at ? (int)(at - names) : -1;
}

char digit_char(unsigned code)
{
    return code < sizeof names - 1 ? names[code] : '\0';
}

enum err digit_queue(struct digit_sender *d, struct slice digits)
{
    for (size_t i = 0; i < digits.n; i++)
        if (digit_code(digits.p[i]) < 0)
            return ERR_INVALID;
    if (digits.n > DIGIT_MAX_QUEUED - d->n)
        return ERR_FULL;
    if (digits.n)
        memcpy(d->queue + d->n, digits.p, digits.n);
    d->n += digits.n;
    return ERR_OK;
}

bool digit_busy(const struct digit_sender *d)
{
    return d->n > 0 || d->gap;
}

static void pop(struct digit_sender *d)
{
    memmove(d->queue, d->queue + 1, --d->n);
    d->down = false;
    d->gap = true;
    d->sent_ms = 0;
}

char digit_sound(struct digit_sender *d, uint32_t frame_ms, bool *begins)
{
    char key = 0;

    *begins = !d->gap && !d->down && d->n > 0;
    if (d->gap) {
        d->sent_ms += frame_ms;
        d->gap = d->sent_ms < d->gap_ms;
        return 0;
    }
    if (d->n == 0)
        return 0;
    if (*begins)
        d->sent_ms = 0;
    d->down = true;
    key = d->queue[0];
    d->sent_ms += frame_ms;
    if (d->sent_ms >= d->tone_ms)
        pop(d);
    return key;
}

void digit_tones(char key, uint16_t *low_hz, uint16_t *high_hz)
{
    static const char     rows[] = "123A456B789C*0#D";
    static const uint16_t low[] = {697, 770, 852, 941}, high[] = {1209, 1336, 1477, 1633};
    const char           *at = strchr(rows, digit_char((unsigned)digit_code(key)));
    size_t                i = at ? (size_t)(at - rows) : 0;

    *low_hz = low[i / 4 % 4];
    *high_hz = high[i % 4];
}

static void write_payload(uint8_t *p, int code, bool end, uint32_t duration)
{
    const uint8_t level = 10; /* -10 dBm0: what a telephone sends */

    p[0] = (uint8_t)code;
    p[1] = (uint8_t)((end ? 0x80 : 0) | level);
    p[2] = (uint8_t)(duration >> 8);
    p[3] = (uint8_t)duration;
}

bool digit_next(struct digit_sender *d, uint32_t now_ts, uint32_t frame_ms, uint32_t rate_hz, struct digit_packet *out)
{
    const uint32_t longest_ms = UINT16_MAX / (rate_hz / 1000);
    bool           end;

    if (d->gap && !d->down) {
        d->sent_ms += frame_ms;
        d->gap = d->sent_ms < d->gap_ms;
        return false;
    }
    if (d->n == 0)
        return false;
    out->marker = !d->down;
    if (!d->down) {
        d->down = true;
        d->ts = now_ts;
        d->sent_ms = 0;
        d->ends = 0;
    }
    if (d->ends == 0)
        d->sent_ms += frame_ms;
    end = d->sent_ms >= d->tone_ms || d->sent_ms + frame_ms > (longest_ms < DIGIT_MAX_MS ? longest_ms : DIGIT_MAX_MS);
    out->ts = d->ts;
    write_payload(out->payload, digit_code(d->queue[0]), end, d->sent_ms * (rate_hz / 1000));
    if (end && ++d->ends == DIGIT_END_PACKETS)
        pop(d);
    return true;
}

static struct digit_heard heard(const struct digit_receiver *d, uint32_t rate_hz)
{
    return (struct digit_heard){d->code, (uint32_t)((uint64_t)(d->before + d->duration) * 1000 / rate_hz)};
}

/* A key that is down longer than a duration can say goes on as an event that begins where the last one ended: §2.5.1.3. */
static bool goes_on(const struct digit_receiver *d, uint32_t ts, uint8_t code)
{
    return d->begun && !d->ended && code == d->code && ts != d->ts && ts == d->ts + d->duration;
}

bool digit_on_packet(struct digit_receiver *d, uint32_t ts, struct slice payload, uint32_t rate_hz, uint64_t now_ms,
                     struct digit_heard *out)
{
    const uint8_t *p = (const uint8_t *)payload.p;
    bool           over = false;
    uint16_t       duration;

    if (payload.n < DIGIT_OCTETS)
        return false;
    if (d->begun && (int32_t)(ts - d->ts) < 0)
        return false; /* a late packet of an earlier event */
    duration = (uint16_t)(p[2] << 8 | p[3]);
    if (goes_on(d, ts, p[0])) {
        d->before += d->duration;
        d->duration = 0;
        d->ts = ts;
    }
    if (!d->begun || ts != d->ts) {
        over = d->begun && !d->ended;
        if (over)
            *out = heard(d, rate_hz);
        *d = (struct digit_receiver){.begun = true, .ts = ts, .code = p[0], .level = p[1] & 63};
    }
    if (d->ended)
        return over;
    if (duration > d->duration)
        d->duration = duration;
    d->last_ms = now_ms;
    if (!(p[1] & 0x80) || over) /* one event a packet: if the one before ends now, this one ends with its next repeat */
        return over;
    d->ended = true;
    *out = heard(d, rate_hz);
    return true;
}

bool digit_expire(struct digit_receiver *d, uint32_t rate_hz, uint64_t now_ms, struct digit_heard *out)
{
    if (!d->begun || d->ended || now_ms - d->last_ms < DIGIT_LOST_MS)
        return false;
    d->ended = true;
    *out = heard(d, rate_hz);
    return true;
}
