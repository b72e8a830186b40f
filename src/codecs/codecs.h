/* codecs.h - our codecs as descriptions name them, and what was agreed as media wants it: where sdp and media meet.
 *
 * Whoever has an end of an audio stream (room call, server/sound) says which codecs it speaks, in order of preference, gets
 * the table for sdp_local_init() from here, and turns each struct sdp_agreed into a struct media_params. */
#ifndef CODECS_CODECS_H
#define CODECS_CODECS_H

#include "media/media.h"
#include "sdp/sdp.h"

struct codec_list {
    enum media_codec codec[MEDIA_CODEC_N]; /* each once, the best first */
    size_t           n;
};

/* All that this build has: G.722, Opus, A-law, µ-law. */
struct codec_list codecs_all(void);

/* Names with commas between them, as in an rtpmap, in either case: "g722,pcma". Written on success only.
 * ERR_SYNTAX: none, one twice, or a name that is none; ERR_UNSUPPORTED: one that this build has not got. */
enum err codecs_read(struct slice names, struct codec_list *out);

/* The table for sdp_local_init(), with telephone-event of each clock behind the voices, where keys go by it; returns its
 * length. */
size_t codecs_describe(const struct codec_list *list, bool keys, struct sdp_codec out[SDP_MAX_CODECS]);

/* Addresses, formats and packet time of what was agreed. Not whether it is sent and received: that is for its owner. */
void codecs_params(const struct sdp_agreed *a, struct media_params *out);

#endif
