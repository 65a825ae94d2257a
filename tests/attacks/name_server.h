/* tests/attacks/name_server.h - answers as an attacker gives them who has name servers of his own.
 *
 * ... .silent.example  never                      ... .slow.example  200 ms late
 * ... .loop.example    aliases in a circle, an SPF record that includes itself
 * ... .huge.example    all that one answer holds  wide.example       SPF with 10 mx of 100 hosts each
 * giant, exponent, good._domainkey.attack.example: keys of 16,384 bits, with an exponent of 2,040 bits, of 2,048 bits
 * neighbour.example    the well-behaved one's SPF
 * Threads: the server's. */
#pragma once

#include "lib/dns_server.h"

dns_server_handler name_server_answer;
