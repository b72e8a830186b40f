/* options.h - what `strowger serve` is told, by its command line and its configuration file. Part of app/serve. */
#ifndef APP_SERVE_OPTIONS_H
#define APP_SERVE_OPTIONS_H

#include "server/core/core.h"
#include "server/directory/directory.h"
#include "server/voice/voice.h"
#include "sip/transport/transport.h"
#include "sys/log.h"

enum {
    OPTIONS_MAX_LISTEN = 16,
    OPTIONS_MAX_WORKERS = 64,
    OPTIONS_MAX_TEXT = 1024
};

struct serve_options {
    char                    data[OPTIONS_MAX_TEXT];   /* the data folder */
    char                    tls_cert[OPTIONS_MAX_TEXT], tls_key[OPTIONS_MAX_TEXT]; /* PEM files; both empty: one of our own making */
    char                    tls_trust[OPTIONS_MAX_TEXT]; /* PEM file: who vouches for servers that we connect to; empty: whom the system trusts */
    char                    config[OPTIONS_MAX_TEXT]; /* empty: no configuration file */
    char                    realm[DIRECTORY_MAX_REALM + 1];
    struct transport_listen listen[OPTIONS_MAX_LISTEN];
    size_t                  n_listen;
    bool                    default_listen; /* nothing was said: every address, port 5060 */
    bool                    listen_anew, domain_anew; /* the next one begins its list: what comes later wins as a whole */
    char                    domain[DIRECTORY_MAX_DOMAINS][DIRECTORY_MAX_HOST + 1];
    size_t                  n_domains;
    unsigned                workers;        /* 0: as many as cores */
    bool                    open_house;     /* --auth none */
    enum directory_digest   digest;
    uint32_t                register_min_s, register_max_s; /* 0: the registrar's own */
    uint32_t                session_s, session_min_s; /* of calls between phones; 0: they are left to them */
    bool                    may_relay;
    enum dialog_mode        transfer;
    uint16_t                media_port_min, media_port_max; /* 0: the sound room's own */
    char                    music[OPTIONS_MAX_TEXT];        /* a WAV file for who waits; empty: our own tune */
    struct voice_numbers    numbers;
    uint32_t                recall_s;       /* of parked calls; 0: never */
    char                    emergency[OPTIONS_MAX_TEXT]; /* numbers with commas between; empty: the directory's own */
    struct plan_codes       codes;
    enum log_level          log_level;
    bool                    help;
};

/* A sentence for people: what is wrong with the command line or the file, what was expected. */
struct options_fault {
    char text[2048];
};

/* Defaults, then the configuration file (if --config names one), then the command line, which wins.
 * ERR_INVALID: wrong command line (exit status 2); ERR_SYNTAX: wrong configuration file; ERR_IO, ERR_NOTFOUND: it cannot
 * be read. */
enum err serve_options_read(struct serve_options *o, int argc, char **argv, struct options_fault *fault);

/* One setting, by the name that the long option and the file's key share ("listen", "domain", ...). Used by both. */
enum err serve_options_set(struct serve_options *o, const char *key, const char *value, struct options_fault *fault);

/* Only the file again (SIGHUP): into *o, which holds the defaults and what the command line had said. */
enum err serve_options_read_file(struct serve_options *o, const char *path, struct options_fault *fault);

void serve_options_help(void);

#endif
