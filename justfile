# `just` lists these.
_default:
    @just --list

# what CI runs
check:
    .ci/run

# the service, with a database of its own
run *ARGUMENTS:
    cargo run -- {{ ARGUMENTS }}

# all tests, or those whose name contains NAME
test NAME="":
    cargo test --workspace {{ NAME }}

# every attack against the service that runs
attack *ARGUMENTS:
    cargo run -p drawbridge-attack -- {{ ARGUMENTS }}

# the service with a pillar left out, and the page that shows why it is there
lab *ARGUMENTS:
    cargo run --features insecure-lab -- lab {{ ARGUMENTS }}

# the documents as a book, in target/book
book:
    tools/book/build

# another name for a clone, before its first commit
rename NAME *OPTIONS:
    tools/rename {{ NAME }} {{ OPTIONS }}

# after a change of routes: the committed attack surface and OpenAPI document
routes:
    cargo run -- routes > tests/api/attack_surface.txt
    cargo run -- openapi > openapi.json
    git --no-pager diff --stat tests/api/attack_surface.txt openapi.json

# after a change of SQL or migrations: the committed .sqlx, from the development database
db-prepare:
    tools/db-prepare

# format and clippy before each commit of this checkout
hooks:
    git config core.hooksPath .githooks

# what is deployed with: image, compose, Kubernetes, systemd, workflows
deploy-check:
    deploy/check

# the bill of materials of the binary that ships
sbom FILE="target/sbom.cdx.json":
    deploy/sbom {{ FILE }}
