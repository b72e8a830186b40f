/* within.c - requests inside a leg's dialog: which of them goes where (RFC 3261 §12.2.2, §15.1.2; RFC 6086).
 *
 * Room      ua.
 * In        a request that was matched to a dialog of the leg.
 * Out       its answer, or the file that knows its method. */
#include "ua/ua_priv.h"

static void on_bye(struct leg *leg, const struct stack_in *in)
{
    leg_refuse_pending(leg);
    (void)ua_answer(leg->ua, leg->sh, in->tsx, &(struct ua_answer){.code = 200});
    uas_stop_waiting(leg);
    leg->bye_wanted = false;
    leg_tell_end(leg, &(struct leg_end){.why = LEG_FAR_HUNG_UP, .reason_row = msg_value(in->m, HDR_REASON)});
    leg_settle(leg); /* where it was told before, what it lingered for may be done now */
}

static void on_info(struct leg *leg, const struct stack_in *in)
{
    if (leg->told || (in->m->body.n && !leg->on->info)) {
        ua_refuse(leg->ua, leg->sh, in->tsx, leg->told ? 481 : 415);
        return;
    }
    (void)ua_answer(leg->ua, leg->sh, in->tsx, &(struct ua_answer){.code = 200});
    if (in->m->body.n)
        leg->on->info(leg->arg, leg, msg_value(in->m, HDR_CONTENT_TYPE), in->m->body);
}

static void on_options(struct leg *leg, const struct stack_in *in)
{
    (void)ua_answer(leg->ua, leg->sh, in->tsx,
                    &(struct ua_answer){.code = 200, .rows = S("Accept: application/sdp, message/sipfrag\r\n")});
}

/* Re-INVITE and UPDATE need a call that is not over. */
static bool still_there(struct leg *leg, const struct stack_in *in)
{
    if (!leg->told)
        return true;
    ua_refuse(leg->ua, leg->sh, in->tsx, 481);
    return false;
}

static void dispatch(struct leg *leg, struct dialog *d, const struct stack_in *in)
{
    enum method method = in->m->method_id;

    switch (method) {
    case METHOD_INVITE:
        if (still_there(leg, in))
            offer_on_invite(leg, in);
        break;
    case METHOD_UPDATE:
        if (still_there(leg, in))
            offer_on_update(leg, d, in);
        break;
    case METHOD_BYE:
        on_bye(leg, in);
        break;
    case METHOD_INFO:
        on_info(leg, in);
        break;
    case METHOD_OPTIONS:
        on_options(leg, in);
        break;
    case METHOD_REFER:
        if (still_there(leg, in))
            refer_on_refer(leg, in);
        break;
    case METHOD_NOTIFY:
        refer_on_notify(leg, in);
        break;
    case METHOD_SUBSCRIBE:
        refer_on_subscribe(leg, in);
        break;
    case METHOD_PRACK:
        reliable_on_prack(leg, in);
        break;
    default:
        ua_refuse(leg->ua, leg->sh, in->tsx, method == METHOD_OTHER ? 501 : 405);
        break;
    }
}

/* Of a fork that has lost: its 2xx has been acknowledged and hung up (uac.c), and the call is another dialog's. */
static void stray(struct leg *leg, const struct stack_in *in)
{
    if (in->m->method_id == METHOD_BYE) /* it crosses ours */
        (void)ua_answer(leg->ua, leg->sh, in->tsx, &(struct ua_answer){.code = 200});
    else
        ua_refuse(leg->ua, leg->sh, in->tsx, 481);
}

void within_on_request(struct leg *leg, struct dialog *d, const struct stack_in *in)
{
    struct cseq cseq;

    if (in->m->method_id == METHOD_ACK) {
        uas_on_ack(leg, in->m);
        return;
    }
    if (msg_cseq(in->m, &cseq) || dialog_take_cseq(d, cseq.number)) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 500);
        return;
    }
    if (leg_is_answered(leg) && d != leg->dialog) {
        stray(leg, in);
        return;
    }
    leg_came_by(leg, &in->from);
    if (!ua_judge(leg->ua, leg->sh, in))
        dispatch(leg, d, in);
}
