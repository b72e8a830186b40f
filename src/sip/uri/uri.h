/* uri.h - SIP, SIPS and tel URIs: parse, compare, write (RFC 3261 §19.1, RFC 3966; IPv6 as RFC 5118). Pure.
 *
 * Nothing is copied or unescaped while parsing: every slice of a struct uri points into the text, escaped as on the wire.
 * Text in, text out; a URI is valid as long as its text. No function here allocates. */
#ifndef SIP_URI_H
#define SIP_URI_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/slice.h"

enum {
    URI_MAX_OCTETS = 4096, /* of one URI                        */
    URI_MAX_PARAMS = 64,   /* uri-parameters of one URI         */
    URI_MAX_HEADERS = 32   /* header fields behind its '?'      */
};

enum uri_scheme { URI_SIP, URI_SIPS, URI_TEL, URI_OTHER };

struct uri {
    struct slice    raw;          /* all of it                                                         */
    enum uri_scheme scheme;
    struct slice    scheme_text;  /* as written, without the ':'                                       */
    struct slice    user;         /* escaped as on the wire, without password; empty = absent          */
    struct slice    password;     /* behind "user:"; escaped; empty = absent                           */
    struct slice    host;         /* IPv6 without its brackets; empty for tel and other schemes        */
    struct slice    params;       /* from the first ';', still raw; empty = none                       */
    struct slice    headers;      /* behind '?', still raw; empty = none                               */
    struct slice    opaque;       /* all behind "scheme:"; all there is to know of URI_OTHER           */
    uint16_t        port;         /* host order; 0 = not written (which is not 5060)                   */
    bool            host_is_ip6;  /* host stood in brackets                                            */
    bool            has_password; /* "user:@host" has an empty one                                     */
};
/* tel: `user` is the number as written (with its visual separators), `params` the rest; `host` is empty. */

/* Parse all of `in` as one URI.
 * out      written on ERR_OK only; its slices point into `in`, which must outlive it.
 * fault    may be NULL; on ERR_SYNTAX the offset, in octets, of the first bad one.
 * Lenient in three things that phones do: '#' unescaped in the user, '_' in host names, and ":::" within an IPv6
 * reference (RFC 5118 §4.10). Everything else as RFC 3261 §25.1; "%" must be followed by two hex digits.
 * A scheme other than sip, sips, tel parses as URI_OTHER: no white space, quotes, brackets or control octets in it.
 * Returns  ERR_OK, ERR_SYNTAX, ERR_LIMIT (over URI_MAX_*). */
enum err uri_parse(struct slice in, struct uri *out, size_t *fault);

bool uri_is_sip(const struct uri *u); /* sip or sips */

/* --- parameters and headers ------------------------------------------------------------------------------------- */

struct uri_pair {
    struct slice name;
    struct slice value;     /* escaped as written; empty when there is none */
    bool         has_value; /* "lr=" has an empty value, "lr" has none      */
};

/* The parameter of that name (ASCII case ignored, escapes in the name decoded). Valueless: ERR_OK and an empty slice.
 * `value` may be NULL. ERR_NOTFOUND. */
enum err uri_param(const struct uri *u, struct slice name, struct slice *value);
bool uri_has_param(const struct uri *u, struct slice name);
/* The same for header fields behind '?' ("Replaces" in a Refer-To). The value is still escaped: see uri_put_unescaped. */
enum err uri_header(const struct uri *u, struct slice name, struct slice *value);

/* Iteration: `struct slice rest = u.params; while (uri_next_param(&rest, &pair)) ...`, headers likewise. */
bool uri_next_param(struct slice *rest, struct uri_pair *out);
bool uri_next_header(struct slice *rest, struct uri_pair *out);

/* --- comparison ------------------------------------------------------------------------------------------------- */

