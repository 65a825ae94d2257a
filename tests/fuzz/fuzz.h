/* tests/fuzz/fuzz.h - what every harness defines: one run on untrusted bytes.
 *
 * Linked with replay.c it is a plain program that `make check` runs on its corpus; configured with
 * --enable-fuzzing and CC=clang, the same file is a libFuzzer program. It aborts if a promise is broken. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
