/* directory.h - who may use the exchange: users, their secrets and settings, and the names it answers to.
 *
 * Readers see an immutable *view*: directory_take() gives the newest one, directory_give() gives it back when the message
 * is dealt with. Everything found in a view lives until then. Taking and giving never wait and are free of races: index
 * of the view and count of takes are one 64-bit word, so one atomic add both finds the view and counts the reader
 * (view.c says how it is freed). A thread may hold several views.
 *
 * Acts (add, set, remove, import) are for administration: they wait for the commit, so never call them from a worker.
 * They are checked, then stored (STORE_PROMISE), then visible; when the commit fails nothing has changed. Their fault is
 * a sentence for people. */
#ifndef SERVER_DIRECTORY_DIRECTORY_H
#define SERVER_DIRECTORY_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/digester.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"
#include "server/plan/plan.h"
#include "server/store/store.h"

#define DIRECTORY_MAX_USERS 1000000
#define DIRECTORY_MAX_NUMBER 64          /* octets */
#define DIRECTORY_MAX_NAME 128
#define DIRECTORY_MAX_AUTH_NAME 64
#define DIRECTORY_MAX_PASSWORD 128
#define DIRECTORY_MAX_TRUNKS PLAN_MAX_TRUNKS
#define DIRECTORY_MAX_TRUNK_NAME 32      /* octets */
#define DIRECTORY_MAX_TRUNK_VALUE 1024   /* of one setting of a trunk */
#define DIRECTORY_MAX_TRUNK_SETTINGS 4096 /* of all of them */
#define DIRECTORY_MAX_SOURCES 16         /* addresses of a trunk */
#define DIRECTORY_EMERGENCY "112,911"    /* numbers that are never refused, unless the conf says otherwise */
#define DIRECTORY_MAX_VALUE 256          /* of one setting */
#define DIRECTORY_MAX_SETTINGS 2048      /* octets of all settings of a user */
#define DIRECTORY_MAX_REALM 128
#define DIRECTORY_MAX_DOMAINS 64         /* configured */
#define DIRECTORY_MAX_LATER 1024         /* acts that wait for the thread */
#define DIRECTORY_MAX_LEARNED 64         /* learned from phones, when none is configured */
#define DIRECTORY_MAX_HOST 255
#define DIRECTORY_MAX_IMPORT (32u << 20) /* octets of a CSV file */
#define DIRECTORY_PASSWORD_LETTERS 16    /* of a generated one: 93 bits */

struct directory;
struct directory_view;

enum directory_digest { DIRECTORY_DIGEST_AUTO, DIRECTORY_DIGEST_MD5, DIRECTORY_DIGEST_SHA256, DIRECTORY_DIGEST_BOTH };

struct directory_user {
    struct slice          number, name, auth_name;
    struct slice          ha1_md5, ha1_sha256; /* lower-case hex (32, 64 octets) for the exchange's realm; empty: no password */
    enum directory_digest digest;              /* PROTOCOL 1.1 */
    enum plan_redirect    redirect;            /* what happens to a 3xx of this user's phone */
    struct slice          settings;            /* "key=value\n" lines in key order: use directory_setting() */
    bool                  is_group;            /* a ring group: a number with members, which no phone can be */
    int64_t               made_ms;
};

/* A sentence for people, such as: user 1001 is there already (Alice). */
struct directory_fault {
    char text[480]; /* NUL-terminated */
};

struct directory_conf {
    struct store          *store;
    struct mem            *mem;       /* safe for all threads that take part */
    struct random         *random;    /* passwords, hash keys */
    const struct digester *digester;  /* HA1; must be safe for all threads that act */
    struct slice           realm;
    const struct slice    *domains;   /* what it is responsible for; none: any name that a registered phone uses for it */
    size_t                 n_domains;
    const struct slice    *own_hosts; /* its own addresses and names, always ours */
    size_t                 n_own_hosts;
    const struct plan_codes *codes;   /* NULL: plan's defaults */
    struct slice           emergency; /* numbers that are never refused, with commas between; copied by nobody: it must outlive
                                         the directory. Empty: DIRECTORY_EMERGENCY */
    bool                   later_thread; /* directory_set_later() has a thread of its own */
    bool                   open_house; /* --auth none: any number is a user, nobody is challenged */
};

/* Loads the users from the store. ERR_NOMEM, ERR_IO (store damaged), ERR_LIMIT; fault says which. */
enum err directory_open(struct directory **out, const struct directory_conf *conf, struct directory_fault *fault);
/* No view may be held; takes NULL. What directory_set_later() was asked for is done first. */
void directory_close(struct directory *d);

