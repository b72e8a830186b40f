/* date.c - SIP-date: RFC 3261 §20.17, the fixed form of RFC 1123, GMT only.
 *
 * Room      sip/msg (pure).
 * In        "Sat, 13 Nov 2010 23:29:00 GMT".
 * Out       seconds since 1970, and back. */
#include "sip/msg/msg_priv.h"

static const struct slice days[] = {S("Thu"), S("Fri"), S("Sat"), S("Sun"), S("Mon"), S("Tue"), S("Wed")};
static const struct slice months[] = {S("Jan"), S("Feb"), S("Mar"), S("Apr"), S("May"), S("Jun"),
                                      S("Jul"), S("Aug"), S("Sep"), S("Oct"), S("Nov"), S("Dec")};

enum { DATE_OCTETS = 29, SECONDS_A_DAY = 86400 };

#define LAST_SECOND UINT64_C(253402300799) /* of the year 9999 */

struct date {
    uint64_t year, month, day; /* month from 0, day from 1 */
    uint64_t hour, minute, second;
};

static bool is_leap(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_in_month(uint64_t year, uint64_t month)
{
    static const uint8_t n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return n[month] + (month == 1 && is_leap(year) ? 1u : 0u);
}

static uint64_t days_since_1970(const struct date *d)
{
    uint64_t y = d->year - 1; /* whole years before this one */
    uint64_t n = y * 365 + y / 4 - y / 100 + y / 400 - 719162; /* up to 1 January of that year */

    for (uint64_t m = 0; m < d->month; m++)
        n += days_in_month(d->year, m);
    return n + d->day - 1;
}

static enum err find_month(struct slice text, uint64_t *out)
{
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        if (slice_ieq(months[i], text)) {
            *out = i;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

static struct slice part(struct slice s, size_t at, size_t n)
{
    return slice_to(slice_from(s, at), n);
}

static enum err read_date(struct slice s, struct date *d)
{
    if (s.n != DATE_OCTETS || !slice_ieq(slice_from(s, 25), S(" GMT")))
        return ERR_SYNTAX;
    if (s.p[3] != ',' || s.p[4] != ' ' || s.p[7] != ' ' || s.p[11] != ' ' || s.p[16] != ' ' || s.p[19] != ':'
        || s.p[22] != ':')
        return ERR_SYNTAX;
    if (slice_u64(part(s, 5, 2), 31, &d->day) || find_month(part(s, 8, 3), &d->month)
        || slice_u64(part(s, 12, 4), 9999, &d->year) || slice_u64(part(s, 17, 2), 23, &d->hour)
        || slice_u64(part(s, 20, 2), 59, &d->minute) || slice_u64(part(s, 23, 2), 60, &d->second))
        return ERR_SYNTAX;
    if (d->year < 1970 || d->day < 1 || d->day > days_in_month(d->year, d->month))
        return ERR_SYNTAX;
    return ERR_OK;
}

/* The day's name is not looked at: it says nothing that the date does not. */
enum err msg_date(const struct msg *m, uint64_t *out)
{
    struct date d;
    enum err    e;

    if (!msg_has(m, HDR_DATE))
        return ERR_NOTFOUND;
    if ((e = read_date(msg_value(m, HDR_DATE), &d)))
        return e;
    *out = days_since_1970(&d) * SECONDS_A_DAY + d.hour * 3600 + d.minute * 60 + d.second;
    return ERR_OK;
}

static void put_two(char *to, uint64_t n)
{
    to[0] = (char)('0' + n / 10);
    to[1] = (char)('0' + n % 10);
}

/* Which day of which month that is, by whole 400 years that begin with March: leap days are last then. */
static void date_of_day(uint64_t days_since, struct date *d)
{
    uint64_t day = days_since + 719468, of_400 = day % 146097; /* since 1 March of the year 0 */
    uint64_t year = (of_400 - of_400 / 1460 + of_400 / 36524 - of_400 / 146096) / 365;
    uint64_t of_year = of_400 - (365 * year + year / 4 - year / 100), march = (5 * of_year + 2) / 153;

    d->day = of_year - (153 * march + 2) / 5 + 1;
    d->month = march < 10 ? march + 2 : march - 10;
    d->year = year + day / 146097 * 400 + (march >= 10);
}

void msg_put_date(struct buf *b, uint64_t seconds)
{
    char        text[] = "Ddd, 00 Mmm 0000 00:00:00 GMT";
    struct date d;

    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    date_of_day(seconds / SECONDS_A_DAY, &d);
    memcpy(text, days[seconds / SECONDS_A_DAY % 7].p, 3);
    put_two(text + 5, d.day);
    memcpy(text + 8, months[d.month].p, 3);
    put_two(text + 12, d.year / 100);
    put_two(text + 14, d.year % 100);
    put_two(text + 17, seconds / 3600 % 24);
    put_two(text + 20, seconds / 60 % 60);
    put_two(text + 23, seconds % 60);
    buf_put(b, (struct slice){text, DATE_OCTETS});
}
