"""The alarm limits of one bed: those of its settings, and over them what persons have set at a station.

What was set at the bedside wins, also over a settings file that was edited since, until it is set back to
what the settings say: it was meant for the patient who lies there, the file for whoever might. Pure.
"""

from collections.abc import Mapping
from typing import Literal

from monitor.events import LimitChange
from monitor.settings import LIMITS, AlarmSettings, changed

__all__ = ["OwnLimits"]


class OwnLimits:
    """What is in force for one bed, and what of it was set by hand.

    Parameters
    ----------
    given
        As the settings have it.

    Attributes
    ----------
    now
        What is in force.
    """

    def __init__(self, given: AlarmSettings) -> None:
        self._given = self.now = given

    @property
    def own(self) -> dict[str, float]:
        """Limits in force that differ from the settings, by key."""
        given = self._given.limits()
        return {key: value for key, value in self.now.limits().items() if value != given[key]}

    def set(self, limits: Mapping[str, float], *, by: str, at: int) -> LimitChange:
        """Set some limits from sample ``at`` on.

        Raises
        ------
        SettingsError
            A key is no limit, a value is out of range, or limits cross; nothing has changed.
        """
        before, self.now = self.now, changed(self.now, limits)
        return self._change("set", before, by=by, at=at)

    def keep(self, limits: Mapping[str, float], *, by: str, at: int) -> LimitChange:
        """Take up what was set in the run before; keys that are no limits any more are left out.

        What was set in this run already, before that was known, holds.

        Raises
        ------
        SettingsError
            They do not fit with the settings of this run; nothing has changed.
        """
        known = {key: value for key, value in limits.items() if key in LIMITS}
        before, self.now = self.now, changed(self._given, known | self.own)
        state: Literal["kept", "dropped"] = "kept" if self.own else "dropped"
        return self._change(state, before, by=by, at=at)

    def drop(self, *, at: int) -> LimitChange:
        """Go back to the settings."""
        before, self.now = self.now, self._given
        return self._change("dropped", before, by="", at=at)

    def _change(
        self, state: Literal["set", "kept", "dropped"], before: AlarmSettings, *, by: str, at: int
    ) -> LimitChange:
        old, new = before.limits(), self.now.limits()
        differing = [key for key in new if old[key] != new[key]]
        return LimitChange(
            sample=at,
            decided=at,
            state=state,
            before={key: old[key] for key in differing},
            after={key: new[key] for key in differing},
            own=self.own,
            by=by,
        )
