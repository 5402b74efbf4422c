#!/usr/bin/env bash
# What has unsafe code in the matcher, under AddressSanitizer and Miri. Both need a nightly toolchain; says what it skips.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "skipped: no nightly toolchain"
    exit 0
fi

echo "== AddressSanitizer"
tests=(cargo +nightly test --target "$host" --target-dir target/memory -p palisade-matcher)
RUSTFLAGS=-Zsanitizer=address "${tests[@]}" --lib -- gather
RUSTFLAGS=-Zsanitizer=address "${tests[@]}" --test suite -- batches damage

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "skipped: no Miri (rustup component add miri rust-src --toolchain nightly)"
    exit 0
fi
echo "== Miri"
cargo +nightly miri test --target-dir target/memory -p palisade-matcher --lib -- stored
