"""What other tools export of hours worked: a file each, told apart by its headings. How one is written: hmlib.imports.presets."""

from hmlib.imports.presets import Preset
from treasury_srv.imports.presets import autotask, clockify, connectwise, halopsa, syncro, toggl

PRESETS: tuple[Preset, ...] = (autotask.TIME, clockify.DETAILED, connectwise.TIME, halopsa.TIME, syncro.TIMERS, toggl.DETAILED)
