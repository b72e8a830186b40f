/* command.c - what a person types: one line, one deed.
 *
 * Room      app/phone.
 * Out       calls; event "error" where a line cannot be carried out, "status" and "help" where it asks. */
#include "app/phone/phone_priv.h"

struct command {
    const char *name, *argument, *what;
    enum err (*run)(struct phone *p, struct slice argument);
};

/* ---- which call is meant ---- */

typedef bool fits(const struct call *c);

static bool is_incoming(const struct call *c) { return call_state(c) == CALL_INCOMING; }
static bool is_talking(const struct call *c) { return call_state(c) == CALL_TALKING; }
static bool is_alive(const struct call *c) { return call_state(c) != CALL_OVER; }
static bool is_on_hold(const struct call *c) { return is_talking(c) && call_is_on_hold(c); }
static bool is_off_hold(const struct call *c) { return is_talking(c) && !call_is_on_hold(c); }
static bool is_early_on_hold(const struct call *c) { return is_alive(c) && !is_talking(c) && call_is_on_hold(c); }
static bool is_early_off_hold(const struct call *c) { return is_alive(c) && !is_talking(c) && !call_is_on_hold(c); }

/* By its number; without one the current call, or else the newest that fits. NULL. */
static struct call *pick(struct phone *p, struct slice number, fits *f)
{
    struct call *c, *best = NULL;
    uint32_t n = p->current;

    if (number.n && slice_u32(number, &n))
        return NULL;
    c = calls_find(p->calls, n);
    if (c && f(c))
        return c;
    if (number.n)
        return NULL;
    for (c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        if (f(c))
            best = c;
    return best;
}

/* ---- whom ---- */

/* "1002", "1002@example.com", "sip:1002@example.com;user=phone" as a URI. */
enum err phone_put_target(const struct phone *p, struct slice who, struct buf *b)
{
    struct uri u;

    if (!who.n || slice_find_any(who, S(" \t<>\"")) != SIZE_MAX)
        return ERR_SYNTAX;
    if (slice_istarts(who, S("sip:")) || slice_istarts(who, S("sips:")) || slice_istarts(who, S("tel:"))) {
        buf_put(b, who);
    } else if (slice_find(who, '@') != SIZE_MAX) {
        buf_puts(b, S("sip:"), who);
    } else {
        buf_put(b, S("sip:"));
        uri_put_escaped_user(b, who);
        buf_puts(b, S("@"), p->domain);
    }
    if (buf_err(b))
        return ERR_LIMIT;
    return uri_parse(buf_slice(b), &u, NULL);
}

/* ---- deeds ---- */

static enum err do_call(struct phone *p, struct slice who)
{
    char room[CALL_MAX_TEXT_OCTETS];
    struct buf b = BUF_ON(room);
    struct phone_event e;
    struct call *c;
    enum err err = phone_put_target(p, who, &b);

    if (err || (err = phone_dial(p, &(struct phone_dial){.target = buf_slice(&b)}, &c)))
        return err;
    event_begin(&e, "calling", c);
    event_text(&e, "to", buf_slice(&b));
    event_tell(p, &e);
    return ERR_OK;
}

static enum err do_answer(struct phone *p, struct slice number)
{
    struct call *c = pick(p, number, is_incoming);

    return c ? lines_take(p, c) : ERR_NOTFOUND;
}

static enum err do_reject(struct phone *p, struct slice argument)
{
    struct call *c = pick(p, SLICE_NONE, is_incoming);
    uint32_t code = 486;

    if (argument.n && (slice_u32(argument, &code) || code < 400 || code > 699))
        return ERR_SYNTAX;
    return c ? call_reject(c, code, SLICE_NONE) : ERR_NOTFOUND;
}

static enum err do_deflect(struct phone *p, struct slice who)
{
    char room[CALL_MAX_TEXT_OCTETS];
    struct buf b = BUF_ON(room);
    struct call *c = pick(p, SLICE_NONE, is_incoming);
    enum err e = phone_put_target(p, who, &b);

