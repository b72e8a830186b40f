/* options.c - the command line of `strowger phone`.
 *
 * Room      app/phone.
 * Touches   *o and *fault. */
#include <stdio.h>
#include <string.h>

#include "app/phone/app.h"
#include "base/near.h"
#include "codecs/codecs.h"
#include "sip/uri/uri.h"

struct option {
    const char *name, *value, *what; /* value NULL: none; "[...]": may be given behind '=' */
    enum err (*set)(struct phone_options *o, struct slice v);
};

static enum err set_user(struct phone_options *o, struct slice v)
{
    o->user = v;
    return v.n ? ERR_OK : ERR_SYNTAX;
}

static enum err set_password(struct phone_options *o, struct slice v)
{
    o->password = v;
    return ERR_OK;
}

static enum err set_auth_name(struct phone_options *o, struct slice v)
{
    o->auth_name = v;
    return v.n ? ERR_OK : ERR_SYNTAX;
}

static enum err set_display(struct phone_options *o, struct slice v)
{
    o->display = v;
    return ERR_OK;
}

static enum err set_domain(struct phone_options *o, struct slice v)
{
    o->domain = v;
    return v.n && slice_find_any(v, S(" <>@;?/")) == SIZE_MAX ? ERR_OK : ERR_SYNTAX;
}

static enum err set_server(struct phone_options *o, struct slice v)
{
    struct uri_hostport hp;
    struct slice        rest;

    o->server = v;
    return uri_parse_hostport(v, &hp, &rest) || rest.n ? ERR_SYNTAX : ERR_OK;
}

static enum err set_bind(struct phone_options *o, struct slice v)
{
    if (addr_parse(v, &o->bind) || addr_is_any(&o->bind))
        return ERR_SYNTAX;
    return ERR_OK;
}

static enum err set_rtp_ports(struct phone_options *o, struct slice v)
{
    struct slice from;

    if (!slice_cut(&v, '-', &from) || slice_u16(from, &o->port_min) || slice_u16(v, &o->port_max))
        return ERR_SYNTAX;
    return o->port_min && o->port_min < o->port_max ? ERR_OK : ERR_SYNTAX;
}

static enum err set_codecs(struct phone_options *o, struct slice v)
{
    struct codec_list list;

    o->codecs = v;
    return codecs_read(v, &list);
}

static enum err set_dtmf(struct phone_options *o, struct slice v)
{
    static const char *const names[] = {"auto", "rtp", "info", "inband"}; /* enum phone_keys */

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_eq(v, slice_z(names[i]))) {
            o->keys = (enum phone_keys)i;
            return ERR_OK;
        }
    return ERR_SYNTAX;
}

static enum err set_music(struct phone_options *o, struct slice v)
{
    o->music = v;
    return v.n && slice_find_any(v, S(" \t<>\"")) == SIZE_MAX ? ERR_OK : ERR_SYNTAX;
}

static enum err set_tone(struct phone_options *o, struct slice v)
{
    return slice_u16(v, &o->tone_hz) || o->tone_hz < 100 || o->tone_hz > 3900 ? ERR_SYNTAX : ERR_OK;
}

static enum err set_auto_answer(struct phone_options *o, struct slice v)
{
    o->auto_answer = true;
    return v.n && (slice_u32(v, &o->auto_answer_ms) || o->auto_answer_ms > 3600000) ? ERR_SYNTAX : ERR_OK;
}

static enum err set_leave_after(struct phone_options *o, struct slice v)
{
    return slice_u32(v, &o->leave_ms) || o->leave_ms > 60000 ? ERR_SYNTAX : ERR_OK;
}

static enum err set_expires(struct phone_options *o, struct slice v)
{
    return slice_u32(v, &o->expires_s) || !o->expires_s ? ERR_SYNTAX : ERR_OK;
}

static enum err set_session_timer(struct phone_options *o, struct slice v)
{
    return slice_u32(v, &o->session_s) || o->session_s < UA_SESSION_MIN_S ? ERR_SYNTAX : ERR_OK;
}

static enum err set_refresher(struct phone_options *o, struct slice v)
{
    if (!slice_eq(v, S("self")) && !slice_eq(v, S("peer")))
        return ERR_SYNTAX;
    o->refresher = slice_eq(v, S("self")) ? UA_REFRESHER_HERE : UA_REFRESHER_THERE;
    return ERR_OK;
}

