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

# The page is tested in a real browser. Root may install it; others are told by the tests how.
if ! command -v chromium >/dev/null && [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
    echo "== chromium"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } ||
        echo "chromium could not be installed; the tests of the page will say what is missing" >&2
fi

# axe-core looks for barriers in the pages; where it can't be had the test says what is missing.
if [[ ! -e node_modules/axe-core/axe.min.js ]] && command -v npm >/dev/null; then
    echo "== axe-core"
    npm ci --silent || echo "npm could not install axe-core; the test of accessibility will say what is missing" >&2
fi

echo "== ruff, mypy, shellcheck"
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
"$bin/shellcheck" ./*.sh .ci/run

echo "== pytest"
exec "$bin/python" -m pytest -n 2 --dist loadfile "$@"
