"""A publication that was found: its manifest, and the store that has its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.config.key_template import MANIFEST_NAME, manifest_key
from billing_aggregator.export.manifest import Manifest, parse_manifest
from billing_aggregator.publications.errors import WrongQuestionError

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.manifest import ManifestExport, ManifestFile
    from billing_aggregator.export.store.protocol import ReadableStore


@dataclass(frozen=True)
class FoundPublication:
    """A publication whose files can be read.

    :param manifest: with the keys that its files have in *store*, and without versions where they do not hold there.
    :param store: the bucket or folder.
    :param place: where the manifest lies, for people.
    :param key: where the manifest lies, relative to *base*.
    :param base: what the keys in *store* have before those of the manifest; not empty in a copy of a publication.
    :param body: the manifest's bytes, as they were published.
    :param config: the client whose bucket it is; None for a folder.
    """

    manifest: Manifest
    store: ReadableStore
    place: str
    key: str
    base: str
    body: bytes
    config: ClientConfig | None

    @property
    def title(self) -> str:
        """Say in a few words which publication it is."""
        manifest = self.manifest
        return f"{manifest.client}/{manifest.environment} of {manifest.business_date}, run {manifest.run_id}"

    def relative(self, file: ManifestFile) -> str:
        """Return the key of *file* without *base*: where a copy of this publication has it."""
        return file.key.removeprefix(self.base)

    def chosen(self, export: str | None) -> dict[str, ManifestExport]:
        """Return the exports by name, or only *export*.

        :raises WrongQuestionError: the publication has no such export.
        """
        exports = self.manifest.exports
        if export is None:
            return dict(exports)
        if export not in exports:
            raise WrongQuestionError(f"{self.title} has no export {export}; it has {', '.join(exports) or 'none'}")
        return {export: exports[export]}


def open_manifest(
    body: bytes,
    store: ReadableStore,
    key: str,
    *,
    config: ClientConfig | None,
    with_versions: bool,
    version_id: str | None = None,
) -> FoundPublication:
    """Return the publication that the manifest of these bytes names.

    :param key: where the manifest lies in *store*: a copy of a publication may lie below another prefix, and a folder
        may hold the innermost part of it only.
    :param with_versions: read files by their versions; False for copies, whose files have others.
    :param version_id: the manifest's own version.
    :raises ManifestError: it is none.
    """
    place = store.url(key) + (f"?versionId={version_id}" if version_id else "")
    manifest = parse_manifest(body, place)
    own = manifest_key(manifest.client, manifest.environment)
    base = key.removesuffix(own) if key.endswith(own) else key.removesuffix(MANIFEST_NAME)
    cut = "" if key.endswith(own) else own.removesuffix(MANIFEST_NAME)
    if base or cut or not with_versions:
        manifest = _moved(manifest, base, cut, with_versions=with_versions)
    return FoundPublication(manifest, store, place, key.removeprefix(base), base, body, config)


def _moved(manifest: Manifest, base: str, cut: str, *, with_versions: bool) -> Manifest:
    def moved(file: ManifestFile) -> ManifestFile:
        # A copy is another object: neither its version nor its etag is the manifest's; its SHA-256 is.
        own = {} if with_versions else {"version_id": None, "etag": ""}
        return file.model_copy(update={"key": base + file.key.removeprefix(cut), **own})

    exports = {
        name: export.model_copy(update={"files": [moved(file) for file in export.files]})
        for name, export in manifest.exports.items()
    }
    return manifest.model_copy(update={"exports": exports})
