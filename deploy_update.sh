#!/usr/bin/env bash
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

python=""
found=""
for candidate in python3.11 python3.12 python3.13 python3 python; do
    path="$(command -v "$candidate" || true)"
    if [[ -n "$path" ]] && version="$("$path" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)"; then
        if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            python="$path"
            break
        fi
        found="$found $path ($version)"
    fi
done
if [[ -z "$python" ]]; then
    echo "No Python 3.11 or newer is on PATH; found:${found:- none}. Install one (on Debian and Ubuntu: python3 and python3-venv) and run this again." >&2
    exit 1
fi
exec "$python" -m keepa_deals.processes.build "$@"
