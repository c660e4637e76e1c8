"""HAProxy's access log, as it comes over a connection."""

import os
from pathlib import Path

from webinfra.access_log import copy


def test_keeps_every_line_also_when_the_file_is_renamed(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    renamed = tmp_path / "access.log.1"
    source, writer = os.pipe()
    os.write(writer, b"first\nsec")

    def pause() -> None:
        if not renamed.exists():
            assert log.read_text() == "first\n"
            log.rename(renamed)
            os.write(writer, b"ond\nthird\n")
            os.close(writer)

    copy(source, log, pause)
    os.close(source)
    assert (renamed.read_text(), log.read_text()) == ("first\n", "second\nthird\n")
