/* uri_priv.h - the character classes of RFC 3261 §25.1 that URIs are made of. Private to sip/uri. */
#ifndef SIP_URI_PRIV_H
#define SIP_URI_PRIV_H

#include "base/cold.h"
#include "base/scan.h"
#include "sip/uri/uri.h"

enum {
    URI_C_UNRESERVED = 1, /* alphanum and mark                                        */
    URI_C_USER = 2,       /* may stand unescaped in the user part (with '#', leniently) */
    URI_C_PASSWORD = 4,
    URI_C_PARAM = 8,      /* in a parameter's name                                    */
    URI_C_HEADER = 16,    /* behind '?': also '@', ',', ';', '=', which phones do not escape there */
    URI_C_LABEL = 32,     /* between the dots of a host name: also '_'                */
    URI_C_RESERVED = 64,  /* RFC 2396 §2.2: an escape of these is not the character   */
    URI_C_VALUE = 128,    /* in a parameter's value: also '@', ',', '='; base64 comes so */
    URI_C_OPAQUE = 255    /* in a URI of some other scheme: all of these and no others */
};

extern const uint8_t uri_class_of[256];

static inline unsigned uri_class(char c)
{
    return uri_class_of[(unsigned char)c];
}

/* The same from a '%' on. */
const char *uri_behind_escapes(const char *p, const char *end, uint8_t class);
/* Behind the characters of `class`, and each '%' that stands before two hex digits. */
static inline const char *uri_behind(const char *p, const char *end, uint8_t class)
{
    p = scan_behind(p, end, uri_class_of, class);
    return p < end && *p == '%' ? uri_behind_escapes(p, end, class) : p;
}

/* The octet at s.p[*i], escapes undone; *i moves behind it. `escaped` tells which of the two it was. */
unsigned char uri_octet(struct slice s, size_t *i, bool *escaped);

/* Equal by RFC 3261 §19.1.4; `fold`: without ASCII case. */
bool uri_same_text(struct slice a, struct slice b, bool fold);

#endif
