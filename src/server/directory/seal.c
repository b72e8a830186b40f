/* seal.c - secrets that must be known again: a password that another exchange wants to see used.
 *
 * Room      server/directory.
 * Form      hexadecimal of nonce (16 octets), the secret with a key stream over it, and the first half of a MAC over both. The
 *           stream is HMAC-SHA-256 of nonce and block number, the keys are the exchange's stored key with a word of their own.
 *           Who has the database and not the folder keys/ learns how long a password is.
 * Touches   the buffers it is given. */
#include <string.h>

#include "server/directory/directory_priv.h"
#include "sys/random.h"

enum { NONCE = 16, MAC = 16, BLOCK = 32 };

static void hmac(const struct directory *d, struct slice what, struct slice nonce, struct slice text, unsigned char out[BLOCK])
{
    const struct slice pieces[] = {what, nonce, text};

    d->conf.digester->hmac(d->conf.digester->ctx, store_key(d->conf.store), pieces, sizeof pieces / sizeof *pieces, out);
}

/* The same once more undoes it. */
static void cover(const struct directory *d, struct slice nonce, char *text, size_t n)
{
    unsigned char stream[BLOCK];

    for (size_t i = 0; i < n; i++) {
        char block = (char)(i / BLOCK);

        if (i % BLOCK == 0)
            hmac(d, S("seal stream"), nonce, (struct slice){&block, 1}, stream);
        text[i] = (char)(text[i] ^ stream[i % BLOCK]);
    }
    explicit_bzero(stream, sizeof stream);
}

void seal_put(struct directory *d, struct slice plain, struct buf *b)
{
    char          room[NONCE + DIRECTORY_MAX_PASSWORD];
    unsigned char mac[BLOCK];
    size_t        n = plain.n < DIRECTORY_MAX_PASSWORD ? plain.n : DIRECTORY_MAX_PASSWORD;

    random_octets(d->conf.random, room, NONCE);
    memcpy(room + NONCE, plain.p, n);
    cover(d, (struct slice){room, NONCE}, room + NONCE, n);
    hmac(d, S("seal mac"), (struct slice){room, NONCE}, (struct slice){room + NONCE, n}, mac);
    buf_puthex(b, (struct slice){room, NONCE + n});
    buf_puthex(b, (struct slice){(const char *)mac, MAC});
}

static bool read_hex(struct slice hex, struct buf *b)
{
    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        int high = hex_value(hex.p[i]), low = hex_value(hex.p[i + 1]);

        if (high < 0 || low < 0)
            return false;
        buf_putc(b, (char)(high * 16 + low));
    }
    return hex.n % 2 == 0 && buf_err(b) == ERR_OK;
}

enum err seal_open(const struct directory *d, struct slice sealed, struct buf *b)
{
    char          room[SEAL_MAX_OCTETS / 2];
    struct buf    all = BUF_ON(room);
    struct slice  nonce, text;
    unsigned char mac[BLOCK];

    if (!read_hex(sealed, &all) || all.n < NONCE + MAC)
        return ERR_SYNTAX;
    nonce = (struct slice){room, NONCE};
    text = (struct slice){room + NONCE, all.n - NONCE - MAC};
    hmac(d, S("seal mac"), nonce, text, mac);
    if (!digest_same((struct slice){(const char *)mac, MAC}, slice_from(buf_slice(&all), all.n - MAC)))
        return ERR_SYNTAX;
    cover(d, nonce, room + NONCE, text.n);
    buf_put(b, text);
    explicit_bzero(room, sizeof room);
    return buf_err(b);
}
