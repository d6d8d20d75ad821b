// SPDX-License-Identifier: GPL-3.0-or-later
/** Defines SANITIZED where a sanitizer has replaced what the C library's functions do. */
#ifndef UNBRAID_TESTS_SANITIZED_H
#define UNBRAID_TESTS_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#endif
