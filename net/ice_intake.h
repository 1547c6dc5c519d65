/* net/ice_intake.h - how much libnice may read of a socket at once.
 *
 * libnice 0.1.21 reads a socket until it is empty, its agent locked meanwhile, and answers what checks are
 * among it. Who sends faster than it reads keeps it there for as long as he likes: 100 000 checks of one
 * participant's held up the other legs of the loop for half a minute. GLib offers no place between the socket
 * and libnice, so the process has a recvmsg(2) of its own, which tells libnice that the socket is empty when
 * its turn is over. What is left waits in the kernel for the loop's next round. Here too is seen what libnice keeps
 * to itself, the answers to our own checks of consent and the time at which a packet came:
 *
 *   kernel > recvmsg of ours > GLib > libnice
 *                 > STUN > net/ice_consent.h
 *
 * Outside of a round's _begin and _end, and for every other thread, it is the system's.
 * Threads: any; the state is the thread's own. */
#ifndef MCU_NET_ICE_INTAKE_H
#define MCU_NET_ICE_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#define MCU_ICE_INTAKE_PACKETS 64 /* of a socket in a round; a burst of pictures takes some rounds */

/* Around each dispatch of a context with ICE agents. Not nested. stun: told of what may be a STUN message, also
 * within what a TURN server passes on (ChannelData, Data indications) and within a stream's frames, unless it
 * came in pieces; within recvmsg, so it may do little. */
void mcu_ice_intake_begin(void (*stun)(const uint8_t *data, size_t size, void *arg), void *arg);
void mcu_ice_intake_end(void);

/* When what this thread read last reached the machine, on the monotonic clock: by the kernel's word where the
 * socket has SO_TIMESTAMPNS, else when it was read. The loop may be late by some ms and then reads at once what
 * came apart; who estimates a bandwidth from that would not believe it. */
int64_t mcu_ice_intake_came_ns(void);

#endif
