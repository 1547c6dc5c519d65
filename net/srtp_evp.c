#include "net/srtp_evp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

#define SALT_CM    14 /* RFC 3711 4.1.1 */
#define SALT_GCM   12 /* RFC 7714 8.1: libsrtp2 keeps it, but its length counts as the key's */
#define BLOCK      16
#define SHA1_BYTES 20

/* ---- what AES-CM and AES-GCM share ---- */

struct state {
    EVP_CIPHER_CTX *ctx;
    const EVP_CIPHER *cipher;
    uint8_t salt[BLOCK]; /* AES-CM: its last two bytes count blocks, and are zero here */
    int tag_bytes;       /* AES-GCM */
};

static srtp_err_status_t status_of(int ok)
{
    return ok == 1 ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t alloc_cipher(srtp_cipher_t **out, const srtp_cipher_type_t *type,
                                      const EVP_CIPHER *cipher, int key_len, int tag_bytes)
{
    srtp_cipher_t *c = calloc(1, sizeof(*c));
    struct state *s = calloc(1, sizeof(*s));
    if (s)
        s->ctx = EVP_CIPHER_CTX_new();
    if (!c || !s || !s->ctx) {
        free(s);
        free(c);
        return srtp_err_status_alloc_fail;
    }
    s->cipher = cipher;
    s->tag_bytes = tag_bytes;
    *c = (srtp_cipher_t){ .type = type, .state = s, .key_len = key_len, .algorithm = (int)type->id };
    *out = c;
    return srtp_err_status_ok;
}

static srtp_err_status_t free_cipher(srtp_cipher_t *c)
{
    struct state *s = c->state;
    EVP_CIPHER_CTX_free(s->ctx); /* wipes the key */
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
    free(c);
    return srtp_err_status_ok;
}

static srtp_err_status_t update(struct state *s, uint8_t *buf, unsigned int bytes)
{
    int n = 0;
    if (bytes == 0)
        return srtp_err_status_ok;
    return status_of(EVP_CipherUpdate(s->ctx, buf, &n, buf, (int)bytes) == 1 && n == (int)bytes);
}

/* ---- AES-CM: counter mode, RFC 3711 4.1.1 ---- */

static const srtp_cipher_type_t cm_128;

static srtp_err_status_t alloc_cm_128(srtp_cipher_t **out, int key_len, int tag_bytes)
{
    if (key_len != SRTP_AES_ICM_128_KEY_LEN_WSALT)
        return srtp_err_status_bad_param;
    return alloc_cipher(out, &cm_128, EVP_aes_128_ctr(), key_len, 0);
}

static srtp_err_status_t init_cm(void *state, const uint8_t *key)
{
    struct state *s = state;
    memset(s->salt, 0, sizeof(s->salt));
    memcpy(s->salt, key + EVP_CIPHER_get_key_length(s->cipher), SALT_CM);
    return status_of(EVP_CipherInit_ex(s->ctx, s->cipher, NULL, key, NULL, 1));
}

static srtp_err_status_t set_iv_cm(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct state *s = state;
    uint8_t counter[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        counter[i] = s->salt[i] ^ iv[i];
    return status_of(EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, counter, 1));
}

static srtp_err_status_t crypt_cm(void *state, uint8_t *buf, unsigned int *bytes)
{
    return update(state, buf, *bytes);
}

/* RFC 3711 B.2 */
static const uint8_t cm_key[SRTP_AES_ICM_128_KEY_LEN_WSALT] = {
    0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
    0x3c, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
};
static uint8_t cm_index[BLOCK];
static const uint8_t cm_plain[32];
static const uint8_t cm_stream[32] = {
    0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1, 0x6d, 0xd9, 0x2b, 0x4e, 0xb4,
    0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02, 0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab,
};
static const srtp_cipher_test_case_t cm_test = {
    .key_length_octets = sizeof(cm_key), .key = cm_key, .idx = cm_index,
    .plaintext_length_octets = sizeof(cm_plain), .plaintext = cm_plain,
    .ciphertext_length_octets = sizeof(cm_stream), .ciphertext = cm_stream,
};

static const srtp_cipher_type_t cm_128 = {
    .alloc = alloc_cm_128, .dealloc = free_cipher, .init = init_cm, .encrypt = crypt_cm,
    .decrypt = crypt_cm, .set_iv = set_iv_cm, .description = "AES-128 counter mode by OpenSSL",
    .test_data = &cm_test, .id = SRTP_AES_ICM_128,
};

/* ---- AES-GCM, RFC 7714 ---- */

static const srtp_cipher_type_t gcm_128, gcm_256;

static srtp_err_status_t alloc_gcm(srtp_cipher_t **out, const srtp_cipher_type_t *type,
                                   const EVP_CIPHER *cipher, int key_len, int tag_bytes)
{
    if (key_len != EVP_CIPHER_get_key_length(cipher) + SALT_GCM || (tag_bytes != 8 && tag_bytes != 16))
        return srtp_err_status_bad_param;
    return alloc_cipher(out, type, cipher, key_len, tag_bytes);
}

static srtp_err_status_t alloc_gcm_128(srtp_cipher_t **out, int key_len, int tag_bytes)
{
    return alloc_gcm(out, &gcm_128, EVP_aes_128_gcm(), key_len, tag_bytes);
}

static srtp_err_status_t alloc_gcm_256(srtp_cipher_t **out, int key_len, int tag_bytes)
{
    return alloc_gcm(out, &gcm_256, EVP_aes_256_gcm(), key_len, tag_bytes);
}

static srtp_err_status_t init_gcm(void *state, const uint8_t *key)
{
    struct state *s = state;
    return status_of(EVP_CipherInit_ex(s->ctx, s->cipher, NULL, key, NULL, 1));
}

static srtp_err_status_t set_iv_gcm(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct state *s = state;
    return status_of(EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, iv, direction == srtp_direction_encrypt));
}