    if (e)
        return e;
    return c ? call_reject(c, 302, buf_slice(&b)) : ERR_NOTFOUND;
}

static enum err do_hangup(struct phone *p, struct slice number)
{
    struct call *c = pick(p, number, is_alive);

    return c ? call_hang_up(c) : ERR_NOTFOUND;
}

static enum err do_hold(struct phone *p, struct slice number)
{
    struct call *c = pick(p, number, is_off_hold);

    if (!c && p->config.update)
        c = pick(p, number, is_early_off_hold);
    return c ? call_hold(c) : ERR_NOTFOUND;
}

static enum err do_resume(struct phone *p, struct slice number)
{
    struct call *c = pick(p, number, is_on_hold);

    if (!c && (c = pick(p, number, is_early_on_hold)))
        return call_resume(c);
    return c ? lines_take(p, c) : ERR_NOTFOUND;
}

static enum err do_transfer(struct phone *p, struct slice who)
{
    char room[CALL_MAX_TEXT_OCTETS];
    struct buf b = BUF_ON(room);
    struct call *c = pick(p, SLICE_NONE, is_talking);
    enum err e = phone_put_target(p, who, &b);

    if (e)
        return e;
    return c ? call_transfer(c, buf_slice(&b)) : ERR_NOTFOUND;
}

static enum err do_dtmf(struct phone *p, struct slice digits)
{
    struct call *c = pick(p, SLICE_NONE, is_talking);

    if (!digits.n)
        return ERR_SYNTAX;
    return c ? call_send_digits(c, digits) : ERR_NOTFOUND;
}

/* A path for the system: NUL-terminated, in `room`. */
static const char *path_of(struct slice s, char *room, size_t cap)
{
    struct buf b;

    buf_init(&b, room, cap);
    buf_put(&b, s);
    buf_putc(&b, 0);
    return buf_err(&b) || slice_find(s, 0) != SIZE_MAX ? NULL : room;
}

static enum err do_play(struct phone *p, struct slice file)
{
    struct call *c = pick(p, SLICE_NONE, is_alive);
    char room[PHONE_MAX_LINE];
    const char *path = path_of(file, room, sizeof room);

    if (!path)
        return ERR_SYNTAX;
    return c ? call_play(c, file.n ? path : NULL) : ERR_NOTFOUND;
}

static enum err do_record(struct phone *p, struct slice file)
{
    struct call *c = pick(p, SLICE_NONE, is_alive);
    char room[PHONE_MAX_LINE];
    const char *path = path_of(file, room, sizeof room);

    if (!path)
        return ERR_SYNTAX;
    return c ? call_record(c, file.n ? path : NULL) : ERR_NOTFOUND;
}

static enum err do_tone(struct phone *p, struct slice hz)
{
    struct call *c = pick(p, SLICE_NONE, is_alive);
    uint16_t n;

    if (slice_u16(hz, &n) || n >= 4000)
        return ERR_SYNTAX;
    return c ? call_play_tone(c, n) : ERR_NOTFOUND;
}

static enum err do_line(struct phone *p, struct slice number)
{
    uint32_t n;
    struct call *c;