/* A new list of domains and own hosts, after the configuration was read again. Slices are copied. */
enum err directory_set_domains(struct directory *d, const struct directory_conf *conf);

/* ---- views ---- */
const struct directory_view *directory_take(struct directory *d); /* never NULL */
void directory_give(const struct directory_view *v);              /* takes NULL */

/* NULL when unknown. Number and auth name are compared octet by octet. */
const struct directory_user *directory_user(const struct directory_view *v, struct slice number);
const struct directory_user *directory_user_by_auth(const struct directory_view *v, struct slice auth_name);
/* A user that does not exist, with a secret that nobody knows: check an unknown name's digest against it, so that time
 * does not tell (it is the same object for every name). */
const struct directory_user *directory_decoy(const struct directory_view *v);

bool directory_open_house(const struct directory_view *v);
struct slice directory_realm(const struct directory_view *v);
/* Is a host (name, address; IPv6 with or without brackets; any case; a final dot) one of ours? */
bool directory_host_is_ours(const struct directory_view *v, struct slice host);
/* Or would be, once somebody has registered at it: directory_learn_host(). */
bool directory_host_may_be_ours(const struct directory_view *v, struct slice host);
/* The value of a user's setting; SLICE_NONE when it is not set. */
struct slice directory_setting(const struct directory_user *u, struct slice key);
/* Of every group that the user is a member of: its number, and its other members. Looks at all users
 * when there are groups. `each` returns false to stop. */
void directory_each_colleague(const struct directory_view *v, struct slice number, bool (*each)(void *arg, struct slice number), void *arg);
/* The code that begins what was dialled, unless that is the number of a user or group (plan_code_find()). */
enum plan_code directory_code(const struct directory_view *v, struct slice dialled, struct slice *rest);
/* Fill what plan wants to know about a number. In an open house every number is known. */
void directory_plan_facts(const struct directory_view *v, struct slice number, struct plan_callee *out);

/* Is that a number that nobody may be refused? */
bool directory_is_emergency(const struct directory_view *v, struct slice number);
/* The first of them: what is called for help that names no number (plan_is_sos()). */
struct slice directory_emergency(const struct directory_view *v);

/* ---- trunks: other exchanges that calls go out to and come in from ---- */

/* Addresses that a trunk's requests come from: those that begin with the first `bits` of this one. */
struct directory_source {
    struct addr addr; /* port 0: any */
    uint8_t     bits;
};

struct directory_trunk {
    struct slice name;
    struct slice server;      /* sip:HOST[:PORT][;transport=tcp or tls]: calls go there */
    bool         registers;   /* we register with it, as `user` */
    struct slice user, auth_name, password; /* password empty: its challenges cannot be answered */
    struct slice domain;      /* in From, and of the account; unless set, the server's host */
    struct slice number;      /* in From of calls out, where caller_id does not fit; unless set, the user */
    struct slice caller_id;   /* dial rules: what of a user's number is shown */
    struct slice dial, did;   /* dial rules: out and in */
    bool         emergency;   /* takes emergency calls */
    bool         trusted;     /* who calls is believed, and told, as RFC 3325 has it between trusted servers */
    uint16_t     preference;  /* the lower goes first */
    uint16_t     qualify_s;   /* asked by OPTIONS so often; 0: never */
    struct directory_source source[DIRECTORY_MAX_SOURCES]; /* the addresses that were given, and the server's where that is one */
    size_t       n_sources;
    struct slice settings;    /* "key=value\n" lines in key order, without the password */
    uint64_t     version;     /* another one whenever it has been set */
};

/* All of them, by name; of the view. */
size_t directory_trunks(const struct directory_view *v, const struct directory_trunk **out);
/* Fill what plan wants to know of one; whether it is down the caller knows. */
void directory_plan_trunk(const struct directory_trunk *t, struct plan_trunk *out);
const struct directory_trunk *directory_trunk(const struct directory_view *v, struct slice name); /* NULL: there is none */

struct directory_counts {
    size_t users, groups, without_secret; /* without one for this realm: they cannot register */
};
void directory_counts(const struct directory_view *v, struct directory_counts *out);

/* Every user, by number (shorter numbers first, then by octets). `each` returns false to stop. ERR_NOMEM. */
enum err directory_each(const struct directory_view *v, bool (*each)(void *arg, const struct directory_user *u), void *arg);

/* ---- the names of the exchange ---- */
/* A phone has registered using this host for us. When no domain is configured it is ours from now on, also after a
 * restart; else nothing happens. From any thread, never waits for the disk. ERR_FULL after DIRECTORY_MAX_LEARNED,
 * ERR_DENIED when domains are configured and it is none of them. */
