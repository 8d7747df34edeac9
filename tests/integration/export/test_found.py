"""Publications in a bucket, as a person names them: by day, run, version, prefix; and what is said when one is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config.load import load_client
from billing_aggregator.publications import find_publication
from billing_aggregator.publications.compare import Wanted, compare
from billing_aggregator.publications.compare.sides import open_side
from billing_aggregator.publications.download import download
from billing_aggregator.publications.errors import (
    BrokenPublicationError,
    NotThereError,
    UnreadableError,
    WrongQuestionError,
)
from billing_aggregator.publications.runs import list_runs
from billing_aggregator.publications.verify import verify
from tests.integration.export.book import BOOK, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.local.s3 import LocalS3
    from tests.exporting import Lab


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, s3_server: LocalS3, bucket: str) -> ClientConfig:
    monkeypatch.setenv("BDA_S3_ACCESS_KEY", "local")
    monkeypatch.setenv("BDA_S3_SECRET_ACCESS_KEY", "local-only")
    own = load_client("enercity", "prod")
    return own.model_copy(update={"s3_bucket": bucket, "s3_url": s3_server.url})


@pytest.fixture
def two_nights(new_lab: Callable[..., Lab]) -> Lab:
    """A versioned bucket with the publications of two nights, of 250 and of 240 rows."""
    lab = new_lab()
    for run_id, day, rows in (("first", "2026-01-30", 250), ("second", "2026-01-31", 240)):
        fill(lab, rows)
        lab.whole_run([BOOK], lab.run(run_id, day))
    return lab


@pytest.mark.parametrize(
    ("reference", "run"),
    [
        (None, "second"),
        ("latest", "second"),
        ("previous", "first"),
        ("2026-01-30", "first"),
        ("2026-01-31", "second"),
        ("first", "first"),
        ("s3://{bucket}/enercity/prod/", "second"),
        ("s3://{bucket}/enercity/prod/_manifest.json", "second"),
    ],
)
def test_each_way_to_name_a_publication(two_nights: Lab, config: ClientConfig, reference: str | None, run: str) -> None:
    named = reference.format(bucket=config.s3_bucket) if reference else None
    found = find_publication(named, config)
    assert found.manifest.run_id == run
    assert verify(found).status == 0


def test_a_version_of_the_manifest_is_a_publication(two_nights: Lab, config: ClientConfig) -> None:
    first = find_publication("first", config)
    version = first.place.rpartition("versionId=")[2]
    assert find_publication(f"version:{version}", config).manifest == first.manifest
    assert find_publication(f"{first.place}", config).manifest == first.manifest


def test_the_bucket_lists_its_nights_when_the_warehouse_cannot_be_reached(
    two_nights: Lab, config: ClientConfig
) -> None:
    found = list_runs(config, 10)
    assert found.source == "bucket"
    assert "octopus_enercity_prod" in found.notes[0]
    assert [(run.run_id, run.rows, run.is_current) for run in found.runs] == [
        ("second", 240, True),
        ("first", 250, False),
    ]
    assert len(list_runs(config, 1).runs) == 1


def test_what_is_not_there_is_said_in_one_sentence(two_nights: Lab, config: ClientConfig) -> None:
    with pytest.raises(
        NotThereError, match=r"no publication of enercity/prod is of the day or the run 2026-02-01; the"
    ):
        find_publication("2026-02-01", config)
    with pytest.raises(NotThereError, match=r"version nobody of s3://.*/_manifest.json is gone"):
        find_publication("version:nobody", config)
    with pytest.raises(NotThereError, match=r"there is no s3://.*/other/_manifest.json: name the prefix"):
        find_publication(f"s3://{config.s3_bucket}/other", config)
    empty = config.model_copy(update={"environment": "stage"})
    with pytest.raises(NotThereError, match=r"nothing is published for enercity/stage"):
        find_publication(None, empty)


def test_a_bucket_that_cannot_be_read_is_said_in_one_sentence(config: ClientConfig) -> None:
    with pytest.raises(UnreadableError, match=r"bucket nowhere-x at .*: does not exist; create it"):
        find_publication(None, config.model_copy(update={"s3_bucket": "nowhere-x"}))
    away = config.model_copy(update={"s3_url": "http://127.0.0.1:9"})
    with pytest.raises(UnreadableError, match="cannot be reached"):
        find_publication(None, away)


def remove_version(lab: Lab, s3_server: LocalS3, bucket: str) -> None:
    file = lab.manifest().exports["book"].files[1]
    s3_server.client().delete_object(Bucket=bucket, Key=file.key, VersionId=file.version_id)


def test_a_version_that_is_gone_is_named(
    two_nights: Lab, config: ClientConfig, s3_server: LocalS3, tmp_path: Path
) -> None:
    remove_version(two_nights, s3_server, config.s3_bucket)
    found = find_publication(None, config)
    checked = verify(found)
    assert checked.status == 3
    (problem,) = checked.problems
    assert "book_0001.csv: its version" in problem
    assert "which the manifest of run second names, is gone" in problem
    with pytest.raises(NotThereError, match="is gone"):
        download(found, tmp_path / "there")
    sides = [open_side(which, config) for which in ("first", "second")]
    with pytest.raises(NotThereError, match="is gone"):
        compare(sides[0], sides[1], Wanted(key=("id",)))


def test_two_nights_are_compared_by_their_versions(two_nights: Lab, config: ClientConfig) -> None:
    sides = [open_side(which, config) for which in ("previous", "latest")]
    (found,) = compare(sides[0], sides[1], Wanted(key=("id",))).exports
    assert (found.rows, found.differences.equal, found.differences.only_in_a) == ((250, 240), 240, 10)
    assert found.differences.samples_a[0] == {"id": "241"}


class Interrupted:
    """A store whose reader stops after some bytes, and that keeps what it was asked."""

    def __init__(self, store: Any, after: int) -> None:
        self._store, self._left = store, after
        self.asked: list[tuple[str, int]] = []

    def url(self, key: str) -> str:
        return str(self._store.url(key))

    def stream(self, key: str, version_id: str | None = None, **wanted: Any) -> Iterator[bytes]:
        self.asked.append((key, wanted.get("start", 0)))
        for piece in self._store.stream(key, version_id, **wanted):
            yield piece[: self._left]
            if len(piece) > self._left:
                raise KeyboardInterrupt
            self._left -= len(piece)


def test_a_download_goes_on_where_it_stopped(two_nights: Lab, config: ClientConfig, tmp_path: Path) -> None:
    from dataclasses import replace

    found = find_publication("first", config)
    first, second = found.manifest.exports["book"].files[:2]
    store: Any = Interrupted(found.store, first.bytes + 100)
    folder = tmp_path / "there"
    with pytest.raises(KeyboardInterrupt):
        download(replace(found, store=store), folder)
    names = sorted(path.name for path in folder.rglob("*") if path.is_file())
    assert names == [".book_0001.csv.part", ".download", "book_0000.csv"], "no half file has a whole file's name"
    with pytest.raises(WrongQuestionError, match="has an unfinished download of run first; finish it, remove it"):
        download(find_publication("second", config), folder)
    store = Interrupted(found.store, 1 << 30)
    done = download(replace(found, store=store), folder)
    assert (second.key, 100) in store.asked
    assert first.key not in [key for key, _ in store.asked]
    assert done.fetched == done.bytes - first.bytes - 100
    copy = find_publication(str(folder), config)
    assert (copy.manifest.run_id, verify(copy).status) == ("first", 0)
    assert download(found, folder).fetched == 0
    with pytest.raises(WrongQuestionError, match="has another publication"):
        download(find_publication("second", config), folder)


def test_a_part_with_other_bytes_is_no_part_of_the_file(two_nights: Lab, config: ClientConfig, tmp_path: Path) -> None:
    found = find_publication("first", config)
    folder = tmp_path / "there"
    download(found, folder)
    file = folder / "enercity/prod/book_0001.csv"
    file.rename(file.with_name(".book_0001.csv.part"))
    file.with_name(".book_0001.csv.part").write_bytes(b"x" * 100)
    with pytest.raises(BrokenPublicationError, match=r"book_0001.csv is not the file that the manifest of run first"):
        download(found, folder)
    assert not file.exists()
    assert download(found, folder).files == 3


def test_without_versions_a_replaced_file_is_never_mixed_in(
    config: ClientConfig, s3_server: LocalS3, new_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    s3_server.client().put_bucket_versioning(Bucket=config.s3_bucket, VersioningConfiguration={"Status": "Suspended"})
    lab = new_lab()
    fill(lab, 250)
    lab.whole_run([BOOK], lab.run("first"))
    found = find_publication(None, config)
    fill(lab, 250, factor=3)
    lab.whole_run([BOOK], lab.run("second"))
    with pytest.raises(NotThereError, match="was replaced by another run's file, and the bucket keeps no versions"):
        download(found, tmp_path / "there")
    assert verify(found).status == 1


def test_a_copy_at_another_prefix_is_read_without_versions(
    two_nights: Lab, config: ClientConfig, s3_server: LocalS3, tmp_path: Path
) -> None:
    client = s3_server.client()
    for key in two_nights.store.keys("enercity/prod/"):
        body = b"".join(two_nights.store.stream(key))
        client.put_object(Bucket=config.s3_bucket, Key=f"backup/{key}", Body=body)
    where = f"s3://{config.s3_bucket}/backup/enercity/prod/"
    assert verify(find_publication(where, config, with_versions=False)).status == 0
    gone = verify(find_publication(where, config))
    assert gone.status == 3
    assert "--without-versions" in gone.problems[0]
    download(find_publication(where, config, with_versions=False), tmp_path / "copy")
    assert verify(find_publication(str(tmp_path / "copy"), config)).status == 0
