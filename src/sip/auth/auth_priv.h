/* auth_priv.h - what the files of sip/auth share. Private. */
#ifndef SIP_AUTH_PRIV_H
#define SIP_AUTH_PRIV_H

#include "sip/auth/auth.h"

struct auth_param {
    struct slice name;
    struct slice value; /* without quotes and escapes */
    bool         quoted;
};

/* The scheme off the front. ERR_UNSUPPORTED when it is not Digest. */
enum err auth_params_begin(struct slice value, struct slice *rest);
/* ERR_NOTFOUND at the end. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM. */
enum err auth_params_next(struct arena *a, struct slice *rest, struct auth_param *out);

/* request-digest (RFC 7616 §3.4.1) from HA1 as the directory keeps it. `c` gives nonce, nc, cnonce, qop, uri, algorithm. */
void auth_response(const struct digester *d, const struct auth_credentials *c, const struct auth_asked *asked,
                   struct auth_hash *out);

/* nc as it stands in credentials: eight hexadecimal digits. */
void auth_put_nc(struct buf *b, uint32_t nc);

#endif
