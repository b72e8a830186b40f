/* options.c - the command line of `strowger flow`.
 *
 * Room      app/flow. Says on stderr what is wrong, and what is possible. */
#include <stdio.h>
#include <string.h>

#include "app/flow/flow_priv.h"
#include "base/near.h"

void flow_options_help(void)
{
    fputs("usage: strowger flow FILE [--format text|svg|html|json] [--check FLOW] [--story N] [--pcap OUT] [-o FILE]\n"
          "       strowger flow --live [--data FOLDER] [...]\n"
          "\n"
          "Draws the calls in a capture (pcap or pcapng, as tcpdump writes it) as ladders, and says what went wrong.\n"
          "\n"
          "  --live         what a running exchange has recorded so far, with its reasons\n"
          "  --data FOLDER  that exchange's data (default: $XDG_DATA_HOME/strowger)\n"
          "  --format F     text (default), json, svg (one story), html (one page with all)\n"
          "  --check FLOW   does the capture meet this call flow? FLOW is a file, or one of the built-in names\n"
          "                 (`strowger flow --list`). Ends with 0 when it is met, else with 1, and names the first\n"
          "                 step that is missing and what came instead\n"
          "  --story N      only the N-th story\n"
          "  --pcap OUT     also write the SIP messages (of the stories drawn) to a capture of their own\n"
          "  -o FILE        write there instead of to standard output\n"
          "  --list         the built-in flows\n",
          stdout);
}

static enum err wrong(const char *what, const char *which)
{
    fprintf(stderr, "strowger flow: %s%s%s\nstrowger flow --help says what is possible\n", what, which ? " " : "",
            which ? which : "");
    return ERR_INVALID;
}

static enum err read_format(const char *text, enum flow_format *out)
{
    static const char *const names[] = {"text", "svg", "html", "json"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(text, names[i])) {
            *out = (enum flow_format)i;
            return ERR_OK;
        }
    }
    return wrong("--format takes text, svg, html or json, not", text);
}

static enum err read_story(const char *text, size_t *out)
{
    uint32_t n;

    if (slice_u32(slice_z(text), &n) || !n)
        return wrong("--story takes a number from 1, not", text);
    *out = n;
    return ERR_OK;
}

static enum err read_value(const char *name, const char *value, struct flow_options *out)
{
    if (!value)
        return wrong("there is no value behind", name);
    if (!strcmp(name, "--format"))
        return read_format(value, &out->format);
    if (!strcmp(name, "--story"))
        return read_story(value, &out->story);
    if (!strcmp(name, "--check"))
        out->check = value;
    else if (!strcmp(name, "--pcap"))
        out->pcap = value;
    else if (!strcmp(name, "--data"))
        out->data = value;
    else
        out->out = value;
    return ERR_OK;
}

static const char *const with_value[] = {"--format", "--check", "--story", "--pcap", "--data", "-o"};
static const char *const alone[] = {"--help", "--list", "--live"};
#define N_WITH_VALUE (sizeof with_value / sizeof *with_value)
#define N_ALONE (sizeof alone / sizeof *alone)

static bool takes_value(const char *name)
{
    for (size_t i = 0; i < N_WITH_VALUE; i++)
        if (!strcmp(name, with_value[i]))
            return true;
    return false;
}

static enum err unknown(const char *option)
{
    struct near near = near_to(slice_z(option));

    for (size_t i = 0; i < N_WITH_VALUE; i++)
        near_offer(&near, slice_z(with_value[i]));
    for (size_t i = 0; i < N_ALONE; i++)
        near_offer(&near, slice_z(alone[i]));
    if (!near.best.n)
        return wrong("there is no option", option);
    fprintf(stderr, "strowger flow: there is no option %s; did you mean %.*s?\n", option, SARG(near.best));
    return ERR_INVALID;
}

/* "--format=json" is "--format" "json". */
static bool split(char *arg, const char **value)
{
    char *equals = strchr(arg, '=');

    if (strncmp(arg, "--", 2) != 0 || !equals)
        return false;
    *equals = 0;
    *value = equals + 1;
    return true;
}

static enum err read_word(const char *word, struct flow_options *out)
{
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        out->help = true;
    else if (!strcmp(word, "--list"))
        out->list = true;
    else if (!strcmp(word, "--live"))
        out->live = true;
    else if (word[0] == '-')
        return unknown(word);
    else if (out->file)
        return wrong("one capture at a time; and there is", word);
    else
        out->file = word;
    return ERR_OK;
}

enum err flow_options_read(int argc, char **argv, struct flow_options *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = NULL;
        bool        joined = split(argv[i], &value);
        enum err    e;

        if (takes_value(name) && !joined && i + 1 < argc)
            value = argv[++i];
        e = takes_value(name) ? read_value(name, value, out) : read_word(name, out);
        if (e)
            return e;
    }
    if (out->help || out->list)
        return ERR_OK;
    if (out->file && (out->live || out->data))
        return wrong("either a running exchange (--live --data FOLDER) or a capture, not also", out->file);
    if (out->data && !out->live)
        return wrong("--data FOLDER goes with --live", NULL);
    if (!out->file && !out->live)
        return wrong("which capture? strowger flow FILE.pcap; or strowger flow --live for a running exchange", NULL);
    return ERR_OK;
}
