/* fields.c - which figures there are (RFC 6035 §4.6.2), and times.
 *
 * Room      vq (pure).
 * Order     is that of the RFC: the writer keeps it, the reader does not ask for it. */
#include "vq/vq_priv.h"

#define AT(member) offsetof(struct vq_metrics, member)
#define PERCENT 10000
#define SCORE 500
#define LONG_MS 65535

const struct vq_field vq_fields[] = {
    {"SessionDesc", "PT", AT(pt), false, 127},
    {"SessionDesc", "SR", AT(rate_hz), false, 192000},
    {"SessionDesc", "FD", AT(frame_ms), false, 1000},
    {"JitterBuffer", "JBN", AT(jitter_ms_now), false, LONG_MS},
    {"JitterBuffer", "JBM", AT(jitter_ms_max), false, LONG_MS},
    {"JitterBuffer", "JBX", AT(jitter_ms_abs_max), false, LONG_MS},
    {"PacketLoss", "NLR", AT(loss), true, PERCENT},
    {"PacketLoss", "JDR", AT(discard), true, PERCENT},
    {"BurstGapLoss", "BLD", AT(burst), true, PERCENT},
    {"BurstGapLoss", "BD", AT(burst_ms), false, 3600000},
    {"BurstGapLoss", "GLD", AT(gap), true, PERCENT},
    {"BurstGapLoss", "GD", AT(gap_ms), false, 3600000},
    {"Delay", "RTD", AT(round_trip_ms), false, LONG_MS},
    {"Delay", "ESD", AT(end_delay_ms), false, LONG_MS},
    {"Delay", "IAJ", AT(jitter_ms), false, LONG_MS},
    {"QualityEst", "RLQ", AT(r_lq), false, 120},
    {"QualityEst", "RCQ", AT(r_cq), false, 120},
    {"QualityEst", "MOSLQ", AT(mos_lq), true, SCORE},
    {"QualityEst", "MOSCQ", AT(mos_cq), true, SCORE},
};
const size_t vq_n_fields = sizeof vq_fields / sizeof *vq_fields;

const struct vq_metrics vq_metrics_unknown = {
    .given = true, .pt = VQ_UNKNOWN, .rate_hz = VQ_UNKNOWN, .frame_ms = VQ_UNKNOWN, .jitter_ms_now = VQ_UNKNOWN,
    .jitter_ms_max = VQ_UNKNOWN, .jitter_ms_abs_max = VQ_UNKNOWN, .loss = VQ_UNKNOWN, .discard = VQ_UNKNOWN,
    .burst = VQ_UNKNOWN, .burst_ms = VQ_UNKNOWN, .gap = VQ_UNKNOWN, .gap_ms = VQ_UNKNOWN, .round_trip_ms = VQ_UNKNOWN,
    .end_delay_ms = VQ_UNKNOWN, .jitter_ms = VQ_UNKNOWN, .r_lq = VQ_UNKNOWN, .r_cq = VQ_UNKNOWN, .mos_lq = VQ_UNKNOWN,
    .mos_cq = VQ_UNKNOWN,
};

/* ---- times: RFC 3339, in UTC, whole seconds ---- */

/* Days since 1970-01-01 in the Gregorian calendar; years from March on, so that the leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t y = (10000 * (days + 719468) + 14780) / 3652425, rest = 0, m;

    while ((rest = days + 719468 - (365 * y + y / 4 - y / 100 + y / 400)) < 0)
        y--;
    m = (100 * rest + 52) / 3060;
    *month = m < 10 ? m + 3 : m - 9;
    *year = m < 10 ? y : y + 1;
    *day = rest - (m * 306 + 5) / 10 + 1;
}

static bool take(struct slice *s, size_t n, int64_t low, int64_t high, char then, int64_t *out)
{
    uint64_t v;

    if (s->n < n + 1 || slice_u64(slice_to(*s, n), (uint64_t)high, &v) || (int64_t)v < low || s->p[n] != then)
        return false;
    *out = (int64_t)v;
    *s = slice_from(*s, n + 1);
    return true;
}

int64_t vq_read_time(struct slice s)
{
    int64_t year, month, day, hour, minute, second;
    char    end = s.n > 19 && s.p[19] == '.' ? '.' : 'Z';

    if (s.n < VQ_TIME_OCTETS || !take(&s, 4, 1970, 9999, '-', &year) || !take(&s, 2, 1, 12, '-', &month) ||
        !take(&s, 2, 1, 31, 'T', &day) || !take(&s, 2, 0, 23, ':', &hour) || !take(&s, 2, 0, 59, ':', &minute) ||
        !take(&s, 2, 0, 60, end, &second))
        return 0;
    return 1000 * (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second);
}

void vq_put_time(struct buf *b, int64_t ms)
{
    int64_t s = ms / 1000, year, month, day;

    date_of(s / 86400, &year, &month, &day);
    buf_putu_wide(b, (uint64_t)year, 4);
    buf_putc(b, '-');
    buf_putu_wide(b, (uint64_t)month, 2);
    buf_putc(b, '-');
    buf_putu_wide(b, (uint64_t)day, 2);
    buf_putc(b, 'T');
    buf_putu_wide(b, (uint64_t)(s / 3600 % 24), 2);
    buf_putc(b, ':');
    buf_putu_wide(b, (uint64_t)(s / 60 % 60), 2);
    buf_putc(b, ':');
    buf_putu_wide(b, (uint64_t)(s % 60), 2);
    buf_putc(b, 'Z');
}
