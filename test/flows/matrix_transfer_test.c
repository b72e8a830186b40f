/* matrix_transfer_test.c - bad luck in transfers that the exchange executes, since the transferee A refuses the REFER (PROTOCOL §6),
 * and in those whose target still rings (7.2). See kit/matrix.h. */
#include "app/phone/phone.h"
#include "kit/matrix.h"

enum { A = MATRIX_A, B = MATRIX_B, C = MATRIX_C, NOBODY = MATRIX_NOBODY };

#define A_AND_B_TALK {A, "call b", B, "incoming"}, {B, "answer", B, "confirmed"}
#define B_ASKS_C {B, "attend c", C, "incoming"}, {C, "answer", C, "confirmed"}
#define C_ANSWERS {C, "answer", C, "confirmed"}

static const struct matrix_script scripts[] = {
    {.name = "blind", .refuses = {603}, .move = {A_AND_B_TALK, {B, "transfer c", C, "incoming"}, C_ANSWERS, {C, "hangup", A, "ended"}}},
    {.name = "blind, silence",
     .refuses = {PHONE_REFER_SILENT},
     .move = {A_AND_B_TALK, {B, "transfer c", C, "incoming"}, C_ANSWERS, {A, "hangup", C, "ended"}}},
    {.name = "held, and rung for long",
     .refuses = {PHONE_REFER_UNLISTED},
     .move = {A_AND_B_TALK,
              {B, "hold", B, "on-hold"},
              {B, "transfer c", C, "incoming"},
              {A, NULL, A, "hears 425"},
              C_ANSWERS,
              {C, "hangup", A, "ended"}}},
    {.name = "the target refuses",
     .refuses = {405},
     .move = {A_AND_B_TALK,
              {B, "transfer c", C, "incoming"},
              {C, "reject", B, "incoming"},
              {B, "answer", B, "confirmed"},
              {B, "hangup", A, "ended"}}},
    {.name = "attended",
     .refuses = {420},
     .move = {A_AND_B_TALK, B_ASKS_C, {B, "complete", C, "confirmed"}, {C, "hangup", A, "ended"}}},
    {.name = "hold, then on to another",
     .refuses = {481},
     .move = {A_AND_B_TALK,
              {B, "transfer c", C, "incoming"},
              C_ANSWERS,
              {C, "hold", C, "on-hold"},
              {C, "resume", C, "off-hold"},
              {C, "transfer b", B, "incoming"},
              {B, "answer", B, "confirmed"},
              {A, "hangup", B, "ended"}}},
    {.name = "semi-attended",
     .move = {A_AND_B_TALK,
              {B, "attend c", C, "incoming"},
              {B, NULL, B, "ringing"},
              {B, "complete", C, "incoming"},
              C_ANSWERS,
              {C, "hangup", A, "ended"}}},
    {.name = "semi-attended, executed",
     .refuses = {501},
     .move = {A_AND_B_TALK,
              {B, "attend c", C, "incoming"},
              {B, NULL, B, "ringing"},
              {B, "complete", C, "incoming"},
              C_ANSWERS,
              {C, "hangup", A, "ended"}}},
};

int main(int argc, char **argv)
{
    return matrix_main(argc, argv, scripts, sizeof scripts / sizeof scripts[0]);
}
