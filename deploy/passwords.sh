#!/bin/sh
# Makes the passwords of the database, once for each checkout: there are no default credentials to forget. The database reads
# its three from /passwords; the service reads its two URLs from the `.env` in its own folder, and never the superuser's.
set -eu
: "${PASSWORDS:=/passwords}" "${SERVICE:=/data}" "${DATABASE_HOST:=database}" "${DATABASE_UID:=999}" "${SERVICE_UID:=10001}"

[ ! -e "$PASSWORDS/done" ] || exit 0
umask 077
for role in superuser owner service; do
    # Hexadecimal, so that it can stand in a URL as it is.
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$PASSWORDS/$role"
done
cat > "$SERVICE/.env" << SETTINGS
DATABASE_URL=postgres://drawbridge_service:$(cat "$PASSWORDS/service")@$DATABASE_HOST/drawbridge
DATABASE_OWNER_URL=postgres://drawbridge_owner:$(cat "$PASSWORDS/owner")@$DATABASE_HOST/drawbridge
SETTINGS
chown -R "$SERVICE_UID:$SERVICE_UID" "$SERVICE"
: > "$PASSWORDS/done"
chown -R "$DATABASE_UID:$DATABASE_UID" "$PASSWORDS"
