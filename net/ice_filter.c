#include "net/ice_filter.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdint.h>
#include <sys/socket.h>

#define UDP_HEADER  8 /* the filter sees the packet from its UDP header on */
#define STUN_HEADER 20
#define MAX_STEPS   512 /* twice what is put */

/* Message types (RFC 8489 5, RFC 8656 17) and attributes. */
#define BINDING_ERROR   0x0111
#define DATA_INDICATION 0x0017
#define ERROR_CLASS     0x0110
#define ATTR_ERROR_CODE 0x0009
#define ATTR_DATA       0x0013
#define MAX_ATTRIBUTES  8 /* a message with more before the one looked for is dropped */
#define CODE_FORBIDDEN  0x0403 /* class 4, number 3 (RFC 8489 14.8) */

struct program {
    struct sock_filter step[MAX_STEPS];
    unsigned short count;
};

static void put(struct program *p, unsigned code, uint32_t k, uint8_t jt, uint8_t jf)
{
    assert(p->count < MAX_STEPS);
    p->step[p->count++] = (struct sock_filter){ (uint16_t)code, jt, jf, k };
}

static void accept_packet(struct program *p)
{
    put(p, BPF_RET | BPF_K, 0xffff, 0, 0);
}

static void drop_if(struct program *p, uint32_t value)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    put(p, BPF_RET | BPF_K, 0, 0, 0);
}

/* X becomes the place of each attribute in turn. Where one of the type stands, the 16 bits at
 * `offset` of its value decide: `bad` drops, all else passes. */
static void walk_attributes(struct program *p, uint32_t type, uint32_t offset, uint32_t bad)
{
    put(p, BPF_LDX | BPF_IMM, UDP_HEADER + STUN_HEADER, 0, 0);
    for (int i = 0; i < MAX_ATTRIBUTES; i++) {
        put(p, BPF_LD | BPF_W | BPF_LEN, 0, 0, 0);
        put(p, BPF_ALU | BPF_SUB | BPF_K, 4, 0, 0);
        put(p, BPF_JMP | BPF_JGE | BPF_X, 0, 1, 0);
        accept_packet(p); /* the end */
        put(p, BPF_LD | BPF_H | BPF_IND, 0, 0, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, type, 0, 4);
        put(p, BPF_LD | BPF_H | BPF_IND, 4 + offset, 0, 0);
        drop_if(p, bad);
        accept_packet(p);
        put(p, BPF_LD | BPF_H | BPF_IND, 2, 0, 0); /* its length, to a multiple of 4 */
        put(p, BPF_ALU | BPF_ADD | BPF_K, 4 + 3, 0, 0);
        put(p, BPF_ALU | BPF_AND | BPF_K, 0xfffffffc, 0, 0);
        put(p, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
        put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
    }
    put(p, BPF_RET | BPF_K, 0, 0, 0);
}

/* Runs the steps that `block` puts only if A, masked, is value; A is the message's type again
 * after it. */
static void when_type(struct program *p, uint32_t mask, uint32_t value,
                      void (*block)(struct program *p))
{
    put(p, BPF_LD | BPF_H | BPF_ABS, UDP_HEADER, 0, 0);
    put(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    unsigned short jump = p->count;
    put(p, BPF_JMP | BPF_JA, 0, 0, 0);
    block(p);
    p->step[jump].k = (uint32_t)(p->count - jump - 1);
}

static void channel_data(struct program *p)
{
    put(p, BPF_LD | BPF_H | BPF_ABS, UDP_HEADER + 4, 0, 0);
    drop_if(p, BINDING_ERROR);
    accept_packet(p);
}

static void data_indication(struct program *p)
{
    walk_attributes(p, ATTR_DATA, 0, BINDING_ERROR);
}

static void server_error(struct program *p)
{
    walk_attributes(p, ATTR_ERROR_CODE, 2, CODE_FORBIDDEN);
}

int mcu_ice_filter_attach(int fd, bool relays)
{
    struct program p = { .count = 0 };
    /* A packet of fewer than two bytes ends at its first load: it is dropped, and that is no loss
     * (RTP, RTCP, STUN and DTLS are longer). */
    put(&p, BPF_LD | BPF_H | BPF_ABS, UDP_HEADER, 0, 0);
    drop_if(&p, BINDING_ERROR);
    if (relays) {
        when_type(&p, 0xc000, 0x4000, channel_data);
        when_type(&p, 0xffff, DATA_INDICATION, data_indication);
        when_type(&p, 0xc000 | ERROR_CLASS, ERROR_CLASS, server_error);
    }
    accept_packet(&p);
    struct sock_fprog program = { .len = p.count, .filter = p.step };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}
