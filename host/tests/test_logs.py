"""What `webinfra logs` shows of a host: its journal and access logs as one."""

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from webinfra.logs import Entry, Journal, RotatedFile, Selection, entries, in_order, pattern_of

ROOT = Path(__file__).parents[1]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def opened(log: Path) -> Iterator[RotatedFile]:
    with closing(RotatedFile(log)) as file:
        yield file


def last(log: Path, wanted: int) -> list[str]:
    with closing(RotatedFile(log)) as file:
        return file.last(wanted)


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def rotate(log: Path) -> Path:
    """As logrotate does: the writer goes on with the renamed file until it is told. Returns that."""
    renamed = log.with_name(f"{log.name}.1")
    if renamed.exists():
        renamed.rename(log.with_name(f"{log.name}.2"))
    log.rename(renamed)
    log.touch()
    return renamed


class TestEntries:
    def test_have_the_form_of_the_journal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
        (entry,) = entries(['1795694138.120 10.77.0.1 id "GET / HTTP/1.1" 200'], "web-1 nginx: ")
        assert str(entry) == 'Nov 26 11:55:38 web-1 nginx: 10.77.0.1 id "GET / HTTP/1.1" 200'

    def test_of_haproxy_have_the_time_in_words(self) -> None:
        (entry,) = entries(["<6>2026-11-26T11:55:38.120000+00:00 10.77.0.1:5 www web/s1 200"], "lb-1 haproxy: ")
        assert entry == Entry(1795694138.12, "lb-1 haproxy: 10.77.0.1:5 www web/s1 200")

    def test_a_line_without_a_time_belongs_to_the_one_before_it(self) -> None:
        found = entries(["1.000000 web-1 app: first", "   second", "-- Boot 1 --", "2.5 web-1 app: third"])
        assert [entry.time for entry in found] == [1, 1, 1, 2.5]
        assert found[1].text == "   second"

    def test_come_in_the_order_of_time_and_keep_theirs_at_the_same(self) -> None:
        journal = [Entry(1, "a"), Entry(3, "b"), Entry(3, "c")]
        access = [Entry(4, "z"), Entry(2, "y"), Entry(3, "x")]
        assert "".join(entry.text for entry in in_order(journal, access)) == "aybcxz"


