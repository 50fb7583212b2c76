"""The figures of several processes add up, and survive a restart in the same slot."""

import subprocess
import sys
from pathlib import Path

from hmlib import metrics

ROOT = Path(__file__).parent.parent.parent
COUNT = """
import sys
from pathlib import Path
from hmlib import metrics
folder, slot, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
metrics.share(folder, slot)
for _ in range(times):
    metrics.SIGN_INS.labels("ok").inc()
    metrics.REQUEST_SECONDS.labels("here").observe(0.02)
metrics.BUSY.labels("requests").set(times)
print(metrics.exposition(folder).decode())
"""


def counted(folder, slot, times):
    command = [sys.executable, "-c", COUNT, str(folder), slot, str(times)]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines.items()}


def test_processes_add_up_and_count_on_after_a_restart(tmp_path):
    counted(tmp_path, "00", 3)
    counted(tmp_path, "01", 4)
    seen = counted(tmp_path, "00", 5)
    assert seen['hm_sign_ins_total{result="ok"}'] == 12
    assert seen['hm_request_seconds_count{route="here"}'] == 12
    assert seen['hm_request_seconds_bucket{le="0.025",route="here"}'] == 12
    assert seen['hm_busy{what="requests"}'] == 9  # what is going on now, so the first life of slot 00 does not count


def test_a_file_cut_short_is_dropped_and_counting_begins_anew(tmp_path):
    counted(tmp_path, "00", 3)
    for file in tmp_path.glob("counter_*.db"):
        file.write_bytes(file.read_bytes()[:20])
    assert counted(tmp_path, "00", 2)['hm_sign_ins_total{result="ok"}'] == 2


def test_a_process_alone_counts_for_itself():
    metrics.SIGN_INS.labels("alone").inc()
    assert b'hm_sign_ins_total{result="alone"} 1.0' in metrics.exposition(None)
