"""Figures of several processes, told by one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COUNT = """
from ticketing.foundation.metrics import Metrics
from ticketing.foundation.resilience import Circuit
import sys
metrics = Metrics()
circuit = Circuit("provider", failures=(OSError,), threshold=1)
def fail(): raise OSError
if sys.argv[1] == "broken":
    try: circuit.call(fail)
    except OSError: pass
for _ in range(3):
    metrics.observe("GET", "/api/events", 200, 0.02)
sys.stdout.write(metrics.text([]).decode())
sys.stdout.flush()
sys.stdin.read()
"""


def test_any_process_tells_the_figures_of_all_and_forgets_the_breakers_of_those_that_ended(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def count(how: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", COUNT, how], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    first = count("broken")
    assert first.stdout is not None
    while "ticketing_circuit_state{" not in (line := first.stdout.readline()):
        assert line
    assert line.split()[1] == "2.0"
    second, _ = count("whole").communicate(timeout=30)
    assert 'ticketing_http_requests_total{method="GET",route="/api/events",status="200"} 6.0' in second
    assert 'ticketing_http_request_seconds_count{method="GET",route="/api/events"} 6.0' in second
    assert 'ticketing_circuit_state{circuit="provider"} 2.0' in second
    first.communicate(timeout=30)
    third, _ = count("whole").communicate(timeout=30)
    assert 'ticketing_http_requests_total{method="GET",route="/api/events",status="200"} 9.0' in third
    assert 'ticketing_circuit_state{circuit="provider"} 0.0' in third