/* May come in several pieces. */
static srtp_err_status_t set_aad_gcm(void *state, const uint8_t *aad, uint32_t bytes)
{
    struct state *s = state;
    int n = 0;
    return bytes == 0 ? srtp_err_status_ok
                      : status_of(EVP_CipherUpdate(s->ctx, NULL, &n, aad, (int)bytes));
}

static srtp_err_status_t encrypt_gcm(void *state, uint8_t *buf, unsigned int *bytes)
{
    return update(state, buf, *bytes);
}

static srtp_err_status_t get_tag_gcm(void *state, uint8_t *tag, uint32_t *bytes)
{
    struct state *s = state;
    uint8_t none[BLOCK];
    int n = 0;
    *bytes = (uint32_t)s->tag_bytes;
    return status_of(EVP_CipherFinal_ex(s->ctx, none, &n) == 1 &&
                     EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, s->tag_bytes, tag) == 1);
}

/* bytes: with the tag behind; without it at the return. */
static srtp_err_status_t decrypt_gcm(void *state, uint8_t *buf, unsigned int *bytes)
{
    struct state *s = state;
    uint8_t none[BLOCK];
    int n = 0;
    if (*bytes < (unsigned int)s->tag_bytes)
        return srtp_err_status_bad_param;
    *bytes -= (unsigned int)s->tag_bytes;
    if (EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, s->tag_bytes, buf + *bytes) != 1 ||
        update(s, buf, *bytes) != srtp_err_status_ok)
        return srtp_err_status_cipher_fail;
    return EVP_CipherFinal_ex(s->ctx, none, &n) == 1 ? srtp_err_status_ok : srtp_err_status_auth_fail;
}

/* The GCM specification's test cases 4 and 16 (McGrew and Viega, appendix B). The salt, which is no
 * part of them, is not looked at here. */
#define GCM_IV       { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 }
#define GCM_KEY_HALF 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08

static const uint8_t gcm_key_128[16 + SALT_GCM] = { GCM_KEY_HALF };
static const uint8_t gcm_key_256[32 + SALT_GCM] = { GCM_KEY_HALF, GCM_KEY_HALF };
static uint8_t gcm_iv[SALT_GCM] = GCM_IV;
static const uint8_t gcm_aad[20] = {
    0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
    0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2,
};
static const uint8_t gcm_plain[60] = {
    0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
    0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
    0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
    0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39,
};
static const uint8_t gcm_sealed_128[60 + 16] = {
    0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84, 0xd0, 0xd4, 0x9c,
    0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e,
    0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05,
    0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91,
    0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47,
};
static const uint8_t gcm_sealed_256[60 + 16] = {
    0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d,
    0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa,
    0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
    0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62,
    0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b,
};

