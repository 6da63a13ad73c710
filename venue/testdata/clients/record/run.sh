#!/bin/sh
# Records one client again: ./run.sh kraken-api
# Works on a copy, so that nothing is installed in the tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
mkdir -p "$tmp/clients/record"
cp "$here/recorder.cjs" "$tmp/clients/record/"
cp -r "$here/$1" "$tmp/clients/record/$1"
cd "$tmp/clients/record/$1"
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --legacy-peer-deps >/dev/null
node record.cjs
cp "$tmp"/clients/*.json "$here/.."
rm -rf "$tmp"
