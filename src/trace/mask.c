/* mask.c - secrets in a message, covered where they stand. RFC 3261 §22.4, RFC 7616 §3.4 and §3.5, RFC 4568.
 *
 * Room      trace (pure).
 * Touches   the octets given.
 * Nothing is parsed: what is broken must be covered as well. A field is looked for at each line's begin, also in bodies, which may
 * carry messages; within it the names of secrets wherever they stand, whether or not the quotes around them match. */
#include "trace/mask.h"

#include "base/slice.h"
#include "sdp/sdp.h"

/* The octets from p up to end. */
struct part {
    char *p, *end;
};

static struct slice rest_of(struct part s)
{
    return slice_between(s.p, s.end);
}

static bool is_one_of(char c, struct slice set)
{
    return slice_find(set, c) != SIZE_MAX;
}

static bool is_blank(char c)
{
    return is_one_of(c, S(" \t\r\n"));
}

static void pass_blanks(struct part *s)
{
    while (s->p < s->end && is_blank(*s->p))
        s->p++;
}

/* All but blanks, which keep the lines apart. */
static void cover(struct part s)
{
    for (; s.p < s.end; s.p++)
        if (!is_blank(*s.p))
            *s.p = '*';
}

/* The value off the front: between quotes, or up to a blank or a comma. */
static struct part take_value(struct part *s)
{
    struct part value;
    bool        quoted = s->p < s->end && *s->p == '"';

    s->p += quoted;
    value.p = s->p;
    while (s->p < s->end && (quoted ? *s->p != '"' : !is_one_of(*s->p, S(", \t\r\n"))))
        s->p += quoted && *s->p == '\\' && s->end - s->p > 1 ? 2 : 1;
    value.end = s->p;
    return value;
}

/* A secret's name off the front, with the sign behind it. */
static bool take_secret(struct part *s)
{
    static const struct slice names[] = {S("response"), S("cnonce"), S("rspauth")};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct part behind = *s;

        if (!slice_istarts(rest_of(*s), names[i]))
            continue;
        behind.p += names[i].n;
        pass_blanks(&behind);
        if (behind.p == behind.end || *behind.p != '=')
            continue;
        behind.p++;
        pass_blanks(&behind);
        *s = behind;
        return true;
    }
    return false;
}

static void cover_secrets(struct part s)
{
    for (bool begins = true; s.p < s.end;) {
        if (begins && take_secret(&s)) {
            cover(take_value(&s));
        } else {
            begins = is_one_of(*s.p, S(" \t\r\n,\""));
            s.p++;
        }
    }
}

/* Of a scheme that is not Digest nothing is known: "Basic" is the password itself. */
static void cover_credentials(struct part s)
{
    struct part scheme;

    pass_blanks(&s);
    scheme = s;
    while (s.p < s.end && !is_blank(*s.p))
        s.p++;
    scheme.end = s.p;
    pass_blanks(&s);
    if (slice_ieq(rest_of(scheme), S("Digest")))
        cover_secrets(s);
    else if (s.p == s.end)
        cover(scheme);
    else
        cover(s);
}

/* ---- fields ---- */

/* That field's name and colon off the front. */
static bool take_name(struct part *s, struct slice name)
{
    struct part behind = *s;

    if (!slice_istarts(rest_of(*s), name))
        return false;
    behind.p += name.n;
    while (behind.p < behind.end && is_one_of(*behind.p, S(" \t")))
        behind.p++;
    if (behind.p == behind.end || *behind.p != ':')
        return false;
    behind.p++;
    *s = behind;
    return true;
}

static void pass_line(struct part *s)
{
    while (s->p < s->end && !is_one_of(*s->p, S("\r\n")))
        s->p++;
    while (s->p < s->end && is_one_of(*s->p, S("\r\n")))
        s->p++;
}

/* The field's value off the front, with the lines that go on with it. */
static struct part take_field(struct part *s)
{
    struct part value = *s;

    do
        pass_line(s);
    while (s->p < s->end && is_one_of(*s->p, S(" \t")));
    value.end = s->p;
    return value;
}

static void look_at_line(struct part *s)
{
    static const struct slice credentials[] = {S("Authorization"), S("Proxy-Authorization")};
    static const struct slice infos[] = {S("Authentication-Info"), S("Proxy-Authentication-Info")};

    for (size_t i = 0; i < 2; i++) {
        if (take_name(s, credentials[i]))
            cover_credentials(take_field(s));
        else if (take_name(s, infos[i]))
            cover_secrets(take_field(s));
        else
            continue;
        return;
    }
    pass_line(s);
}

void trace_mask(char *octets, size_t n)
{
    struct part s = {octets, octets + n};

    while (s.p < s.end)
        look_at_line(&s);
    sdp_mask_keys(octets, n);
}
