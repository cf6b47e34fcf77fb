#!/bin/sh
# As the official image: only what stands in conf.d is served, and it logs to its own output.
set -e
rm -f /etc/nginx/sites-enabled/default
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log
exec "$@"
