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
# What runs may run on an environment that venv no longer names: any of ours can end it.
for python in venv/bin/python venv-????????????/bin/python; do
    if [[ -x "$python" ]] && "$python" -c 'import dotenv, redis' 2>/dev/null; then
        exec "$python" -m keepa_deals.processes kill
    fi
done
echo "No working environment (venv) is here that could end anything; run ./deploy_update.sh, which makes one, then this again." >&2
exit 1