/* For tests of others: phones that cannot be transferred, each in its way. */
static enum err set_refuse_refer(struct phone_options *o, struct slice v)
{
    uint32_t code;

    if (slice_eq(v, S("silent")))
        o->refer_code = PHONE_REFER_SILENT;
    else if (slice_eq(v, S("unlisted")))
        o->refer_code = PHONE_REFER_UNLISTED;
    else if (slice_u32(v, &code) || code < 400 || code > 699)
        return ERR_SYNTAX;
    else
        o->refer_code = code;
    return ERR_OK;
}

static enum err set_srtp(struct phone_options *o, struct slice v)
{
    if (slice_eq(v, S("off")))
        o->srtp = SDP_SRTP_OFF;
    else if (slice_eq(v, S("optional")))
        o->srtp = SDP_SRTP_OPTIONAL;
    else if (slice_eq(v, S("required")))
        o->srtp = SDP_SRTP_REQUIRED;
    else
        return ERR_SYNTAX;
    return o->srtp == SDP_SRTP_OFF || media_srtp_is_there() ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err set_quality_report(struct phone_options *o, struct slice v)
{
    struct uri u;

    o->quality_report = v;
    return slice_eq(v, S("off")) || uri_parse(v, &u, NULL) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

static enum err set_trace(struct phone_options *o, struct slice v)
{
    o->trace = v;
    return v.n ? ERR_OK : ERR_SYNTAX;
}

static enum err set_reliable(struct phone_options *o, struct slice v)
{
    (void)v;
    o->reliable = true;
    return ERR_OK;
}

static enum err set_update(struct phone_options *o, struct slice v)
{
    (void)v;
    o->update = true;
    return ERR_OK;
}

static enum err set_tcp(struct phone_options *o, struct slice v)
{
    (void)v;
    o->transport = TRANSPORT_TCP;
    return ERR_OK;
}

static enum err set_tls(struct phone_options *o, struct slice v)
{
    (void)v;
    o->transport = TRANSPORT_TLS;
    return ERR_OK;
}

static enum err set_tls_trust(struct phone_options *o, struct slice v)
{
    o->tls_trust = v;
    return v.n ? ERR_OK : ERR_SYNTAX;
}

static enum err set_tls_insecure(struct phone_options *o, struct slice v)
{
    (void)v;
    o->tls_insecure = true;
    return ERR_OK;
}

static enum err set_json(struct phone_options *o, struct slice v)
{
    (void)v;
    o->json = true;
    return ERR_OK;
}

static enum err set_help(struct phone_options *o, struct slice v)
{
    (void)v;
    o->help = true;
    return ERR_OK;
}

static const struct option options[] = {
    {"user", "NUMBER", "who it is, such as 1001", set_user},
    {"password", "PASSWORD", "of that user", set_password},
    {"auth-name", "NAME", "name in credentials, where it is not the user", set_auth_name},
    {"name", "NAME", "name that others are shown", set_display},
    {"server", "HOST[:PORT]", "the exchange to register with; without: calls go straight to URIs", set_server},
    {"domain", "NAME", "what stands behind user@ (default: the server's host and port)", set_domain},
    {"bind", "ADDRESS[:PORT]", "own address (default: the one that leads to the server), and port (default: any)", set_bind},
    {"rtp-ports", "FROM-TO", "ports for sound (default: any)", set_rtp_ports},
    {"codecs", "LIST", "what it speaks, the best first (default: g722,opus,pcma,pcmu)", set_codecs},
    {"dtmf", "auto|rtp|info|inband", "how it presses keys (default: auto: by RTP event where agreed, else as tones)", set_dtmf},
    {"music", "TARGET", "who is put on hold hears it from there, such as *65 (default: nothing)", set_music},
    {"tcp", NULL, "SIP over TCP", set_tcp},
    {"tls", NULL, "SIP over TLS", set_tls},
    {"tls-trust", "FILE", "certificates (PEM) of servers that it trusts, or of who vouches for them (default: the system's)", set_tls_trust},
    {"tls-insecure", NULL, "take any certificate, whoever the server is", set_tls_insecure},
    {"expires", "SECONDS", "how long to register for (default: 300)", set_expires},
    {"100rel", NULL, "ring reliably where the caller supports it, and not only where it wants it", set_reliable},
    {"update", NULL, "hold and resume by UPDATE where the other end lists it", set_update},
    {"session-timer", "SECONDS", "calls are refreshed at half of that, and end without (90 or more)", set_session_timer},
    {"refresher", "self|peer", "who is to refresh them (default: whoever called)", set_refresher},
    {"auto-answer", "[=MS]", "answer calls by itself, after so many milliseconds", set_auto_answer},
    {"tone", "HZ", "say a tone of 100 to 3900 Hz instead of silence", set_tone},
    {"refuse-refer", "CODE|silent|unlisted", "answer REFER so; unlisted: 405, and Allow lacks it", set_refuse_refer},
    {"leave-after", "MS", "hang up so long after one's transfer was accepted (default: at once)", set_leave_after},
    {"srtp", "off|optional|required", "sound is sealed: never, where the other end can, always (default: off)", set_srtp},
    {"quality-report", "URI|off", "where it reports how calls have sounded (default: to the server it is registered with)", set_quality_report},
    {"json", NULL, "events as lines of JSON", set_json},
    {"trace", "FILE", "write every SIP message there", set_trace},
    {"help", NULL, "this", set_help},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

void options_help(void)
{
    puts("strowger phone: a SIP phone for terminal and script\n\n"
         "usage: strowger phone --user NUMBER [OPTION...]\n");
    for (size_t i = 0; i < N_OPTIONS; i++)
        printf("  --%s%s%-*s %s\n", options[i].name, options[i].value && options[i].value[0] != '[' ? " " : "",
               (int)(28 - strlen(options[i].name)) - (options[i].value && options[i].value[0] != '[' ? 1 : 0),
               options[i].value ? options[i].value : "", options[i].what);
    puts("\nThen one command a line (help lists them): call 1002, answer, hold, transfer 1003, hangup, quit.\n"
         "Events and commands: doc/phone.md.");
    if (!media_codec_is_there(MEDIA_OPUS))
        puts("This build has no Opus: it found no libopus.");
    if (!media_srtp_is_there())
        puts("This build has no SRTP: it found no libsrtp2.");
}

static const struct option *find(struct slice name)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (slice_eq(name, slice_z(options[i].name)))
            return &options[i];
    return NULL;
}

static enum err fault_unknown(struct options_fault *f, const char *arg, struct slice name)
{
    struct near near = near_to(name);

    for (size_t i = 0; i < N_OPTIONS; i++)
        near_offer(&near, slice_z(options[i].name));
    if (near.best.n)
        (void)snprintf(f->text, sizeof f->text, "there is no option '%s'; did you mean '--%.*s'?", arg, SARG(near.best));
    else
        (void)snprintf(f->text, sizeof f->text, "there is no option '%s'; `strowger phone --help` lists them", arg);
    return ERR_INVALID;
}

static enum err fault_value(struct options_fault *f, const struct option *o, struct slice v)
{
    if (v.n)
        (void)snprintf(f->text, sizeof f->text, "--%s: '%.*s' cannot be; expected: %s (%s)", o->name, SARG(slice_to(v, 200)),
                       o->value ? o->value : "nothing", o->what);
    else
        (void)snprintf(f->text, sizeof f->text, "--%s needs a value: %s", o->name, o->value ? o->value : "none");
    return ERR_INVALID;
}

/* One option at argv[*i]; its value behind '=' or in the next argument, which is then taken too. */
static enum err take(struct phone_options *o, int argc, char **argv, int *i, struct options_fault *fault)
{
    struct slice rest = slice_from(slice_z(argv[*i]), 2), name;
    bool has_value = slice_cut(&rest, '=', &name);
    const struct option *opt = find(name);

    if (!slice_starts(slice_z(argv[*i]), S("--")) || !opt)
        return fault_unknown(fault, argv[*i], name);
    if (!opt->value && has_value)
        return fault_value(fault, opt, rest);
    if (opt->value && opt->value[0] != '[' && !has_value) {
        if (*i + 1 >= argc)
            return fault_value(fault, opt, SLICE_NONE);
        rest = slice_z(argv[++*i]);
    }
    return opt->set(o, rest) ? fault_value(fault, opt, rest) : ERR_OK;
}

enum err options_read(struct phone_options *o, int argc, char **argv, struct options_fault *fault)
{
    enum err e;

    *o = (struct phone_options){0};
    for (int i = 1; i < argc; i++)
        if ((e = take(o, argc, argv, &i, fault)))
            return e;
    if (o->help || o->user.n)
        return ERR_OK;
    (void)snprintf(fault->text, sizeof fault->text, "--user is missing: the number that the phone is, such as 1001");
    return ERR_INVALID;
}