class TestARotatedFile:
    @pytest.mark.parametrize("length", [3, 200_000], ids=["short lines", "lines that are longer than a block"])
    def test_has_last_lines(self, log: Path, length: int) -> None:
        lines = [str(number) * length for number in range(5)]
        write(log, *lines)
        assert last(log, 2) == lines[-2:]
        assert last(log, 5) == lines
        assert last(log, 99) == lines

    def test_takes_what_lacks_from_files_that_were_renamed(self, log: Path) -> None:
        for number in range(1, 7, 2):
            write(log, str(number), str(number + 1))
            rotate(log)
        write(log, "7")
        assert last(log, 1) == ["7"]
        assert last(log, 4) == ["4", "5", "6", "7"]
        # The first two went with a third rename.
        assert last(log, 99) == ["3", "4", "5", "6", "7"]

    def test_may_not_be_there_yet(self, log: Path, opened: RotatedFile) -> None:
        assert (opened.last(3), opened.news()) == ([], [])
        write(log, "first")
        assert opened.news() == ["first"]

    def test_tells_each_whole_line_once(self, log: Path, opened: RotatedFile) -> None:
        write(log, "old")
        with log.open("a") as half:
            half.write("be")
        assert opened.last(3) == ["old"]
        assert opened.news() == []
        write(log, "gun", "next")
        assert opened.news() == ["begun", "next"]
        assert opened.news() == []

    def test_is_followed_over_rotations(self, log: Path, opened: RotatedFile) -> None:
        write(log, "old")
        opened.last(1)
        write(log, "a")
        renamed = rotate(log)
        write(renamed, "b")
        assert opened.news() == ["a", "b"]
        write(renamed, "c")
        write(log, "d")
        assert opened.news() == ["c", "d"]
        rotate(log)
        write(log, "e")
        assert opened.news() == ["e"]

    def test_holds_no_more_than_two_files_open(self, log: Path, opened: RotatedFile) -> None:
        write(log, "old")
        opened.last(1)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            rotate(log)
            opened.news()
        assert len(list(Path("/proc/self/fd").iterdir())) == before + 1


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A journalctl that is a script; the file that is returned holds how it was called."""
    called = tmp_path / "called"

    def make(script: str) -> Path:
        path = tmp_path / "bin/journalctl"
        path.parent.mkdir()
        path.write_text(f'#!/bin/sh\necho "$@" >>{called}\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return called

    return make


class TestTheJournal:
    def test_goes_on_where_the_last_lines_ended(self, journalctl: Callable[[str], Path]) -> None:
        called = journalctl(
            'case "$*" in *--follow*) printf "3.0 c\\n4.0" && printf " d\\n" ;; *) printf "1.0 a\\n2.0 b\\n-- cursor: s=1;i=2\\n" ;; esac'
        )
        journal = Journal(colours=False, selection=Selection())
        assert journal.last(2) == ["1.0 a", "2.0 b"]
        assert [line for lines in journal.news() for line in lines] == ["3.0 c", "4.0 d"]
        first, second = called.read_text().splitlines()
        assert first.endswith(" --show-cursor --lines=2")
        assert second.endswith(" --follow --no-tail --after-cursor=s=1;i=2")

    def test_of_a_host_that_logged_nothing_is_empty(self, journalctl: Callable[[str], Path]) -> None:
        called = journalctl("")
        journal = Journal(colours=False, selection=Selection())
        assert journal.last(2) == []
        assert [line for lines in journal.news() for line in lines] == []
        assert "after-cursor" not in called.read_text()

    def test_is_all_that_is_shown_where_there_is_no_access_log(self, journalctl: Callable[[str], Path]) -> None:
        journalctl('printf "1795694138.5 db-1 mysqld[1]: a\\n1795694139.5 db-1 mysqld[1]: b\\n"')
        done = subprocess.run(
            [ROOT / "webinfra-host", "logs", "--lines=1"], capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"}
        )
        assert done.stdout == "Nov 26 11:55:39 db-1 mysqld[1]: b\n"


class TestASelection:
    def test_takes_everything_by_default(self) -> None:
        assert Selection().takes("anything")
        assert not Selection().is_part
        assert Selection().journal_options() == []

    def test_finds_either_case_unless_a_capital_is_asked_for(self) -> None:
        assert Selection(pattern=pattern_of("error")).takes("web-1 app: ERROR 5")
        assert not Selection(pattern=pattern_of("Error")).takes("web-1 app: ERROR 5")
        assert pattern_of(None) is None
        with pytest.raises(argparse.ArgumentTypeError, match="no regular expression: missing \\), unterminated subpattern"):
            pattern_of("(")

    def test_leaves_out_visits_from_before_its_time(self) -> None:
        selection = Selection(since=2.0, pattern=pattern_of("get"))
        found = entries(["1.0 GET /a", "2.0 GET /b", "3.0 POST /c"])
        assert [entry.text for entry in found if selection.takes_entry(entry)] == ["GET /b"]

    def test_asks_the_journal_for_its_part(self, journalctl: Callable[[str], Path]) -> None:
        called = journalctl('printf "1.0 a\\n2.0 B\\n3.0 b\\n4.0 b\\n-- cursor: s=1;i=4\\n"')
        journal = Journal(colours=False, selection=Selection(since=1.5, pattern=pattern_of("b"), app=True))
        assert journal.last(2) == ["3.0 b", "4.0 b"]
        # A number of lines would count those, too, in which nothing is found.
        assert called.read_text().endswith(" --since=@1 --unit=webinfra-app@*.service --show-cursor\n")

    def test_goes_on_with_what_it_is_about(self, journalctl: Callable[[str], Path]) -> None:
        called = journalctl('case "$*" in *--follow*) printf "3.0 b\\n4.0 c\\n" ;; *) printf "1.0 b\\n-- cursor: s=1;i=2\\n" ;; esac')
        journal = Journal(colours=False, selection=Selection(since=1.0, pattern=pattern_of("b"), app=True))
        assert journal.last(9) == ["1.0 b"]
        assert [line for lines in journal.news() for line in lines] == ["3.0 b"]
        assert called.read_text().splitlines()[1].endswith(" --unit=webinfra-app@*.service --follow --no-tail --after-cursor=s=1;i=2")

    def test_is_told_with_its_times_to_a_program(self, journalctl: Callable[[str], Path]) -> None:
        journalctl('printf "1795694138.5 db-1 mysqld[1]: a\\n1795694139.5 db-1 mysqld[1]: b\\n"')
        done = subprocess.run([ROOT / "webinfra-host", "logs", "--times", "--grep=b$", "--since=1"], capture_output=True, text=True, check=True)
        assert done.stdout == "1795694139.500000 db-1 mysqld[1]: b\n"
