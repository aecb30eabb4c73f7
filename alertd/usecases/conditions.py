"""Conditions, by name, that withhold the dead man's ping though every family is accounted for.

They stand apart from the auditor, which shares no code with the planner; what is asked here may.
"""

from collections.abc import Mapping

from alertd.usecases.audit import Condition

CONDITIONS: Mapping[str, Condition] = {}
"""The name is what people read in the log, in metrics and in `alertd doctor`."""
