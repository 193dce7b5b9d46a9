#!/usr/bin/env bash
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

if [[ "${1:-}" == "--help" || "${1:-}" == "-h" ]]; then
    cat <<'HELP'
usage: ./kill_everything_force.sh

Ends at once exactly the processes that this installation started, also when
supervisord is already gone, and clears this installation's leases. It knows
them by recorded identity (pid and start time) and by the installation's tag in
their environment, never by name: no other program is touched. Nothing saved is
lost: passes go on from where they stopped. Start again: ./start_celery.sh
HELP
    exit 0
fi
if [[ $# -gt 0 ]]; then
    echo "kill_everything_force.sh takes no arguments but --help; it was given: $*" >&2
    exit 2
fi
if [[ ! -x venv/bin/python ]]; then
    echo "There is no venv here, so nothing of this installation can be running; ./deploy_update.sh makes one." >&2
    exit 1
fi
exec venv/bin/python -m keepa_deals.processes kill
