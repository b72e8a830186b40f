/* referral.c - a REFER outside of any call, to an extension: whom it names is called, to be in the conference or to wait at the
 * parking place (RFC 3515; RFC 4579 §5.5; RFC 5359 §2.15).
 *
 * Room      server/voice.
 * In        server/core, who sent it known; party.c, how that call went.
 * Out       202, a NOTIFY that it is tried, and one that says how it ended; conference.c and park.c, which call.
 * Touches   v->referrals under v->lock. A referral is its REFER's shard's; it ends with its last NOTIFY, or with the room. What
 *           comes in its dialog (a SUBSCRIBE) finds nobody: 481. */
#include "server/voice/voice_priv.h"

enum { BLOCK_OCTETS = 1024, DIALOG_OCTETS = 16384, NOTIFY_OCTETS = 4096, SECONDS = 180 };

struct voice_referral {
    struct list_node node;
    struct voice    *v;
    unsigned         shard;
    unsigned         code;   /* how it ended */
    struct arena     arena;  /* of the dialog and of number */
    struct dialog    dialog;
    struct flow      flow;
    struct slice     number; /* of the extension */
};

static void referral_free(struct voice_referral *r)
{
    spin_lock(&r->v->lock);
    list_remove(&r->node);
    spin_unlock(&r->v->lock);
    arena_close(&r->arena);
    mem_free(r->v->config.mem, r, sizeof *r);
}

void referrals_close(struct voice *v)
{
    for (struct list_node *n; (n = list_first(&v->referrals));)
        referral_free(LIST_OF(n, struct voice_referral, node));
}

static void put_contact(struct buf *b, struct shard *sh, const struct voice_referral *r)
{
    buf_put(b, S("Contact: <sip:"));
    uri_put_escaped_user(b, r->number);
    buf_putc(b, '@');
    flow_put_sent_by(shard_transport(sh), &r->flow, b);
    if (r->flow.kind != TRANSPORT_UDP)
        buf_puts(b, S(";transport="), transport_param_name((enum transport_kind)r->flow.kind));
    buf_put(b, S(">\r\n"));
}

static enum err referral_new(struct voice *v, struct shard *sh, const struct stack_in *in, struct slice number, struct voice_referral **out)
{
    char                   tag[STACK_TOKEN_OCTETS];
    struct buf             t = BUF_ON(tag);
    struct dialog_uas      uas = {.request = in->m, .confirmed = true};
    struct voice_referral *r = mem_zalloc(v->config.mem, sizeof *r);
    enum err               e;

    if (!r)
        return ERR_NOMEM;
    r->v = v;
    r->shard = shard_index(sh);
    r->flow = in->from;
    arena_init(&r->arena, v->config.mem, BLOCK_OCTETS, DIALOG_OCTETS);
    spin_lock(&v->lock);
    list_append(&v->referrals, &r->node);
    spin_unlock(&v->lock);
    stack_put_token(shard_rng(sh), &t);
    uas.local_tag = buf_slice(&t);
    if ((e = arena_dup(&r->arena, number, &r->number)) || (e = dialog_from_request(&r->arena, &uas, &r->dialog))) {
        referral_free(r);
        return e;
    }
    *out = r;
    return ERR_OK;
}

/* 100: it is tried; else how it has ended. */
static void notify(struct voice_referral *r, struct shard *sh, unsigned code)
{
    char       *room = arena_alloc(shard_scratch(sh), NOTIFY_OCTETS), frag[128];
    struct buf  b, f = BUF_ON(frag);

    if (!room)
        return;
    buf_init(&b, room, NOTIFY_OCTETS);
    buf_put(&f, S("SIP/2.0 "));
    buf_putu_wide(&f, code, 3);
    buf_puts(&f, S(" "), msg_reason(code), S("\r\n"));
    dialog_put_request(&b, &r->dialog, S("NOTIFY"), dialog_next_cseq(&r->dialog));
    put_contact(&b, sh, r);
    buf_put(&b, S("Event: refer\r\nSubscription-State: "));
    if (code < 200) {
        buf_put(&b, S("active;expires="));
        buf_putu(&b, SECONDS);
    } else
        buf_put(&b, S("terminated;reason=noresource"));
    buf_put(&b, S("\r\n"));
    msg_put_end(&b, S("message/sipfrag;version=2.0"), buf_slice(&f));
    if (!buf_err(&b))
        r->v->config.speak(r->v->config.ctx, sh, &r->flow, buf_slice(&b)); /* who is not there any more hears nothing */
}

