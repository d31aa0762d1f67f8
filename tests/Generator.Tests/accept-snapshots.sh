#!/bin/sh
# Accepts what the snapshot tests received: every Name.received.ext becomes Name.verified.ext. Look at the difference before you commit it.
set -eu
cd "$(dirname "$0")/Snapshots"
for received in *.received.*; do
    [ -e "$received" ] || { echo "Nothing to accept: no snapshot differs."; exit 0; }
    verified="${received%.received.*}.verified.${received##*.received.}"
    mv "$received" "$verified"
    echo "accepted $verified"
done
