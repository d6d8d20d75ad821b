// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Text that came from outside: is it UTF-8, may it reach a terminal. Private header.
*/
#ifndef UNBRAID_DICTIONARY_TEXT_H
#define UNBRAID_DICTIONARY_TEXT_H

#include "unbraid/status.h"

/**
   Whether free text (a licence, an origin) is usable: at most UB_DICTIONARY_MAX_TEXT bytes of
   UTF-8, no control characters but tab and newline.
   @param what  Names the text in the message.
   @return UB_OK or UB_BAD_VALUE.
*/
ub_status ub_text_check(const char *text, const char *what, ub_message *why);

/** Put '?' for what is not UTF-8 or is a control character: a message may quote a file, and a
    cut may have split a character. NULL is fine. */
void ub_text_make_printable(ub_message *message);

/** The same of any text. */
void ub_text_clean(char *text);

#endif
