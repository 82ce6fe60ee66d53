"""Homes, as they are found."""
from typing import Optional

from microsandbox._capi import homes as _homes
from microsandbox._capi.client import Options
from microsandbox._runner import _run_async
from microsandbox.types import HomeReport, Path


class Home:
    """Tells what homes are, without opening them."""

    @staticmethod
    async def inspect(home: Optional[Path] = None, *, cache_dir: Optional[Path] = None,
                      snapshots_dir: Optional[Path] = None, sandboxes_dir: Optional[Path] = None,
                      busy_timeout: Optional[float] = None, new_home_release: Optional[str] = None) -> HomeReport:
        """Tells what a home is, who can use it, what of it can be written, and what is wrong with it.

        Changes nothing at all, and works where :class:`Client` does not: on a home that is missing, damaged, read-only,
        or newer than known. What is wrong is in the report, and raises nothing.

        :param home: the directory; None for ``$MSB_HOME``, else ``~/.microsandbox``, also inside of a ``Client``
        :param busy_timeout: seconds to wait for a lock of another process
        :param new_home_release: what ``oldest_release`` and ``newest_release`` are told for, where there is no index
        :raises ValueError: no home can be made for that release
        :raises InvalidConfigError: the home's ``config.json`` is malformed
        :raises IoError: it cannot be looked at
        """
        options = Options(home, cache_dir, snapshots_dir, sandboxes_dir, busy_timeout=busy_timeout,
                          new_home_release=new_home_release)
        return await _run_async(lambda call: _homes.inspect(call, options))
