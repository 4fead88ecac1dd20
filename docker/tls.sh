#!/bin/sh
# What the TLS container runs: HAProxy with /srv/tls/own.pem, which docker/compose.sh puts there, or else with a certificate
# that it makes itself at its first start, which browsers warn of. `tls take` reads such a file from standard input.
set -eu
umask 077
home=/srv/tls
case "${1:-}" in
take)
    cat >"$home/own.pem.partial"
    openssl x509 -noout -in "$home/own.pem.partial" && openssl pkey -noout -in "$home/own.pem.partial" || {
        rm -f "$home/own.pem.partial"
        echo "alphapulse: the file has to hold the certificate, those between it and the root, and its key, in PEM" >&2
        exit 1
    }
    mv "$home/own.pem.partial" "$home/own.pem"
    exit
    ;;
esac
certificate=$home/own.pem
if [ ! -s "$certificate" ]; then
    certificate=$home/made.pem
    name=${ALPHAPULSE_TLS_NAME:-localhost}
    if ! openssl x509 -noout -ext subjectAltName -in "$certificate" 2>/dev/null | grep -qF "DNS:$name, DNS:*.$name," ||
        ! openssl x509 -checkend 2592000 -noout -in "$certificate" >/dev/null 2>&1; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 -subj "/CN=$name" \
            -addext "subjectAltName=DNS:$name,DNS:*.$name,DNS:localhost,IP:127.0.0.1" -keyout "$home/key.partial" -out "$home/made.partial" \
            2>/dev/null
        cat "$home/key.partial" >>"$home/made.partial"
        rm "$home/key.partial"
        mv "$home/made.partial" "$certificate"
    fi
fi
CERTIFICATE=$certificate exec haproxy -W -f /etc/alphapulse/tls.cfg