#define GCM_TEST(bits)                                                                             \
    {                                                                                              \
        .key_length_octets = sizeof(gcm_key_##bits), .key = gcm_key_##bits, .idx = gcm_iv,         \
        .plaintext_length_octets = sizeof(gcm_plain), .plaintext = gcm_plain,                      \
        .ciphertext_length_octets = sizeof(gcm_sealed_##bits), .ciphertext = gcm_sealed_##bits,    \
        .aad_length_octets = sizeof(gcm_aad), .aad = gcm_aad, .tag_length_octets = 16,             \
    }
static const srtp_cipher_test_case_t gcm_128_test = GCM_TEST(128), gcm_256_test = GCM_TEST(256);

#define GCM_TYPE(bits)                                                                             \
    {                                                                                              \
        .alloc = alloc_gcm_##bits, .dealloc = free_cipher, .init = init_gcm,                       \
        .set_aad = set_aad_gcm, .encrypt = encrypt_gcm, .decrypt = decrypt_gcm,                    \
        .set_iv = set_iv_gcm, .get_tag = get_tag_gcm,                                              \
        .description = "AES-" #bits " GCM by OpenSSL", .test_data = &gcm_##bits##_test,            \
        .id = SRTP_AES_GCM_##bits,                                                                 \
    }
static const srtp_cipher_type_t gcm_128 = GCM_TYPE(128), gcm_256 = GCM_TYPE(256);

/* ---- HMAC-SHA1 ---- */

static const srtp_auth_type_t hmac_sha1;

static EVP_MAC_CTX *new_hmac(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */
    return ctx;
}

static srtp_err_status_t alloc_hmac(srtp_auth_t **out, int key_len, int out_len)
{
    if (key_len < 1 || key_len > SHA1_BYTES || out_len < 1 || out_len > SHA1_BYTES)
        return srtp_err_status_bad_param;
    srtp_auth_t *a = calloc(1, sizeof(*a));
    EVP_MAC_CTX *ctx = a ? new_hmac() : NULL;
    if (!ctx) {
        free(a);
        return srtp_err_status_alloc_fail;
    }
    *a = (srtp_auth_t){ .type = &hmac_sha1, .state = ctx, .out_len = out_len, .key_len = key_len };
    *out = a;
    return srtp_err_status_ok;
}

static srtp_err_status_t free_hmac(srtp_auth_t *a)
{
    EVP_MAC_CTX_free(a->state); /* wipes the key */
    free(a);
    return srtp_err_status_ok;
}

static srtp_err_status_t init_hmac(void *state, const uint8_t *key, int key_len)
{
    char digest[] = "SHA1";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                  OSSL_PARAM_construct_end() };
    return status_of(EVP_MAC_init(state, key, (size_t)key_len, params));
}

static srtp_err_status_t start_hmac(void *state)
{
    return status_of(EVP_MAC_init(state, NULL, 0, NULL)); /* the key as it was */
}

static srtp_err_status_t update_hmac(void *state, const uint8_t *data, int bytes)
{
    return status_of(EVP_MAC_update(state, data, (size_t)bytes));
}

static srtp_err_status_t compute_hmac(void *state, const uint8_t *data, int bytes, int tag_bytes,
                                      uint8_t *tag)
{
    uint8_t all[SHA1_BYTES];
    size_t n = 0;
    if (tag_bytes > SHA1_BYTES)
        return srtp_err_status_bad_param;
    if (EVP_MAC_update(state, data, (size_t)bytes) != 1 ||
        EVP_MAC_final(state, all, &n, sizeof(all)) != 1)
        return srtp_err_status_auth_fail;
    memcpy(tag, all, (size_t)tag_bytes);
    return srtp_err_status_ok;
}

/* RFC 2202 section 3, case 1 */
static const uint8_t hmac_key[SHA1_BYTES] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
                                              0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
static const uint8_t hmac_data[8] = { 'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e' };
static const uint8_t hmac_tag[SHA1_BYTES] = { 0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                              0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00 };
static const srtp_auth_test_case_t hmac_test = {
    .key_length_octets = sizeof(hmac_key), .key = hmac_key, .data_length_octets = sizeof(hmac_data),
    .data = hmac_data, .tag_length_octets = sizeof(hmac_tag), .tag = hmac_tag,
};

static const srtp_auth_type_t hmac_sha1 = {
    .alloc = alloc_hmac, .dealloc = free_hmac, .init = init_hmac, .compute = compute_hmac,
    .update = update_hmac, .start = start_hmac, .description = "HMAC-SHA1 by OpenSSL",
    .test_data = &hmac_test, .id = SRTP_HMAC_SHA1,
};

int mcu_srtp_evp_install(void)
{
    bool all = srtp_replace_cipher_type(&cm_128, SRTP_AES_ICM_128) == srtp_err_status_ok;
    all &= srtp_replace_cipher_type(&gcm_128, SRTP_AES_GCM_128) == srtp_err_status_ok;
    all &= srtp_replace_cipher_type(&gcm_256, SRTP_AES_GCM_256) == srtp_err_status_ok;
    all &= srtp_replace_auth_type(&hmac_sha1, SRTP_HMAC_SHA1) == srtp_err_status_ok;
    return all ? 0 : -ENOTSUP;
}
