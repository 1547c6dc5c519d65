#!/bin/sh
# tls.sh SIP_ECHO: OPTIONS over TLS is answered, and no copy of the key outlives the start.
set -eu
dir=$(mktemp -d)
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$dir/key.pem" \
    -out "$dir/cert.pem" 2>/dev/null
openssl genrsa -out "$dir/other.pem" 2048 2>/dev/null
port=$((30001 + $$ % 2000))
if "$1" -s "$port" -c "$dir/cert.pem" -k "$dir/other.pem" >"$dir/log" 2>&1; then
    echo "it started with a key that is not the certificate's"
    exit 1
fi
TMPDIR=$dir "$1" -s "$port" -c "$dir/cert.pem" -k "$dir/key.pem" >"$dir/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || :; rm -rf "$dir"' EXIT
for _ in $(seq 100); do
    grep -q listening "$dir/log" && break
    sleep 0.1
done
if [ -n "$(find "$dir" -name 'tessera-sip-*')" ]; then
    echo "the key was left in $dir"
    exit 1
fi
{
    printf '%s\r\n' 'OPTIONS sip:x@127.0.0.1 SIP/2.0' \
        'Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKtls;rport' 'From: <sip:a@127.0.0.1>;tag=1' \
        'To: <sip:x@127.0.0.1>' 'Call-ID: tls' 'CSeq: 1 OPTIONS' 'Max-Forwards: 70' \
        'Content-Length: 0' ''
    sleep 1
} | openssl s_client -connect "127.0.0.1:$port" -CAfile "$dir/cert.pem" -verify_return_error \
    -quiet -no_ign_eof >"$dir/answer" 2>/dev/null || :
kill -TERM "$server"
wait "$server"
cat "$dir/log" "$dir/answer"
grep -q '^SIP/2.0 200' "$dir/answer"
grep -q "^Contact: <sip:.*@127.0.0.1:$port;transport=tls>;isfocus" "$dir/answer"
