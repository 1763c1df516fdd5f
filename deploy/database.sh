#!/bin/sh
# Makes the two roles and the database of the service. The image of Postgres runs it once, as its superuser.
# The owner makes and changes tables; the service reads and writes rows. Neither may more than that.
set -eu
: "${PASSWORDS:=/passwords}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$(cat "$PASSWORDS/owner")" --set service_password="$(cat "$PASSWORDS/service")" << 'SQL'
create role drawbridge_owner login nosuperuser nocreatedb nocreaterole nobypassrls password :'owner_password';
create role drawbridge_service login nosuperuser nocreatedb nocreaterole nobypassrls password :'service_password';
create database drawbridge owner drawbridge_owner;
revoke connect, temporary on database drawbridge from public;
grant connect on database drawbridge to drawbridge_service;
SQL
