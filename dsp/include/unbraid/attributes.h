// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Marks on declarations.

   UB_API        exported from the shared library.
   UB_MUST_USE   a status that nobody looks at is a bug.
   UB_RT         may be called from an audio thread: no allocation, lock, file, print or thread
                 inside, and bounded time. Everything without the mark is not.
*/
#ifndef UNBRAID_ATTRIBUTES_H
#define UNBRAID_ATTRIBUTES_H

#if defined(__GNUC__)
#define UB_API __attribute__((visibility("default")))
#define UB_MUST_USE __attribute__((warn_unused_result))
#define UB_PRINTF(text_index, first) __attribute__((format(printf, text_index, first)))
#else
#define UB_API
#define UB_MUST_USE
#define UB_PRINTF(text_index, first)
#endif

#define UB_RT

#endif
