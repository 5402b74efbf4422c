#!/bin/sh
# Prints the table of the README: this crate against DPDK's rte_acl, on the same rules and packets, on one core.
# Needs a C compiler, pkg-config and DPDK (Debian: apt-get install libdpdk-dev); without DPDK its columns stay empty.
#
#     backends/matcher/benches/rte_acl/run.sh [SET ...]             CORE=1 ROUNDS=15 are the defaults
#     backends/matcher/benches/rte_acl/run.sh threads [SET ...]     two threads against one, on any core
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
core=${CORE:-1}
if pkg-config --exists libdpdk; then
    build=$(mktemp -d)
    trap 'rm -r "$build"' EXIT
    # shellcheck disable=SC2046
    cc -O3 -march=native -o "$build/acl" "$here/acl.c" $(pkg-config --cflags --libs libdpdk)
    export PALISADE_RTE_ACL="$build/acl"
else
    echo 'run.sh: no libdpdk here, measuring this crate alone' >&2
fi
cd "$here/../.."
cargo bench -q -p palisade-matcher --bench compare --no-run
exec_core="taskset -c $core"
[ "${1-}" != threads ] || exec_core=
PALISADE_CORE=$core $exec_core cargo bench -q -p palisade-matcher --bench compare -- "$@"
