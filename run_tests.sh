#!/usr/bin/env bash
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

if [[ "${1:-}" == "--help" || "${1:-}" == "-h" ]]; then
    cat <<'HELP'
usage: ./run_tests.sh [pytest arguments]

Installs what the tests need into the virtual environment (made if missing),
then runs ruff, mypy and shellcheck, and pytest on two processes. Arguments go
to pytest: ./run_tests.sh tests/unit -k lease

Tests with real Keepa answers read them from the folder named by KEEPA_SAMPLES.
HELP
    exit 0
fi

venv="$(./deploy_update.sh --tests)"
bin="$venv/bin"

echo "== ruff, mypy, shellcheck"
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
"$bin/shellcheck" ./*.sh .ci/run

echo "== pytest"
exec "$bin/python" -m pytest -n 2 --dist loadgroup "$@"
