/* sdp_priv.h - what the files of this room share. */
#ifndef SDP_SDP_PRIV_H
#define SDP_SDP_PRIV_H

#include "sdp/sdp.h"

/* One line of a description. */
struct sdp_line {
    char         type;
    struct slice value; /* behind "x=", without spaces at either end */
    struct slice whole; /* without its line end */
    struct slice raw;   /* with it */
};

/* Take the next line that is not empty off *rest. ERR_NOTFOUND at the end, ERR_SYNTAX when it is not "x=...".
 * *n_lines counts empty ones too. ERR_LIMIT: over SDP_MAX_LINES. */
enum err sdp_next_line(struct slice *rest, struct sdp_line *out, size_t *n_lines);

/* The next word of *s; empty at the end. */
struct slice sdp_word(struct slice *s);

/* "name:value" -> name, and *value (empty when there is no colon). */
struct slice sdp_attribute(struct slice line, struct slice *value);

/* A direction attribute's meaning; false when `name` is none. */
bool sdp_dir_parse(struct slice name, enum sdp_dir *out);

/* The words of an m= line. ERR_SYNTAX when type, port or proto cannot be read. */
struct sdp_m_line {
    struct slice type, proto, fmts;
    uint16_t     port, n_ports;
};
enum err sdp_parse_m(struct slice value, struct sdp_m_line *out);

enum sdp_kind sdp_kind_of(struct slice type);
struct slice sdp_kind_name(enum sdp_kind kind);
bool sdp_is_rtp(struct slice proto);

/* Fill name, rate and channels by RFC 3551 §6; they stay empty when the number has no static meaning. */
void sdp_static_format(uint8_t pt, struct sdp_format *out);

/* crypto.c: one line of a=crypto that we can act on, and the first such of a stream. */
struct sdp_crypto {
    uint32_t       tag;
    enum sdp_suite suite;
    uint8_t        key[SDP_MAX_KEY_OCTETS]; /* filled up with 0 */
};
size_t sdp_suite_key_octets(enum sdp_suite s);
bool sdp_crypto_read(struct slice value, struct sdp_crypto *out);
bool sdp_crypto_choose(const struct sdp_media *m, struct sdp_crypto *out);
void sdp_crypto_put(struct buf *b, uint32_t tag, enum sdp_suite suite, const uint8_t *key);

/* One a= line of a stream (its session's, when m is NULL). */
void sdp_on_attribute(struct sdp *s, struct sdp_media *m, const struct sdp_line *line);

#endif