    if (slice_u32(number, &n))
        return ERR_SYNTAX;
    c = calls_find(p->calls, n);
    if (!c || call_state(c) == CALL_OVER)
        return ERR_NOTFOUND;
    p->current = n;
    return is_incoming(c) || is_on_hold(c) ? lines_take(p, c) : ERR_OK;
}

static enum err do_swap(struct phone *p, struct slice argument)
{
    (void)argument;
    return lines_swap(p);
}

static enum err do_conference(struct phone *p, struct slice argument)
{
    (void)argument;
    return lines_conference(p);
}

static enum err do_split(struct phone *p, struct slice argument)
{
    (void)argument;
    return lines_split(p);
}

static enum err do_complete(struct phone *p, struct slice argument)
{
    (void)argument;
    return lines_complete(p);
}

static void put_call_json(struct buf *b, const struct call *c)
{
    buf_put(b, S("{\"call\":"));
    buf_putu(b, call_number(c));
    buf_put(b, S(",\"state\":"));
    json_put_text(b, call_state_name(call_state(c)));
    buf_put(b, S(",\"out\":"));
    buf_put(b, call_is_out(c) ? S("true") : S("false"));
    buf_put(b, S(",\"peer\":"));
    json_put_text(b, call_peer(c));
    buf_puts(b, S(",\"held\":"), call_is_held(c) ? S("true") : S("false"), S(",\"on_hold\":"),
             call_is_on_hold(c) ? S("true") : S("false"), S(",\"joined\":"), call_is_joined(c) ? S("true") : S("false"),
             S(",\"srtp\":"), call_srtp(c).n ? S("true") : S("false"), S(",\"call_id\":"));
    json_put_text(b, call_id_text(c));
    buf_putc(b, '}');
}

static void put_call_words(struct buf *b, const struct phone *p, const struct call *c)
{
    buf_puts(b, S("\n "), call_number(c) == p->current ? S("*") : S(" "));
    buf_putu(b, call_number(c));
    buf_puts(b, S(" "), call_state_name(call_state(c)), call_is_out(c) ? S(" to ") : S(" from "), call_peer(c),
             call_is_on_hold(c) ? S(", on hold") : SLICE_NONE, call_is_joined(c) ? S(", in conference") : SLICE_NONE, call_is_held(c) ? S(", held") : SLICE_NONE);
}

static enum err do_status(struct phone *p, struct slice argument)
{
    char json_room[8192], words_room[8192];
    struct buf json = BUF_ON(json_room), words = BUF_ON(words_room);
    struct phone_event e;

    (void)argument;
    buf_puts(&words, ua_account_aor(p->account), p->registered ? S(", registered") : S(", not registered"));
    settings_put_words(&words, p);
    buf_putc(&json, '[');
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        if (call_state(c) == CALL_OVER)
            continue;
        if (json.n > 1)
            buf_putc(&json, ',');
        put_call_json(&json, c);
        put_call_words(&words, p, c);
    }
    buf_putc(&json, ']');
    event_begin(&e, "status", NULL);
    event_text(&e, "aor", ua_account_aor(p->account));
    event_bool(&e, "registered", p->registered);
    settings_put_fields(&e, p);
    event_number(&e, "current", p->current);
    event_json(&e, "calls", json.overflow ? S("[]") : buf_slice(&json));
    event_text(&e, "text", buf_slice(&words));
    event_tell(p, &e);
    return ERR_OK;
}

static enum err do_quality(struct phone *p, struct slice number)
{
    struct call *c = pick(p, number, is_alive);
    struct media_quality here, there;

    return c && call_quality(c, &here, &there) && phone_tell_quality(p, c, &here, &there) ? ERR_OK : ERR_NOTFOUND;
}

static enum err do_help(struct phone *p, struct slice argument)
{
    char room[4096];
    struct buf b = BUF_ON(room);
    struct phone_event e;

    (void)argument;
    phone_put_help(&b);
    event_begin(&e, "help", NULL);
    event_text(&e, "text", slice_trim(buf_slice(&b)));
    event_tell(p, &e);
    return ERR_OK;
}

static enum err do_quit(struct phone *p, struct slice argument)
{
    (void)argument;
    phone_quit(p);
    return ERR_OK;
}