static void on_done(void *arg, struct shard *sh)
{
    struct voice_referral *r = arg;

    notify(r, sh, r->code);
    referral_free(r);
}

void referral_done(struct voice_referral *r, unsigned code)
{
    r->code = code;
    (void)stack_post(r->v->stack, r->shard, on_done, r); /* without memory it ends with the room, and the phone's patience before */
}

static unsigned begin(struct voice *v, struct shard *sh, enum voice_app app, struct voice_asked *asked)
{
    struct voice_way way;
    unsigned         code = v->config.reach(v->config.ctx, sh, asked->refer->target, &way);

    if (code)
        return code;
    asked->way = &way;
    code = app == VOICE_CONFERENCE ? conference_refer(v, sh, asked) : park_refer(v, sh, asked);
    asked->way = NULL; /* it ends here */
    return code;
}

static void accept(struct voice_referral *r, struct shard *sh, const struct stack_in *in)
{
    char       rows[URI_MAX_OCTETS + 128];
    struct buf b = BUF_ON(rows);

    put_contact(&b, sh, r);
    stack_reply(sh, in->tsx, &(struct stack_reply){.code = 202, .to_tag = r->dialog.local_tag, .rows = buf_slice(&b)});
    notify(r, sh, 100);
}

static unsigned code_for(enum err e)
{
    return e == ERR_NOMEM ? 500 : 400; /* no Contact, or one that cannot be read */
}

/* 0, or what it deserves. */
static unsigned obey(struct voice *v, struct shard *sh, const struct stack_in *in, enum voice_app app, struct voice_asked *asked)
{
    const struct msg      *m = in->m;
    struct slice           value = msg_value(m, HDR_REFER_TO);
    size_t                 octets = 2 * value.n + 64;
    char                  *room = arena_alloc(shard_scratch(sh), 2 * octets);
    struct buf             target, replaces;
    struct leg_refer_in    refer = {.referred_by = msg_value(m, HDR_REFERRED_BY)};
    struct voice_referral *r;
    enum err               e;
    unsigned               code;

    if (!room)
        return 500;
    buf_init(&target, room, octets);
    buf_init(&replaces, room + octets, octets);
    if (msg_count(m, HDR_REFER_TO) != 1 || ua_refer_to_read(value, &refer, &target, &replaces))
        return 400;
    if (refer.bye)
        return 403; /* only who is in a conference puts others out of it */
    if ((e = referral_new(v, sh, in, asked->number, &r)))
        return code_for(e);
    asked->refer = &refer;
    asked->referral = r;
    if ((code = begin(v, sh, app, asked)))
        referral_free(r);
    else
        accept(r, sh, in);
    asked->refer = NULL; /* it ends here */
    return code;
}

bool voice_refer(struct voice *v, struct shard *sh, const struct stack_in *in)
{
    char               number[3 * URI_MAX_OCTETS];
    struct buf         b = BUF_ON(number);
    struct voice_asked asked = {.host = voice_host_of(in->m->uri)};
    struct name_addr   from;
    struct uri         u;
    enum voice_app     app;
    unsigned           code;

    if (uri_parse(in->m->uri, &u, NULL) || msg_from(in->m, &from))
        return false;
    uri_put_user_key(&b, &u);
    asked.number = buf_slice(&b);
    asked.from = from.uri;
    if (voice_app_find(voice_app_of(v, asked.number), &app) || (app != VOICE_CONFERENCE && app != VOICE_PARK && app != VOICE_PARK_FREE))
        return false;
    if ((code = obey(v, sh, in, app, &asked)))
        stack_reply_code(sh, in->tsx, code);
    return true;
}