enum err directory_learn_host(struct directory *d, struct slice host);

/* ---- acts ---- */
/* Keys: name, auth-name, password, digest (auto|md5|sha-256|both), redirect (pass|follow), dnd (on|off),
 * forward.always, forward.busy, forward.noanswer, forward.unregistered (a number or SIP URI), forward.noanswer_s (seconds,
 * 5-180), anonymous.reject (on|off), intercom (on|off), barred (numbers that this user may not call, with commas between; one that ends in *
 * stands for all that begin so), ring.internal, ring.external, ring.forwarded (an Alert-Info value). Of a ring group: name, group.members (numbers with commas between, PLAN_MAX_MEMBERS at most), group.how
 * (all|turn|idle), group.ring_s (seconds, 5-180), and the forwards and dnd. An empty value takes a setting away. forward.no-answer and forward.after, as the last two were called once, are
 * understood. */
struct directory_pair {
    struct slice key, value;
};

/* Errors of all acts: ERR_EXISTS, ERR_NOTFOUND, ERR_SYNTAX (bad characters), ERR_INVALID (key or value; the nearest key is
 * named), ERR_LIMIT, ERR_NOMEM, ERR_IO, ERR_BUSY (too many old views are held). `who` is for the audit ("socket"). */

struct directory_act {
    struct slice                 number;
    const struct directory_pair *pairs; /* what is to be set */
    size_t                       n_pairs;
    struct slice                 who;
    int64_t                      now_ms;
};

/* Tell somebody each time that a user has come, changed or gone, after that is visible; number empty: several of them. On
 * the acting thread, which holds the acts' lock: be quick, and act on nothing. One watcher; set it before the first act. */
typedef void directory_changed(void *ctx, struct slice number);
void directory_watch(struct directory *d, directory_changed *changed, void *ctx);

/* With group.members it is a ring group, and stays one: no password. Otherwise without a password pair one is made. `password` gets what the user's password is (given or made); it may be NULL. */
enum err directory_add(struct directory *d, const struct directory_act *act, struct buf *password, struct directory_fault *fault);
enum err directory_set(struct directory *d, const struct directory_act *act, struct directory_fault *fault);
/* The same for workers, which may not wait: everything is copied, a thread of the directory's does it (without
 * conf.later_thread it is done before this returns), in the order in which it was asked for. `done` is called on that thread,
 * once, and must be quick. ERR_NOMEM, ERR_FULL (DIRECTORY_MAX_LATER wait): then it is not called. */
typedef void directory_done(void *arg, enum err e, const struct directory_fault *fault);
enum err directory_set_later(struct directory *d, const struct directory_act *act, directory_done *done, void *arg);
/* What waits is done now, and from now on it is done before directory_set_later() returns: before those go who wait for a
 * `done`, or watch. No worker may run any more. Takes NULL. */
void directory_quiet(struct directory *d);
enum err directory_remove(struct directory *d, const struct directory_act *act, struct directory_fault *fault); /* no pairs */

/* The same for trunks, whose name stands in act->number: letters, digits and - _. Keys: server (needed), register (on|off),
 * user, auth-name, password, domain, main-number, caller-id, dial, did, address (addresses, with /BITS or :PORT, and commas
 * between), emergency (on|off), trusted (on|off), preference (1-999, unless set 100), qualify_s (0, 5-3600; unless set 30).
 * The watcher is not told. A password is sealed with the store's key. */
enum err directory_trunk_add(struct directory *d, const struct directory_act *act, struct directory_fault *fault);
enum err directory_trunk_set(struct directory *d, const struct directory_act *act, struct directory_fault *fault);
enum err directory_trunk_remove(struct directory *d, const struct directory_act *act, struct directory_fault *fault);

/* CSV (RFC 4180) with a first row of column names: number and any keys above, ha1-md5, ha1-sha256, realm. A number that
 * is there already is changed, others are added. All rows or none; the fault names the line. A new user without password
 * and HA1 gets one, told by `made` (may be NULL). */
struct directory_import {
    struct slice csv;
    struct slice who;
    int64_t      now_ms;
    void (*made)(void *arg, struct slice number, struct slice password);
    void  *arg;
    size_t added, changed; /* results */
};
enum err directory_import(struct directory *d, struct directory_import *im, struct directory_fault *fault);

/* The same format. `secrets` adds the HA1 columns, which are as good as passwords. */
enum err directory_export(const struct directory_view *v, bool secrets, void (*put)(void *arg, struct slice text), void *arg);

/* A password of DIRECTORY_PASSWORD_LETTERS letters and digits, none of which looks like another. */
void directory_make_password(struct random *r, struct buf *out);

#endif