static const struct command commands[] = {
    {"call", "TARGET", "call a number, user@host or URI", do_call},
    {"answer", "[N]", "answer the call that rings", do_answer},
    {"reject", "[CODE]", "refuse the call that rings (486)", do_reject},
    {"deflect", "TARGET", "send the caller elsewhere (302)", do_deflect},
    {"hangup", "[N]", "end the call", do_hangup},
    {"hold", "[N]", "put the other end on hold", do_hold},
    {"resume", "[N]", "take it back", do_resume},
    {"transfer", "TARGET", "connect the other end to somebody else, and leave", do_transfer},
    {"dtmf", "DIGITS", "press keys: 0-9 * # A-D", do_dtmf},
    {"play", "[FILE]", "say a WAV; without FILE the tone again", do_play},
    {"record", "[FILE]", "write what is heard to a WAV; without FILE stop", do_record},
    {"tone", "HZ", "say a tone; 0: silence", do_tone},
    {"line", "N", "go to call N: answer it, or take it back; what talks is put on hold", do_line},
    {"swap", "", "talk with the other call, and put this one on hold", do_swap},
    {"attend", "TARGET", "put the other end on hold and ask somebody about it", lines_attend},
    {"complete", "", "connect the two that are asked and asked about, and leave", do_complete},
    {"conference", "", "bring all calls together, those on hold too", do_conference},
    {"split", "", "end that: the current call goes on, the others are put on hold", do_split},
    {"dnd", "on|off", "be busy for everybody (486)", settings_dnd},
    {"waiting", "on|off", "let a second call ring while one talks; off: 486", settings_waiting},
    {"forward", "always TARGET | busy TARGET | noanswer SECONDS TARGET | KIND off | off", "send calls elsewhere (302)", settings_forward},
    {"quality", "[N]", "how both ends of the call hear each other", do_quality},
    {"status", "", "what goes on", do_status},
    {"help", "", "this list", do_help},
    {"quit", "", "hang up, unregister, leave", do_quit},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* ---- lines ---- */

const char *phone_command_name(size_t i)
{
    return i < N_COMMANDS ? commands[i].name : NULL;
}

void phone_put_help(struct buf *b)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t from = b->n;
        buf_puts(b, S("  "), slice_z(commands[i].name), S(" "), slice_z(commands[i].argument));
        while (b->n < from + 20 && !b->overflow)
            buf_putc(b, ' ');
        buf_puts(b, slice_z(commands[i].what), S("\n"));
    }
}

static const struct command *find(struct slice name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (slice_eq(name, slice_z(commands[i].name)))
            return &commands[i];
    return NULL;
}

static void tell_error(struct phone *p, struct slice line, const struct command *cmd, enum err err)
{
    char room[2 * PHONE_MAX_LINE];
    struct buf b = BUF_ON(room);
    struct phone_event e;

    if (!cmd)
        buf_put(&b, S("no such command; help lists them"));
    else if (err == ERR_SYNTAX)
        buf_puts(&b, S("usage: "), slice_z(cmd->name), S(" "), slice_z(cmd->argument));
    else if (err == ERR_NOTFOUND && cmd->run != do_play)
        buf_puts(&b, S("there is no call to "), slice_z(cmd->name));
    else
        buf_puts(&b, slice_z(cmd->name), S(": "), slice_z(err_text(err)));
    event_begin(&e, "error", NULL);
    event_text(&e, "command", line);
    event_text(&e, "text", buf_slice(&b));
    event_tell(p, &e);
}

enum err phone_command(struct phone *p, struct slice line)
{
    struct slice rest = slice_trim(line), name;
    const struct command *cmd;
    enum err e = ERR_SYNTAX;

    if (!rest.n)
        return ERR_OK;
    line = rest;
    slice_cut(&rest, ' ', &name);
    rest = slice_trim(rest);
    cmd = line.n <= PHONE_MAX_LINE ? find(name) : NULL;
    if (cmd)
        e = cmd->argument[0] || !rest.n ? cmd->run(p, rest) : ERR_SYNTAX;
    if (e)
        tell_error(p, slice_to(line, PHONE_MAX_LINE), cmd, e);
    return e;
}
