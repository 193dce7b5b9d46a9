#!/usr/bin/env bash
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

if [[ "${1:-}" == "--help" || "${1:-}" == "-h" ]]; then
    cat <<'HELP'
usage: ./start_celery.sh

Starts everything of this installation that is not running: the embedded Redis
server (unless REDIS_URL is set), the simulator (unless KEEPA_API_KEY is set),
both workers, the scheduler, the web server and the watchdog. Safe to repeat:
what runs already is left alone. Settings are read from .env (see .env.example).

Stop in order:  venv/bin/python -m keepa_deals.processes stop
End at once:    ./kill_everything_force.sh
HELP
    exit 0
fi
if [[ $# -gt 0 ]]; then
    echo "start_celery.sh takes no arguments but --help; it was given: $*" >&2
    exit 2
fi
if [[ ! -x venv/bin/python ]]; then
    echo "There is no venv here yet; run ./deploy_update.sh, which makes it and starts everything." >&2
    exit 1
fi
exec venv/bin/python -m keepa_deals.processes start
