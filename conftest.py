"""What every test of the suite shares."""

import os

os.environ.setdefault("HM_LOG", "text")