/* RFC 3261 §19.1.4 for sip and sips; RFC 3966 §4 for tel; octets but for the scheme's case for any other. */
bool uri_equal(const struct uri *a, const struct uri *b);
/* Two host names or addresses, IPv6 by value, names without case. */
bool uri_host_equal(struct slice a, struct slice b);
/* Two pieces of user part or of a parameter by §19.1.4: "%61" equals "a", "%3b" does not equal ";". Case counts. */
bool uri_text_equal(struct slice a, struct slice b);

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* From the fields (raw, opaque and scheme_text are looked at only for URI_OTHER). Brackets go round an IPv6 host. */
void uri_write(struct buf *b, const struct uri *u);
/* The same without / with the parameter `name` (without `name=value` when value is empty: just `;name`). An existing one
 * of that name is replaced where it stands; a new one goes last. `value` is written as given: escape it first. */
void uri_write_without(struct buf *b, const struct uri *u, struct slice name);
void uri_write_with(struct buf *b, const struct uri *u, struct slice name, struct slice value);

/* Escapes undone, once only (RFC 4475 §3.1.1.3: "%25%34%31" gives "%41"). NUL may come out: slices, not strings. */
void uri_put_unescaped(struct buf *b, struct slice escaped);
/* Any octets, escaped as the user part, as a parameter value, as a header value behind '?'. */
void uri_put_escaped_user(struct buf *b, struct slice octets);
void uri_put_escaped_param(struct buf *b, struct slice octets);
void uri_put_escaped_header(struct buf *b, struct slice octets);
/* host, in brackets when it is IPv6. */
void uri_put_host(struct buf *b, struct slice host);

/* The canonical key of an address of record (RFC 3261 §10.3 step 5): "user@host", or "host" without user. Parameters,
 * headers, password and scheme go; the user is unescaped once and escaped again as little as may be (so "%61" and "a" are
 * one key, and "%00" stays visible); host in lower case, IPv6 in RFC 5952 form. The port goes when it is none, 5060 or
 * (sips) 5061, any other stays as ":port". tel: the number without visual separators, lower case, and for a local number
 * ";phone-context=..." behind it. Of URI_OTHER: "scheme:opaque", scheme in lower case. */
void uri_put_aor(struct buf *b, const struct uri *u);
/* The user alone, in that form; for tel the bare number. "alice" of "sip:%61lice@example.com". */
void uri_put_user_key(struct buf *b, const struct uri *u);

/* A telephone number without its visual separators "-.()" (RFC 3966 §5.1.1), hex digits in lower case. */
void uri_put_number(struct buf *b, struct slice number);

/* The host as an address and the port as written (0 = none). ERR_NOTFOUND when it is a name. */
enum err uri_host_addr(const struct uri *u, struct addr *out);
/* The same for any host text ("192.0.2.1", "2001:db8::1", "[2001:db8::1]", with RFC 5118's ":::"). ERR_NOTFOUND. */
enum err uri_addr_of_host(struct slice host, struct addr *out);

/* --- for parsers of the rooms above ----------------------------------------------------------------------------- */

/* uri_parse() that may write *out on an error, too: nothing is copied. */
enum err uri_read(struct slice in, struct uri *out);
/* The URI that begins at p, within a text that goes on, when it is as most are: sip:user@host:port;params, nothing escaped, no
 * password, no header fields. What is returned is where it cannot go on so: if that is where it has to end, it is what
 * uri_read() gives. Else, and when this is NULL, that is to be asked. */
const char *uri_read_plain(const char *p, const char *end, struct uri *out);

/* host [":" port] at the start of `in` (RFC 3261 §25.1 hostport; IPv6 in brackets). No white space.
 * `rest` gets what follows. ERR_SYNTAX. */
struct uri_hostport {
    struct slice host; /* without brackets */
    uint16_t     port; /* 0 = not written  */
    bool         host_is_ip6;
};
enum err uri_parse_hostport(struct slice in, struct uri_hostport *out, struct slice *rest);
/* The same from p to end, which are in a text that begins at `text`. Behind it, or NULL. *out may be written on NULL, too. */
const char *uri_read_hostport(const char *text, const char *p, const char *end, struct uri_hostport *out);

#endif
